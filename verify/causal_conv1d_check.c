/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d: its inputs, its calls, its cases by number. */
#include <math.h>

#include "verify/scan_check.h"

/* ---- numbers --------------------------------------------------------------------------------- */

static void draw_weight(const scan_case *spec, random_state *random, double number[2]) {
  number[0] = random_normal(random) / sqrt((double)spec->width);
}

static void draw(scan_data *data, random_state *random) {
  const scan_case *spec = &data->spec;
  scan_input x = {"x", 1, 0, 0, 1, {spec->channels}};
  scan_input weight = {"weight", 0, 1, 0, 2, {spec->channels, spec->width}};
  scan_input bias = {"bias", 0, 1, 0, 1, {spec->channels}};
  scan_add(data, SCAN_X, &x, scan_normal, random);
  scan_add(data, SCAN_A, &weight, draw_weight, random);
  if (spec->bias) scan_add(data, SCAN_BIAS, &bias, scan_normal, random);
}

static int state_shape(const scan_case *spec, int64_t shape[2]) {
  shape[0] = spec->width - 1;
  shape[1] = spec->channels;
  return 2;
}

static double size(const scan_case *spec) {
  (void)spec;
  return 1;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static seqmix_causal_conv1d_args filled_args(const scan_data *data,
                                             const seqmix_tensor *const tensors[]) {
  seqmix_causal_conv1d_args args = SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  args.x = tensors[SCAN_X];
  args.weight = tensors[SCAN_A];
  args.bias = tensors[SCAN_BIAS];
  args.out = tensors[SCAN_OUT];
  args.activation = data->spec.silu ? SEQMIX_ACTIVATION_SILU : SEQMIX_ACTIVATION_NONE;
  args.past_state = tensors[SCAN_PAST];
  args.present_state = tensors[SCAN_PRESENT];
  args.state_indices = tensors[SCAN_STATE_INDICES];
  args.state_out_indices = tensors[SCAN_STATE_OUT_INDICES];
  args.cu_seqlens = tensors[SCAN_CU_SEQLENS];
  args.max_seqlen = scan_max_seqlen(data);
  return args;
}

static seqmix_status run(seqmix_context *context, const void *options,
                         const seqmix_tensor *const tensors[], void *workspace,
                         uint64_t workspace_bytes) {
  seqmix_causal_conv1d_args args = filled_args(options, tensors);
  args.workspace = workspace;
  args.workspace_bytes = workspace_bytes;
  return seqmix_causal_conv1d(context, &args);
}

static seqmix_status workspace_size(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], uint64_t *bytes) {
  seqmix_causal_conv1d_args args = filled_args(options, tensors);
  return seqmix_causal_conv1d_workspace_size(context, &args, bytes);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void vary(scan_case *spec, random_state *random) {
  spec->width = random_integer(random, 1, random_one_in(random, 4) ? 40 : 9);
  spec->bias = random_one_in(random, 2);
  spec->silu = random_one_in(random, 2);
}

const scan_operator causal_conv1d_operator = {
    .op = SEQMIX_OP_CAUSAL_CONV1D,
    .copies_tokens = 1,
    .cases = &causal_conv1d_own_cases,
    .vary = vary,
    .state_shape = state_shape,
    .draw = draw,
    .size = size,
    .run = run,
    .workspace_size = workspace_size,
};

static int named_count(void) { return scan_named_count(&causal_conv1d_operator); }

static void name_case(int index, char name[CASE_NAME]) {
  scan_name_case(&causal_conv1d_operator, index, name);
}

static void check_case(test_report *report, int index, uint64_t seed, check_record *record) {
  scan_check_case(report, &causal_conv1d_operator, index, seed, record);
}

const operator_cases causal_conv1d_cases = {named_count, 15, 150, name_case, check_case};
