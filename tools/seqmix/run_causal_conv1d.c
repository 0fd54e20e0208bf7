/* SPDX-License-Identifier: Apache-2.0 */
/* `seqmix run causal_conv1d`. */
#include "run.h"
#include "tool.h"

static void read_tensors(run *r, seqmix_causal_conv1d_args *args) {
  args->x = run_sequence(r, r->arguments->values[0], 3, 1);
  args->weight = run_input(r, r->arguments->values[1], 2);
  args->bias = run_option(r, "--bias");
  args->past_state = run_option(r, "--past-state");
  args->cu_seqlens = run_option(r, "--cu-seqlens");
  args->state_indices = run_option(r, "--state-indices");
  args->state_out_indices = run_option(r, "--state-out-indices");
}

static void make_outputs(run *r, seqmix_causal_conv1d_args *args) {
  if (r->status) return;
  const int64_t *x = args->x->shape, width = args->weight->shape[1];
  int32_t type = arguments_value(r->arguments, "--out-f32") ? SEQMIX_F32 : args->x->dtype;
  int64_t state[3] = {run_sequence_count(args->cu_seqlens, x[0]), width > 0 ? width - 1 : 0, x[2]};
  int is_pool = args->state_indices || args->state_out_indices;
  args->out = run_output_sequence(r, arguments_value(r->arguments, "-o"), type, 3, x, 1);
  args->present_state =
      run_state(r, "--state", args->past_state, is_pool, args->x->dtype, 3, state);
}

static seqmix_status workspace(seqmix_context *context, const void *args, uint64_t *bytes) {
  return seqmix_causal_conv1d_workspace_size(context, args, bytes);
}

static const char *const files[] = {"X.npy", "WEIGHT.npy"};

int run_causal_conv1d(int count, char **words) {
  static const char *const activations[] = {"none", "silu"};
  tool_option options[] = {
      RUN_OPTIONS,
      RUN_CHANNELS,
      RUN_STATE,
      {"--bias", "FILE", "of each channel", NULL},
      {"--activation", "WORD", "none (the default) or silu", NULL},
  };
  tool_arguments arguments = {"seqmix run causal_conv1d",
                              "X.npy WEIGHT.npy -o OUT.npy [options]",
                              options,
                              sizeof options / sizeof *options,
                              files,
                              2,
                              {NULL}};
  seqmix_causal_conv1d_args args = SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  run r;
  int status;
  if (!run_read_line(&arguments, count, words, &status)) return status;
  run_start(&r, "causal_conv1d", &arguments);
  run_layout_of_channels(&r);
  if (arguments_word(&arguments, "--activation", activations, 2, &args.activation)) r.status = 2;
  run_needs(&r, "--state-indices", "--past-state");
  run_needs(&r, "--state-out-indices", "--past-state");
  read_tensors(&r, &args);
  make_outputs(&r, &args);
  const char *variant = run_chosen_variant(&r, &args, workspace);
  if (!r.status) run_check(&r, seqmix_causal_conv1d(r.context, &args));
  return run_end(&r, variant);
}
