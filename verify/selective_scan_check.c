/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan: its inputs, its calls, its cases by number. */
#include <math.h>

#include "verify/scan_check.h"

#define PI 3.141592653589793

/* ---- numbers --------------------------------------------------------------------------------- */

static void draw_step(const scan_case *spec, random_state *random, double number[2]) {
  switch (spec->steps) {
    case STEPS_USUAL:
      number[0] = spec->softplus ? random_normal(random) - 2 : 0.2 * random_unit(random);
      break;
    case STEPS_SMALL: number[0] = 1e-3; break;
    case STEPS_WIDE:
      number[0] = 10 * (double)random_integer(random, spec->softplus ? -3 : 0, 3);
      break;
    case STEPS_FAINT: number[0] = spec->softplus ? -30 : 1e-13; break;
    case STEPS_BIASED: number[0] = random_unit(random); break;
    default: number[0] = 0; break;
  }
}

/* Without a softplus steps stay positive. */
static void draw_delta_bias(const scan_case *spec, random_state *random, double number[2]) {
  number[0] = 0.1 * random_unit(random);
  if (spec->steps == STEPS_BIASED) {
    number[0] = 30 * (double)random_integer(random, spec->softplus ? -1 : 0, 1);
  }
}

static void draw_rate(const scan_case *spec, random_state *random, double number[2]) {
  static const double mixed[] = {0, -1e-3, -1, -30, -1e4};
  switch (spec->rates) {
    case RATES_USUAL: number[0] = -0.5 - 4 * random_unit(random); break;
    case RATES_ONE: number[0] = -1; break;
    case RATES_STRONG: number[0] = -1e4; break;
    case RATES_MIXED: number[0] = mixed[random_integer(random, 0, 4)]; break;
    case RATES_POSITIVE: number[0] = 0.5; break;
    default: number[0] = 0; break;
  }
  if (spec->is_complex) number[1] = PI * (2 * random_unit(random) - 1);
}

static void draw(scan_data *data, random_state *random) {
  const scan_case *spec = &data->spec;
  int64_t channels = spec->channels, width = spec->width, groups = spec->groups;
  scan_input u = {"u", 1, 0, 0, 1, {channels}};
  scan_input delta = {"delta", 1, 1, 0, 1, {channels}};
  scan_input A = {"A", 0, 1, spec->is_complex, 2, {channels, width}};
  scan_input B = {"B", 1, 1, spec->is_complex, 2, {groups, width}};
  scan_input C = {"C", 1, 1, spec->is_complex, 2, {groups, width}};
  scan_input D = {"D", 0, 1, 0, 1, {channels}};
  scan_input z = {"z", 1, 1, 0, 1, {channels}};
  scan_input delta_bias = {"delta_bias", 0, 1, 0, 1, {channels}};
  scan_add(data, SCAN_X, &u, scan_normal, random);
  scan_add(data, SCAN_DELTA, &delta, draw_step, random);
  scan_add(data, SCAN_A, &A, draw_rate, random);
  scan_add(data, SCAN_B, &B, scan_normal, random);
  scan_add(data, SCAN_C, &C, scan_normal, random);
  if (spec->skip) scan_add(data, SCAN_D, &D, scan_normal, random);
  if (spec->gate) scan_add(data, SCAN_Z, &z, scan_normal, random);
  if (spec->bias) scan_add(data, SCAN_BIAS, &delta_bias, draw_delta_bias, random);
}

static int state_shape(const scan_case *spec, int64_t shape[2]) {
  shape[0] = spec->channels;
  shape[1] = spec->width;
  return 2;
}

static double size(const scan_case *spec) {
  double step = spec->steps == STEPS_SMALL ? 1e-3 : spec->steps == STEPS_FAINT ? 1e-13 : 0.1;
  return sqrt((double)spec->width) * (spec->states & STATES_PAST ? 1 : step) + (spec->skip ? 1 : 0);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static seqmix_selective_scan_args filled_args(const scan_data *data,
                                              const seqmix_tensor *const tensors[]) {
  seqmix_selective_scan_args args = SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  args.u = tensors[SCAN_X];
  args.delta = tensors[SCAN_DELTA];
  args.A = tensors[SCAN_A];
  args.B = tensors[SCAN_B];
  args.C = tensors[SCAN_C];
  args.D = tensors[SCAN_D];
  args.z = tensors[SCAN_Z];
  args.delta_bias = tensors[SCAN_BIAS];
  args.out = tensors[SCAN_OUT];
  args.delta_softplus = data->spec.softplus;
  args.is_complex = data->spec.is_complex;
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
  seqmix_selective_scan_args args = filled_args(options, tensors);
  args.workspace = workspace;
  args.workspace_bytes = workspace_bytes;
  return seqmix_selective_scan(context, &args);
}

static seqmix_status workspace_size(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], uint64_t *bytes) {
  seqmix_selective_scan_args args = filled_args(options, tensors);
  return seqmix_selective_scan_workspace_size(context, &args, bytes);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void vary(scan_case *spec, random_state *random) {
  static const int64_t widths[] = {1, 2, 3, 4, 8, 8, 16, 16, 17, 32, 64, 100};
  spec->width = widths[random_integer(random, 0, 11)];
  spec->is_complex = random_one_in(random, 4);
  while (spec->width * spec->channels * spec->at.t * spec->at.batch > 400000) {
    if (spec->width > 8) {
      spec->width /= 2;
    } else {
      spec->channels = spec->channels / 2 + 1;
    }
  }
  int64_t groups = random_integer(random, 1, spec->channels);
  spec->groups = spec->channels % groups ? 1 : groups;
  spec->skip = random_one_in(random, 2);
  spec->gate = random_one_in(random, 2);
  spec->bias = random_one_in(random, 2);
  spec->softplus = random_one_in(random, 2);
  if (random_one_in(random, 2)) spec->steps = (step_values)random_integer(random, 0, STEPS - 1);
  if (random_one_in(random, 2)) spec->rates = (rate_values)random_integer(random, 0, RATES - 1);
  int far = spec->at.t > 20 || spec->steps == STEPS_WIDE || spec->steps == STEPS_BIASED;
  if (spec->rates == RATES_POSITIVE && far) spec->rates = RATES_USUAL;
}

const scan_operator selective_scan_operator = {
    .op = SEQMIX_OP_SELECTIVE_SCAN,
    .cases = &selective_scan_own_cases,
    .vary = vary,
    .state_shape = state_shape,
    .draw = draw,
    .size = size,
    .run = run,
    .workspace_size = workspace_size,
};

static int named_count(void) { return scan_named_count(&selective_scan_operator); }

static void name_case(int index, char name[CASE_NAME]) {
  scan_name_case(&selective_scan_operator, index, name);
}

static void check_case(test_report *report, int index, uint64_t seed, check_record *record) {
  scan_check_case(report, &selective_scan_operator, index, seed, record);
}

const operator_cases selective_scan_cases = {named_count, 15, 150, name_case, check_case};
