/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run linear_recurrence`. */
#include "run.h"
#include "tool.h"

static void read_tensors(run *r, seqmix_linear_recurrence_args *args) {
  int axes = args->is_complex ? 4 : 3;
  args->a = run_sequence(r, r->arguments->values[0], 0, 1);
  args->b = run_sequence(r, r->arguments->values[1], axes, 1);
  args->past_state = run_option(r, "--past-state");
  args->cu_seqlens = run_option(r, "--cu-seqlens");
  args->state_indices = run_option(r, "--state-indices");
  args->state_out_indices = run_option(r, "--state-out-indices");
}

static void make_outputs(run *r, seqmix_linear_recurrence_args *args) {
  if (r->status) return;
  const seqmix_tensor *b = args->b;
  int32_t type = arguments_value(r->arguments, "--out-f32") ? SEQMIX_F32 : b->dtype;
  int64_t state[3] = {run_sequence_count(args->cu_seqlens, b->shape[0]), b->shape[2], 2};
  int is_pool = args->state_indices || args->state_out_indices;
  const char *path = arguments_value(r->arguments, "-o");
  args->out = run_output_sequence(r, path, type, b->ndim, b->shape, 1);
  args->present_state =
      run_state(r, "--state", args->past_state, is_pool, SEQMIX_F32, b->ndim - 1, state);
}

static seqmix_status workspace(seqmix_context *context, const void *args, uint64_t *bytes) {
  return seqmix_linear_recurrence_workspace_size(context, args, bytes);
}

static const char *const files[] = {"A.npy", "B.npy"};

int run_linear_recurrence(int count, char **words) {
  tool_option options[] = {
      RUN_OPTIONS,
      RUN_CHANNELS,
      RUN_STATE,
      {"--reverse", NULL, "time runs backwards", NULL},
      {"--complex", NULL, "files have real and imaginary parts along a further last axis", NULL},
  };
  tool_arguments arguments = {"seqmix run linear_recurrence",
                              "A.npy B.npy -o OUT.npy [options]",
                              options,
                              sizeof options / sizeof *options,
                              files,
                              2,
                              {NULL}};
  seqmix_linear_recurrence_args args = SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  run r;
  int status;
  if (!run_read_line(&arguments, count, words, &status)) return status;
  run_start(&r, "linear_recurrence", &arguments);
  run_layout_of_channels(&r);
  run_needs(&r, "--state-indices", "--past-state");
  run_needs(&r, "--state-out-indices", "--past-state");
  args.reverse = arguments_value(&arguments, "--reverse") != NULL;
  args.is_complex = arguments_value(&arguments, "--complex") != NULL;
  read_tensors(&r, &args);
  make_outputs(&r, &args);
  const char *variant = run_chosen_variant(&r, &args, workspace);
  if (!r.status) run_check(&r, seqmix_linear_recurrence(r.context, &args));
  return run_end(&r, variant);
}
