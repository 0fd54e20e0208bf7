/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run selective_scan`. */
#include "run.h"
#include "tool.h"

static void read_tensors(run *r, seqmix_selective_scan_args *args) {
  const char *const *files = r->arguments->values;
  int pairs = args->is_complex ? 1 : 0;
  args->u = run_sequence(r, files[0], 3, 1);
  args->delta = run_sequence(r, files[1], 3, 1);
  args->A = run_input(r, files[2], 2 + pairs);
  args->B = run_sequence(r, files[3], 4 + pairs, 1);
  args->C = run_sequence(r, files[4], 4 + pairs, 1);
  args->D = run_option(r, "--D");
  args->z = run_sequence(r, arguments_value(r->arguments, "--z"), 3, 1);
  args->delta_bias = run_option(r, "--delta-bias");
  args->past_state = run_option(r, "--past-state");
  args->cu_seqlens = run_option(r, "--cu-seqlens");
  args->state_indices = run_option(r, "--state-indices");
  args->state_out_indices = run_option(r, "--state-out-indices");
}

static void make_outputs(run *r, seqmix_selective_scan_args *args) {
  if (r->status) return;
  const int64_t *u = args->u->shape;
  int32_t type = arguments_value(r->arguments, "--out-f32") ? SEQMIX_F32 : args->u->dtype;
  int64_t state[4] = {run_sequence_count(args->cu_seqlens, u[0]), u[2], args->A->shape[1], 2};
  int is_pool = args->state_indices || args->state_out_indices;
  args->out = run_output_sequence(r, arguments_value(r->arguments, "-o"), type, 3, u, 1);
  args->present_state = run_state(r, "--state", args->past_state, is_pool, SEQMIX_F32,
                                  args->is_complex ? 4 : 3, state);
}

static seqmix_status workspace(seqmix_context *context, const void *args, uint64_t *bytes) {
  return seqmix_selective_scan_workspace_size(context, args, bytes);
}

static const char *const files[] = {"U.npy", "DELTA.npy", "A.npy", "B.npy", "C.npy"};

int run_selective_scan(int count, char **words) {
  tool_option options[] = {
      RUN_OPTIONS,
      RUN_CHANNELS,
      RUN_STATE,
      {"--D", "FILE", "of each channel: what u is multiplied by and added", NULL},
      {"--z", "FILE", "the result is multiplied by silu of it", NULL},
      {"--delta-bias", "FILE", "of each channel: added to the steps", NULL},
      {"--delta-softplus", NULL, "softplus of the steps", NULL},
      {"--complex", NULL,
       "A, B, C and states have real and imaginary parts along a further last axis", NULL},
  };
  tool_arguments arguments = {"seqmix run selective_scan",
                              "U.npy DELTA.npy A.npy B.npy C.npy -o OUT.npy [options]",
                              options,
                              sizeof options / sizeof *options,
                              files,
                              5,
                              {NULL}};
  seqmix_selective_scan_args args = SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  run r;
  int status;
  if (!run_read_line(&arguments, count, words, &status)) return status;
  run_start(&r, "selective_scan", &arguments);
  run_layout_of_channels(&r);
  run_needs(&r, "--state-indices", "--past-state");
  run_needs(&r, "--state-out-indices", "--past-state");
  args.delta_softplus = arguments_value(&arguments, "--delta-softplus") != NULL;
  args.is_complex = arguments_value(&arguments, "--complex") != NULL;
  read_tensors(&r, &args);
  make_outputs(&r, &args);
  const char *variant = run_chosen_variant(&r, &args, workspace);
  if (!r.status) run_check(&r, seqmix_selective_scan(r.context, &args));
  return run_end(&r, variant);
}
