/* SPDX-License-Identifier: Apache-2.0 */
/* Scans computed as other scans: backwards as time written backwards, real numbers as complex
 * ones, running sums as a recurrence, and a recurrence as a selective scan. */
#include <math.h>

#include "every_variant.h"
#include "scan_outcome.h"
#include "test_attention.h"
#include "verify/prefix_scan_data.h"

#define SIZE(b, n, c) .at.batch = (b), .at.t = (n), .channels = (c)
#define BF16 .dtype = SEQMIX_BF16
#define STATES .states = STATES_BOTH

static double input_at(const scan_data *data, int slot, const int64_t *index) {
  const test_tensor *tensor = data->tensors[slot];
  return tensor_load(tensor, tensor->storage->bytes, tensor_at(tensor, index));
}

static double output_at(const scan_outcome *run, int slot, const int64_t *index) {
  const test_tensor *tensor = run->call.tensors[slot];
  return tensor_load(tensor, run->result.images[slot], tensor_at(tensor, index));
}

/* ---- backwards ------------------------------------------------------------------------------- */

static const scan_property backwards[] = {
    {RECURRENCE, {.name = "backwards", SIZE(2, 70, 9), STATES, .reverse = 1}},
    {RECURRENCE, {.name = "backwards_t1", SIZE(2, 1, 9), STATES, .reverse = 1}},
    {RECURRENCE, {.name = "backwards_bf16", BF16, SIZE(2, 70, 33), STATES, .reverse = 1}},
    {RECURRENCE,
     {.name = "backwards_constant", SIZE(2, 70, 9), STATES, .reverse = 1, .constant = 1}},
    {RECURRENCE,
     {.name = "backwards_complex", SIZE(2, 70, 9), STATES, .reverse = 1, .is_complex = 1}},
    {RECURRENCE,
     {.name = "backwards_time_inside", SIZE(2, 300, 9), STATES, .reverse = 1, .layout = SCAN_TIME}},
    {RECURRENCE,
     {.name = "backwards_long",
      SIZE(1, 3000, 1),
      STATES,
      .reverse = 1,
      .factors = FACTORS_NEAR_ONE}},
};
enum { BACKWARDS = sizeof backwards / sizeof backwards[0] };

/* Tokens written down in the other order, taken in the other direction. */
static void check_backwards(test_report *report, const scan_outcome *whole, const char *variant) {
  scan_case spec = whole->data.spec;
  int64_t last = spec.at.t - 1;
  spec.reverse = 0;
  scan_outcome other = {.data = scan_draw(whole->data.of, &spec, 0)};
  scan_expectation e = scan_expect(whole);
  scan_copy_constants(&other.data, &whole->data);
  for (int64_t n = 0; n < spec.at.batch; n++) {
    for (int64_t i = 0; i <= last; i++) {
      scan_copy_token(&other.data, n, i, &whole->data, n, last - i);
    }
    scan_copy_past(&other.data, n, &whole->data, n);
  }
  scan_compute(report, &other, variant);
  for (int64_t n = 0; n < spec.at.batch; n++) {
    for (int64_t i = 0; i <= last; i++) scan_expect_token(&e, n, i, &other, n, last - i);
    scan_expect_present(&e, n, &other, n);
  }
  scan_compare(report, &e, variant);
  scan_outcome_release(&other);
}

START_TEST(reverse_scan_is_time_written_backwards) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&backwards[_i], check_backwards);
}
END_TEST

/* ---- real numbers as complex ones ------------------------------------------------------------ */

static const scan_property reals[] = {
    {RECURRENCE, {.name = "real_recurrence", SIZE(2, 70, 9), STATES}},
    {RECURRENCE, {.name = "real_recurrence_constant", SIZE(2, 70, 9), STATES, .constant = 1}},
    {RECURRENCE, {.name = "real_recurrence_bf16", BF16, SIZE(2, 70, 17), STATES}},
    {SELECTIVE, {.name = "real_selective", SIZE(2, 70, 9), STATES}},
    {SELECTIVE, {.name = "real_selective_z", SIZE(2, 70, 9), STATES, .gate = 1, .softplus = 1}},
    {SELECTIVE, {.name = "real_selective_s17", SIZE(2, 33, 5), STATES, .width = 17}},
};
enum { REALS = sizeof reals / sizeof reals[0] };

/* The same numbers, each with an imaginary part of 0. */
static void copy_as_complex(scan_data *to, const scan_data *from) {
  for (int slot = 0; slot <= SCAN_PAST; slot++) {
    test_tensor *tensor = to->tensors[slot];
    if (!tensor) continue;
    int pairs = tensor->view.ndim > from->tensors[slot]->view.ndim;
    for (tensor_walk w = tensor_start(tensor); w.left; tensor_next(&w)) {
      int imaginary = pairs && w.index[tensor->view.ndim - 1];
      tensor_store(tensor, w.at, imaginary ? 0 : input_at(from, slot, w.index));
    }
  }
}

/* Elements of `own` are real parts of the other's, times a factor. */
static void expect_real_parts(test_tensor *own, const scan_outcome *other, int slot,
                              double factor) {
  for (tensor_walk w = tensor_start(own); w.left; tensor_next(&w)) {
    tensor_store(own, w.at, factor * output_at(other, slot, w.index));
  }
}

/* A real scan against a complex one; of selective_scan that sums twice the real part. */
static void check_real(test_report *report, const scan_outcome *whole, const char *variant) {
  scan_case spec = whole->data.spec;
  spec.is_complex = 1;
  scan_outcome other = {.data = scan_draw(whole->data.of, &spec, 0)};
  scan_expectation e = scan_expect(whole);
  copy_as_complex(&other.data, &whole->data);
  scan_compute(report, &other, variant);
  expect_real_parts(e.own[SCAN_OUT], &other, SCAN_OUT, whole->data.of->complex_tokens ? 1 : 0.5);
  expect_real_parts(e.own[SCAN_PRESENT], &other, SCAN_PRESENT, 1);
  scan_compare(report, &e, variant);
  scan_outcome_release(&other);
}

START_TEST(real_scan_is_complex_without_imaginary_parts) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&reals[_i], check_real);
}
END_TEST

/* ---- running sums ---------------------------------------------------------------------------- */

static const scan_property sums[] = {
    {RECURRENCE, {.name = "sum_of_t70", SIZE(3, 70, 17), .factors = FACTORS_ONE}},
    {RECURRENCE, {.name = "sum_of_t3000", SIZE(1, 3000, 2), .factors = FACTORS_ONE}},
    {RECURRENCE, {.name = "sum_reverse", SIZE(2, 300, 9), .factors = FACTORS_ONE, .reverse = 1}},
    {RECURRENCE, {.name = "sum_bf16", BF16, SIZE(2, 70, 9), .factors = FACTORS_ONE, .constant = 1}},
};
enum { SUMS = sizeof sums / sizeof sums[0] };

/* A recurrence that forgets nothing is a running sum along the axis in the middle. */
static void check_sum(test_report *report, const scan_outcome *whole, const char *variant) {
  const scan_case *spec = &whole->data.spec;
  prefix_case sum = {.name = spec->name,
                     .dtype = spec->dtype,
                     .rank = 3,
                     .axis = 1,
                     .shape = {spec->at.batch, spec->at.t, spec->channels},
                     .reverse = spec->reverse};
  prefix_data data = prefix_draw(&sum, 0);
  operator_call call = prefix_call(&data);
  call_result result;
  test_tensor *x = data.tensors[PREFIX_X];
  for (tensor_walk w = tensor_start(x); w.left; tensor_next(&w)) {
    tensor_store(x, w.at, input_at(&whole->data, SCAN_X, w.index));
  }
  run_by_variant(report, &call, NULL, &result);
  scan_expectation e = scan_expect(whole);
  test_tensor *own = e.own[SCAN_OUT];
  for (tensor_walk w = tensor_start(own); w.left; tensor_next(&w)) {
    const test_tensor *out = data.tensors[PREFIX_OUT];
    tensor_store(own, w.at, tensor_load(out, result.images[PREFIX_OUT], tensor_at(out, w.index)));
  }
  scan_compare(report, &e, variant);
  harness_free(&call, &result);
  prefix_release(&data);
}

START_TEST(recurrence_of_ones_is_a_sum) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&sums[_i], check_sum);
}
END_TEST

/* ---- a selective scan of one state ------------------------------------------------------------
 */

static const scan_property selective[] = {
    {SELECTIVE, {.name = "one_state", SIZE(2, 70, 9), STATES, .width = 1}},
    {SELECTIVE, {.name = "one_state_t1", SIZE(5, 1, 33), STATES, .width = 1}},
    {SELECTIVE,
     {.name = "one_state_steps", SIZE(2, 70, 9), STATES, .width = 1, .steps = STEPS_WIDE}},
};
enum { SELECTIVES = sizeof selective / sizeof selective[0] };

/* It is C times a recurrence of factors exp(step A), each rounded to f32, which is another half of
 * the bound at most: what is forgotten slowly enough for it to add up is another case. */
static void check_one_state(test_report *report, const scan_outcome *whole, const char *variant) {
  scan_case spec = whole->data.spec;
  scan_outcome other = {.data = scan_draw(RECURRENCE, &spec, 0)};
  scan_expectation e = scan_expect(whole);
  for (tensor_walk w = tensor_start(other.data.tensors[SCAN_X]); w.left; tensor_next(&w)) {
    int64_t of_group[4] = {w.index[0], w.index[1], 0, 0}, of_channel[2] = {w.index[2], 0};
    double step = input_at(&whole->data, SCAN_DELTA, w.index);
    test_tensor *a = other.data.tensors[SCAN_A], *b = other.data.tensors[SCAN_X];
    tensor_store(a, tensor_at(a, w.index), exp(step * input_at(&whole->data, SCAN_A, of_channel)));
    tensor_store(
        b, w.at,
        step * input_at(&whole->data, SCAN_B, of_group) * input_at(&whole->data, SCAN_X, w.index));
  }
  for (tensor_walk w = tensor_start(other.data.tensors[SCAN_PAST]); w.left; tensor_next(&w)) {
    int64_t index[3] = {w.index[0], w.index[1], 0};
    tensor_store(other.data.tensors[SCAN_PAST], w.at, input_at(&whole->data, SCAN_PAST, index));
  }
  scan_compute(report, &other, NULL);
  for (tensor_walk w = tensor_start(e.own[SCAN_OUT]); w.left; tensor_next(&w)) {
    int64_t of_group[4] = {w.index[0], w.index[1], 0, 0};
    tensor_store(e.own[SCAN_OUT], w.at,
                 input_at(&whole->data, SCAN_C, of_group) * output_at(&other, SCAN_OUT, w.index));
  }
  expect_real_parts(e.own[SCAN_PRESENT], &other, SCAN_PRESENT, 1);
  scan_compare(report, &e, variant);
  scan_outcome_release(&other);
}

START_TEST(selective_scan_of_one_state_is_a_recurrence) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  scan_property_holds(&selective[_i], check_one_state);
}
END_TEST

void suite_scan_identities(Suite *suite) {
  TCase *tcase = tcase_create("scans as others");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  scan_properties_add(tcase, reverse_scan_is_time_written_backwards, backwards, BACKWARDS);
  scan_properties_add(tcase, real_scan_is_complex_without_imaginary_parts, reals, REALS);
  scan_properties_add(tcase, recurrence_of_ones_is_a_sum, sums, SUMS);
  scan_properties_add(tcase, selective_scan_of_one_state_is_a_recurrence, selective, SELECTIVES);
  suite_add_tcase(suite, tcase);
}
