/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of bf16 by products of pairs against the reference: every named case and random ones,
 * whatever their type was, as bf16 on the device "pairs" (support/pairs_backend.c). */
#include <math.h>
#include <stdlib.h>

#include "support/suite.h"
#include "verify/attention_check.h"
#include "verify/operator_cases.h"

#define RANDOM_CASES 300
#define SIZE(b, i, j, h, g, n) .batch = b, .tq = i, .tk = j, .hq = h, .hkv = g, .d = n

/* Counts survive from test to test. */
static check_record *record(void) { return suite_memory(); }

/* No skip: the plug-in lies beside this program. */
static void open_pairs(void) {
  setenv("SEQMIX_PLUGIN_PATH", PAIRS_FOLDER, 1);
  devices_choose("pairs");
  devices_open();
  ck_assert_msg(!devices_failure(), "%s", devices_failure());
  ck_assert_msg(!devices_missing(), "%s", devices_missing());
}

/* Numbers are those of attention_cases: sizes, options, then random ones. */
static attention_case make_case(int number, char name[CASE_NAME]) {
  attention_case spec;
  int options = number - attention_shape_case_count, random = options - attention_option_case_count;
  attention_cases.name(number, name);
  if (options < 0) {
    spec = attention_shape_cases[number];
  } else if (random < 0) {
    spec = attention_option_cases[options];
  } else {
    random_state state = random_start(suite_seed(name) + 1);
    spec = attention_case_random(&state, name);
  }
  spec.dtype = SEQMIX_BF16;
  return spec;
}

START_TEST(case_in_pairs_is_right) {
  char name[CASE_NAME];
  attention_case spec = make_case(_i, name);
  test_report report = {0};
  attention_check(&report, &spec, suite_seed(name), record());
  report_assert(&report);
}
END_TEST

/* Values with an infinity take the slower product, which unpacks the pairs one by one. Rows end
 * before either half of one, and the infinity stands in either. */
static const attention_case infinite[] = {
    {.name = "pairs_inf_causal", SIZE(2, 41, 40, 2, 1, 16), .causal = 1},
    {.name = "pairs_inf_causal_odd", SIZE(2, 40, 43, 4, 2, 17), .causal = 1},
    {.name = "pairs_inf_window",
     SIZE(1, 60, 330, 2, 1, 33),
     .window = 1,
     .window_left = 9,
     .window_right = 2,
     .offset_kind = OFFSET_VALUE,
     .offset = 130},
    {.name = "pairs_inf_mask", SIZE(2, 30, 211, 2, 1, 32), .mask_rank = 4},
    {.name = "pairs_inf_bias", SIZE(2, 30, 98, 2, 1, 7), .bias = BIAS_NEG_INF},
};
enum { INFINITE = sizeof infinite / sizeof *infinite };

START_TEST(infinite_value_in_pairs_is_right) {
  attention_case spec = infinite[_i];
  spec.dtype = SEQMIX_BF16;
  spec.plant = PLANT_INF_VALUE;
  test_report report = {0};
  attention_check(&report, &spec, suite_seed(spec.name), record());
  report_assert(&report);
}
END_TEST

/* Values of one give sums of the rounded weights over those of the weights. Weights cut off, not
 * rounded, would be within the bounds of bf16, but 0.0027 short on average. */
START_TEST(rounding_has_no_direction) {
  static const attention_case spec = {
      .name = "pairs_rounding", .dtype = SEQMIX_BF16, SIZE(1, 64, 500, 1, 1, 64), .out_f32 = 1};
  attention_data data = attention_draw(&spec, suite_seed(spec.name));
  test_tensor *v = data.tensors[SLOT_V], *out = data.tensors[SLOT_OUT];
  for (int64_t at[4] = {0}; at[1] < spec.tk; at[1]++)
    for (at[3] = 0; at[3] < spec.d; at[3]++) tensor_store(v, tensor_at(v, at), 1);
  operator_call call = attention_call(&data);
  test_report report = {0};
  call_result result =
      harness_run(&report, device_under_test(DEVICE_ONE_THREAD), &call, WORKSPACE_ARENA, spec.name);
  double sum = 0;
  for (int64_t at[4] = {0}; at[1] < spec.tq; at[1]++)
    sum += tensor_load(out, result.images[SLOT_OUT], tensor_at(out, at));
  harness_free(&call, &result);
  attention_release(&data);
  report_assert(&report);
  ck_assert_msg(fabs(sum / (double)spec.tq - 1) < 1e-4, "mean %.6f", sum / (double)spec.tq);
}
END_TEST

/* After the cases, whose acceptances it counts. */
START_TEST(pairs_are_used) {
  if (suite_is_partial()) suite_skip("only part of the cases ran");
  test_report report = {0};
  check_variants_used(&report, SEQMIX_OP_ATTENTION, record());
  report_assert(&report);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cpu_pairs");
  TCase *tcase = tcase_create("cpu_pairs");
  char name[CASE_NAME];
  tcase_add_unchecked_fixture(tcase, open_pairs, devices_close);
  for (int i = 0; i < attention_cases.named() + suite_case_count(RANDOM_CASES); i++) {
    attention_cases.name(i, name);
    if (suite_wants_case(name)) suite_add_loop(tcase, case_in_pairs_is_right, i, i + 1);
  }
  for (int i = 0; i < INFINITE; i++) {
    if (suite_wants_case(infinite[i].name))
      suite_add_loop(tcase, infinite_value_in_pairs_is_right, i, i + 1);
  }
  suite_add(tcase, rounding_has_no_direction);
  suite_add(tcase, pairs_are_used);
  suite_add_tcase(suite, tcase);
  return suite;
}
