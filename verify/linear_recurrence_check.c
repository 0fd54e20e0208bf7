/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence: its inputs, its calls, its cases by number. */
#include <math.h>

#include "verify/scan_check.h"

#define PI 3.141592653589793

/* ---- numbers --------------------------------------------------------------------------------- */

static double draw_modulus(factor_values values, random_state *random) {
  static const double mixed[] = {0, 1, -1, 0.999, 0.5, -0.9};
  switch (values) {
    case FACTORS_SIGNED: return 2 * random_unit(random) - 1;
    case FACTORS_UNIT: return random_unit(random);
    case FACTORS_NEAR_ONE: return 1 - 1e-3 * random_unit(random);
    case FACTORS_ONE: return 1;
    case FACTORS_MIXED: return mixed[random_integer(random, 0, 5)];
    case FACTORS_TINY: return 1e-20 * (0.5 + random_unit(random));
    case FACTORS_GROWING: return 1 + 0.1 * random_unit(random);
    default: return 0;
  }
}

static void draw_factor(const scan_case *spec, random_state *random, double number[2]) {
  double modulus = draw_modulus(spec->factors, random);
  double angle = spec->is_complex ? 2 * PI * random_unit(random) : 0;
  number[0] = modulus * cos(angle);
  number[1] = modulus * sin(angle);
}

static void draw(scan_data *data, random_state *random) {
  const scan_case *spec = &data->spec;
  scan_input b = {"b", 1, 0, spec->is_complex, 1, {spec->channels}};
  scan_input a = {"a", !spec->constant, 1, spec->is_complex, 1, {spec->channels}};
  scan_add(data, SCAN_X, &b, scan_normal, random);
  scan_add(data, SCAN_A, &a, draw_factor, random);
}

static int state_shape(const scan_case *spec, int64_t shape[2]) {
  shape[0] = spec->channels;
  return 1;
}

static double size(const scan_case *spec) {
  (void)spec;
  return 1;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static seqmix_linear_recurrence_args filled_args(const scan_data *data,
                                                 const seqmix_tensor *const tensors[]) {
  seqmix_linear_recurrence_args args = SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  args.a = tensors[SCAN_A];
  args.b = tensors[SCAN_X];
  args.out = tensors[SCAN_OUT];
  args.is_complex = data->spec.is_complex;
  args.reverse = data->spec.reverse;
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
  seqmix_linear_recurrence_args args = filled_args(options, tensors);
  args.workspace = workspace;
  args.workspace_bytes = workspace_bytes;
  return seqmix_linear_recurrence(context, &args);
}

static seqmix_status workspace_size(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], uint64_t *bytes) {
  seqmix_linear_recurrence_args args = filled_args(options, tensors);
  return seqmix_linear_recurrence_workspace_size(context, &args, bytes);
}

/* ---- cases ----------------------------------------------------------------------------------- */

/* Factors beyond 1, which those of modulus 1 in 16 bits also are, only for short sequences. */
static void vary(scan_case *spec, random_state *random) {
  spec->reverse = random_one_in(random, 3);
  spec->constant = random_one_in(random, 3);
  spec->is_complex = random_one_in(random, 3);
  spec->factors = (factor_values)random_integer(random, 0, FACTORS - 1);
  int rounded =
      spec->is_complex && spec->gates_own_type && spec->dtype && spec->dtype != SEQMIX_F32;
  if ((spec->factors == FACTORS_GROWING || rounded) && spec->at.t > 40) {
    spec->factors = FACTORS_SIGNED;
  }
}

const scan_operator linear_recurrence_operator = {
    .op = SEQMIX_OP_LINEAR_RECURRENCE,
    .complex_tokens = 1,
    .cases = &linear_recurrence_own_cases,
    .vary = vary,
    .state_shape = state_shape,
    .draw = draw,
    .size = size,
    .run = run,
    .workspace_size = workspace_size,
};

static int named_count(void) { return scan_named_count(&linear_recurrence_operator); }

static void name_case(int index, char name[CASE_NAME]) {
  scan_name_case(&linear_recurrence_operator, index, name);
}

static void check_case(test_report *report, int index, uint64_t seed, check_record *record) {
  scan_check_case(report, &linear_recurrence_operator, index, seed, record);
}

const operator_cases linear_recurrence_cases = {named_count, 15, 150, name_case, check_case};
