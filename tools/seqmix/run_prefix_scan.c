/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run prefix_scan`. */
#include <stdio.h>

#include "run.h"
#include "tool.h"

static void read_words(run *r, seqmix_prefix_scan_args *args) {
  static const char *const ops[] = {"sum", "product", "max", "logsumexp"};
  const tool_arguments *a = r->arguments;
  int64_t axis = args->axis;
  int wrong = arguments_word(a, "--op", ops, 4, &args->op) || arguments_integer(a, "--axis", &axis);
  if (!wrong && (axis < INT32_MIN || axis > INT32_MAX)) {
    fprintf(stderr, "%s: --axis is %lld; it must be an axis of the file\n", a->command,
            (long long)axis);
    wrong = 1;
  }
  if (wrong && !r->status) r->status = 2;
  args->axis = (int32_t)axis;
  args->exclusive = arguments_value(a, "--exclusive") != NULL;
  args->reverse = arguments_value(a, "--reverse") != NULL;
}

static void make_output(run *r, seqmix_prefix_scan_args *args) {
  if (r->status) return;
  int32_t type = arguments_value(r->arguments, "--out-f32") ? SEQMIX_F32 : args->x->dtype;
  args->out =
      run_output(r, arguments_value(r->arguments, "-o"), type, args->x->ndim, args->x->shape);
}

static seqmix_status workspace(seqmix_context *context, const void *args, uint64_t *bytes) {
  return seqmix_prefix_scan_workspace_size(context, args, bytes);
}

static const char *const files[] = {"X.npy"};

int run_prefix_scan(int count, char **words) {
  tool_option options[] = {
      RUN_OPTIONS,
      {"--op", "WORD", "sum (the default), product, max or logsumexp", NULL},
      {"--axis", "N", "the one that is scanned, negative from the end; -1 is the default", NULL},
      {"--exclusive", NULL, "each result leaves its own element out", NULL},
      {"--reverse", NULL, "from the end to the beginning", NULL},
      {"--cu-seqlens", "FILE", "where segments of the axis begin and end", NULL},
  };
  tool_arguments arguments = {"seqmix run prefix_scan",
                              "X.npy -o OUT.npy [options]",
                              options,
                              sizeof options / sizeof *options,
                              files,
                              1,
                              {NULL}};
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  run r;
  int status;
  if (!run_read_line(&arguments, count, words, &status)) return status;
  run_start(&r, "prefix_scan", &arguments);
  read_words(&r, &args);
  args.x = run_input(&r, arguments.values[0], 0);
  args.cu_seqlens = run_option(&r, "--cu-seqlens");
  make_output(&r, &args);
  const char *variant = run_chosen_variant(&r, &args, workspace);
  if (!r.status) run_check(&r, seqmix_prefix_scan(r.context, &args));
  return run_end(&r, variant);
}
