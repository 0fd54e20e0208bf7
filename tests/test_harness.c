/* SPDX-License-Identifier: Apache-2.0 */
/* The harness itself: a call that does what it should passes, and each planted fault is caught.
 * Also the numbers, tensors and random generator everything else rests on. */
#include <math.h>
#include <string.h>

#include "support/suite.h"
#include "verify/harness.h"
#include "verify/numbers.h"
#include "verify/random.h"

/* ---- an operator with faults on demand: out = 2 * in ------------------------------------------
 */

typedef enum planted_fault {
  FAULT_NONE,
  FAULT_NAN,
  FAULT_NEGATIVE_INFINITY,
  FAULT_ONE_ELEMENT,
  FAULT_ALL_SLIGHTLY,
  FAULT_LAST_UNTOUCHED,
  FAULT_ALL_UNTOUCHED,
  FAULT_ROW_UNTOUCHED,
  FAULT_BEFORE,
  FAULT_AFTER,
  FAULT_AFTER_ROW,
  FAULT_INPUT_CHANGED,
  FAULT_WRITES_AND_FAILS,
  FAULT_WORKSPACE_BEFORE,
  FAULT_WORKSPACE_AFTER
} planted_fault;

enum { ROWS = 9, COLUMNS = 33, ROW_STRIDE = COLUMNS + 2, WORKSPACE = 40 };
enum { TENSOR_IN, TENSOR_OUT, TENSORS };
enum { ROW_LEFT = 4 }; /* by calls that write the others */

/* What becomes of the output. */
typedef enum call_manner {
  MANNER_PLAIN,
  MANNER_IN_PLACE, /* it is the input's memory */
  MANNER_IN_PART   /* ROW_LEFT is not to be written */
} call_manner;

static float *element(const seqmix_tensor *tensor, int64_t row, int64_t column) {
  unsigned char *first = (unsigned char *)tensor->data + tensor->byte_offset;
  return (float *)(void *)first + row * tensor->stride[0] + column * tensor->stride[1];
}

static void plant_in_output(planted_fault fault, const seqmix_tensor *out) {
  switch (fault) {
    case FAULT_NAN: *element(out, 4, 7) = NAN; break;
    case FAULT_NEGATIVE_INFINITY: *element(out, 4, 7) = -INFINITY; break;
    case FAULT_ONE_ELEMENT: *element(out, 4, 7) += 0.001f; break;
    case FAULT_LAST_UNTOUCHED:
      number_store_poison(SEQMIX_F32, element(out, ROWS - 1, COLUMNS - 1));
      break;
    case FAULT_BEFORE: *element(out, 0, -1) = 1; break;
    case FAULT_AFTER: *element(out, ROWS - 1, COLUMNS) = 1; break;
    case FAULT_AFTER_ROW: *element(out, 3, COLUMNS) = 1; break;
    default: break;
  }
}

static seqmix_status run_with_fault(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], void *workspace,
                                    uint64_t workspace_bytes) {
  planted_fault fault = *(const planted_fault *)options;
  const seqmix_tensor *in = tensors[TENSOR_IN], *out = tensors[TENSOR_OUT];
  float factor = fault == FAULT_ALL_SLIGHTLY ? 2.00003f : 2.0f;
  unsigned char *scratch = workspace;
  (void)context;
  if (fault == FAULT_ALL_UNTOUCHED) return SEQMIX_OK;
  for (int64_t i = 0; i < ROWS; i++) {
    if (fault == FAULT_ROW_UNTOUCHED && i == ROW_LEFT) continue;
    for (int64_t j = 0; j < COLUMNS; j++) *element(out, i, j) = factor * *element(in, i, j);
  }
  plant_in_output(fault, out);
  if (fault == FAULT_INPUT_CHANGED) *element(in, 0, 0) += 1;
  if (scratch) memset(scratch, 1, (size_t)workspace_bytes);
  if (scratch && fault == FAULT_WORKSPACE_BEFORE) scratch[-1] ^= 1;
  if (scratch && fault == FAULT_WORKSPACE_AFTER) scratch[workspace_bytes] ^= 1;
  return fault == FAULT_WRITES_AND_FAILS ? SEQMIX_ERROR_UNSUPPORTED : SEQMIX_OK;
}

static seqmix_status fixed_workspace(seqmix_context *context, const void *options,
                                     const seqmix_tensor *const tensors[], uint64_t *bytes) {
  (void)context;
  (void)options;
  (void)tensors;
  *bytes = WORKSPACE;
  return SEQMIX_OK;
}

/* ---- one trial --------------------------------------------------------------------------------
 */

/* Bounds between those of one element and of the norm, so that either alone must fire. */
static const test_bound trial_bound = {1e-5, 1e-4, 0, 0};

static test_report try_fault(planted_fault fault, call_workspace workspace, call_manner manner) {
  static const unsigned char all_but_one[ROWS] = {1, 1, 1, 1, [ROW_LEFT] = 0, 1, 1, 1, 1};
  const int64_t shape[2] = {ROWS, COLUMNS}, stride[2] = {ROW_STRIDE, 1};
  test_tensor *in = tensor_new("in", SEQMIX_F32, 2, shape, stride, 1);
  test_tensor *out = manner == MANNER_IN_PLACE ? tensor_view_of(in, "out", 2, shape, stride, 0)
                                               : tensor_new("out", SEQMIX_F32, 2, shape, stride, 3);
  test_tensor *expected = tensor_new("out", SEQMIX_F32, 2, shape, NULL, 0);
  random_state random = random_start(suite_seed("harness"));
  tensor_fill_gaps(in);
  if (manner != MANNER_IN_PLACE) tensor_poison(out);
  tensor_walk to = tensor_start(expected);
  for (tensor_walk w = tensor_start(in); w.left; tensor_next(&w), tensor_next(&to)) {
    double value = (double)(float)random_normal(&random);
    tensor_store(in, w.at, value);
    tensor_store(expected, to.at, 2 * value);
  }
  operator_call call = {.name = "trial",
                        .tensor_count = TENSORS,
                        .tensors = {in, out},
                        .outputs = 1u << TENSOR_OUT,
                        .options = &fault,
                        .run = run_with_fault,
                        .workspace_size = fixed_workspace};
  if (manner == MANNER_IN_PART) call.rows[TENSOR_OUT] = all_but_one;
  seqmix_context *context = NULL;
  ck_assert_int_eq(seqmix_context_create(&context, "reference"), SEQMIX_OK);
  test_report report = {0};
  call_result result = harness_run(&report, context, &call, workspace, "planted");
  if (result.status == SEQMIX_OK) {
    harness_compare(&report, &call, TENSOR_OUT, &result, expected, expected->storage->bytes,
                    trial_bound, "planted");
  }
  harness_free(&call, &result);
  seqmix_context_destroy(context);
  tensor_free(in);
  tensor_free(out);
  tensor_free(expected);
  return report;
}

START_TEST(clean_call_passes) {
  test_report report = try_fault(FAULT_NONE, _i ? WORKSPACE_EXACT : WORKSPACE_ARENA, MANNER_PLAIN);
  report_assert(&report);
  ck_assert(report.share == 0);
}
END_TEST

START_TEST(clean_call_in_place_passes) {
  test_report report = try_fault(FAULT_NONE, WORKSPACE_ARENA, MANNER_IN_PLACE);
  report_assert(&report);
}
END_TEST

START_TEST(clean_call_in_part_passes) {
  test_report report = try_fault(FAULT_ROW_UNTOUCHED, WORKSPACE_ARENA, MANNER_IN_PART);
  report_assert(&report);
}
END_TEST

/* One element of 297 is off by 0.001: far beyond 1e-4 of the largest, which is below 10. */
START_TEST(share_says_how_far_beyond) {
  test_report report = try_fault(FAULT_ONE_ELEMENT, WORKSPACE_ARENA, MANNER_PLAIN);
  ck_assert_msg(report.share > 1 && report.share < 10, "the share is %g", report.share);
}
END_TEST

/* What a fault must be reported as: the message of the check that exists for it. */
static const struct {
  planted_fault fault;
  call_workspace workspace;
  const char *message;
  call_manner manner;
} planted[] = {
    {FAULT_NAN, WORKSPACE_ARENA, "out[4, 7] is nan (NaN), must be", MANNER_PLAIN},
    {FAULT_NEGATIVE_INFINITY, WORKSPACE_ARENA, "out[4, 7] is -inf (-inf), must be", MANNER_PLAIN},
    {FAULT_ONE_ELEMENT, WORKSPACE_ARENA, "out[4, 7] is ", MANNER_PLAIN},
    {FAULT_ALL_SLIGHTLY, WORKSPACE_ARENA, "in norm", MANNER_PLAIN},
    {FAULT_LAST_UNTOUCHED, WORKSPACE_ARENA, "1 of 297 elements of out were not written",
     MANNER_PLAIN},
    {FAULT_ALL_UNTOUCHED, WORKSPACE_ARENA, "297 of 297 elements of out were not written",
     MANNER_PLAIN},
    {FAULT_BEFORE, WORKSPACE_ARENA, "wrote outside out", MANNER_PLAIN},
    {FAULT_AFTER, WORKSPACE_ARENA, "wrote outside out", MANNER_PLAIN},
    {FAULT_AFTER_ROW, WORKSPACE_ARENA, "wrote outside out", MANNER_PLAIN},
    {FAULT_INPUT_CHANGED, WORKSPACE_ARENA, "changed in", MANNER_PLAIN},
    {FAULT_WRITES_AND_FAILS, WORKSPACE_ARENA, "changed out", MANNER_PLAIN},
    {FAULT_WORKSPACE_BEFORE, WORKSPACE_EXACT, "wrote outside its workspace of 40 bytes",
     MANNER_PLAIN},
    {FAULT_WORKSPACE_AFTER, WORKSPACE_EXACT, "wrote outside its workspace of 40 bytes",
     MANNER_PLAIN},
    {FAULT_ROW_UNTOUCHED, WORKSPACE_ARENA, "33 of 297 elements of out were not written",
     MANNER_PLAIN},
    {FAULT_NONE, WORKSPACE_ARENA, "wrote outside out", MANNER_IN_PART},
    {FAULT_LAST_UNTOUCHED, WORKSPACE_ARENA, "1 of 297 elements of out were not written",
     MANNER_IN_PLACE},
    {FAULT_ROW_UNTOUCHED, WORKSPACE_ARENA, "out[4, ", MANNER_IN_PLACE},
    {FAULT_ALL_UNTOUCHED, WORKSPACE_ARENA, "in norm", MANNER_IN_PLACE},
    {FAULT_ONE_ELEMENT, WORKSPACE_ARENA, "out[4, 7] is ", MANNER_IN_PLACE},
    {FAULT_AFTER_ROW, WORKSPACE_ARENA, "wrote outside out", MANNER_IN_PLACE},
    {FAULT_WRITES_AND_FAILS, WORKSPACE_ARENA, "changed in", MANNER_IN_PLACE},
};

START_TEST(planted_fault_is_caught) {
  test_report report = try_fault(planted[_i].fault, planted[_i].workspace, planted[_i].manner);
  ck_assert_msg(report.faults > 0, "not caught; expected: %s", planted[_i].message);
  ck_assert_msg(strstr(report.text, planted[_i].message) != NULL, "expected \"%s\", got:\n%s",
                planted[_i].message, report.text);
}
END_TEST

/* ---- comparing --------------------------------------------------------------------------------
 */

/* Compares two short f32 rows. */
static int faults_between(const double *got, const double *want, int count, test_bound bound) {
  int64_t shape[1] = {count};
  test_tensor *actual = tensor_new("x", SEQMIX_F32, 1, shape, NULL, 0);
  test_tensor *expected = tensor_new("x", SEQMIX_F32, 1, shape, NULL, 0);
  for (int64_t i = 0; i < count; i++) {
    tensor_store(actual, tensor_at(actual, &i), got[i]);
    tensor_store(expected, tensor_at(expected, &i), want[i]);
  }
  operator_call call = {.name = "rows", .tensor_count = 1, .tensors = {actual}, .outputs = 1};
  call_result result = {SEQMIX_OK, {actual->storage->bytes}};
  test_report report = {0};
  harness_compare(&report, &call, 0, &result, expected, expected->storage->bytes, bound, "test");
  tensor_free(actual);
  tensor_free(expected);
  return report.faults;
}

START_TEST(classes_are_compared) {
  static const double values[] = {1, NAN, INFINITY, -INFINITY};
  test_bound generous = {1e9, 1e9, 1e9, 0};
  for (int got = 0; got < 4; got++) {
    for (int want = 0; want < 4; want++) {
      int faults = faults_between(&values[got], &values[want], 1, generous);
      ck_assert_int_eq(faults != 0, got != want);
    }
  }
}
END_TEST

/* Values beside a NaN or an infinity of the right class are still held to the bound. */
START_TEST(neighbours_of_infinities_are_compared) {
  const double want[] = {NAN, -INFINITY, 1, 2}, close[] = {NAN, -INFINITY, 1, 2.00001};
  const double off[] = {NAN, -INFINITY, 1, 2.1};
  test_bound bound = {1e-4, 1e-4, 0, 0};
  ck_assert_int_eq(faults_between(close, want, 4, bound), 0);
  ck_assert_int_gt(faults_between(off, want, 4, bound), 0);
}
END_TEST

/* What the reference has in f32 may be infinite in the type of the output. */
START_TEST(overflow_of_the_output_type_is_right) {
  int64_t shape[1] = {1}, first[1] = {0};
  test_tensor *actual = tensor_new("x", SEQMIX_F16, 1, shape, NULL, 0);
  test_tensor *expected = tensor_new("x", SEQMIX_F32, 1, shape, NULL, 0);
  tensor_store(actual, tensor_at(actual, first), -INFINITY);
  tensor_store(expected, tensor_at(expected, first), -1e6);
  operator_call call = {.name = "overflow", .tensor_count = 1, .tensors = {actual}, .outputs = 1};
  call_result result = {SEQMIX_OK, {actual->storage->bytes}};
  test_bound bound = {1e-3, 1e-3, 0, 0};
  test_report report = {0};
  harness_compare(&report, &call, 0, &result, expected, expected->storage->bytes, bound, "test");
  ck_assert_int_eq(report.faults, 0);
  tensor_store(expected, tensor_at(expected, first), 1e6);
  harness_compare(&report, &call, 0, &result, expected, expected->storage->bytes, bound, "test");
  ck_assert_int_eq(report.faults, 1);
  tensor_free(actual);
  tensor_free(expected);
}
END_TEST

/* Where the reference is all zeros, nothing but zero is right unless the bound has a floor. */
START_TEST(zeros_are_compared) {
  const double zero[] = {0, 0}, tiny[] = {0, 1e-9};
  test_bound strict = {1e-5, 1e-4, 0, 0};
  test_bound floored = {1e-5, 1e-4, 1, 0}, stepped = {1e-5, 1e-4, 0, 1e-9};
  ck_assert_int_eq(faults_between(zero, zero, 2, strict), 0);
  ck_assert_int_gt(faults_between(tiny, zero, 2, strict), 0);
  ck_assert_int_eq(faults_between(tiny, zero, 2, floored), 0);
  ck_assert_int_eq(faults_between(tiny, zero, 2, stepped), 0);
}
END_TEST

START_TEST(bits_are_compared) {
  int64_t shape[1] = {3};
  test_tensor *tensor = tensor_new("x", SEQMIX_F32, 1, shape, NULL, 0);
  unsigned char other[2 * TENSOR_GUARD + 12];
  memcpy(other, tensor->storage->bytes, sizeof other);
  operator_call call = {.name = "bits", .tensor_count = 1, .tensors = {tensor}, .outputs = 1};
  call_result first = {SEQMIX_OK, {tensor->storage->bytes}}, second = {SEQMIX_OK, {other}};
  test_report report = {0};
  harness_compare_bits(&report, &call, &second, &first, "test");
  ck_assert_int_eq(report.faults, 0);
  other[TENSOR_GUARD + 3] ^= 0x80; /* -0 for 0 */
  harness_compare_bits(&report, &call, &second, &first, "test");
  ck_assert_int_eq(report.faults, 1);
  tensor_free(tensor);
}
END_TEST

/* The table of docs/operators.md, and its exceptions. */
START_TEST(tolerances_are_those_documented) {
  test_bound f32 = tolerance_bound(SEQMIX_OP_ATTENTION, SEQMIX_F32, SEQMIX_F32, 1000, 1, 8);
  test_bound steep = tolerance_bound(SEQMIX_OP_ATTENTION, SEQMIX_F32, SEQMIX_F32, 1000, 1, 80);
  test_bound bf16 = tolerance_bound(SEQMIX_OP_ATTENTION, SEQMIX_BF16, SEQMIX_F32, 1000, 1, 8);
  test_bound few = tolerance_bound(SEQMIX_OP_ATTENTION, SEQMIX_F16, SEQMIX_F16, 3, 1, 8);
  ck_assert_double_eq_tol(f32.norm, 2e-6, 1e-12);
  ck_assert_double_eq_tol(f32.largest, 2e-5, 1e-12);
  ck_assert_double_eq_tol(steep.norm, 2e-5, 1e-12);
  ck_assert_double_eq_tol(bf16.largest, 1.6e-2, 1e-12);
  ck_assert_double_eq_tol(few.norm, 4 * 0x1p-11, 1e-12);
}
END_TEST

/* ---- numbers, tensors, random numbers ---------------------------------------------------------
 */

static const struct {
  int32_t dtype;
  double value;
  uint16_t bits;
  double back;
} encodings[] = {
    {SEQMIX_F16, 1, 0x3c00, 1},
    {SEQMIX_F16, -2.5, 0xc100, -2.5},
    {SEQMIX_F16, 65504, 0x7bff, 65504},
    {SEQMIX_F16, 65519, 0x7bff, 65504},
    {SEQMIX_F16, 65520, 0x7c00, INFINITY},
    {SEQMIX_F16, 0x1p-14, 0x0400, 0x1p-14},
    {SEQMIX_F16, 0x1p-24, 0x0001, 0x1p-24},
    {SEQMIX_F16, 0x1p-25, 0x0000, 0},
    {SEQMIX_F16, 0x1.8p-25, 0x0001, 0x1p-24},
    {SEQMIX_F16, 1 + 0x1p-11, 0x3c00, 1},
    {SEQMIX_F16, 1 + 0x3p-11, 0x3c02, 1 + 0x1p-9},
    {SEQMIX_F16, 0.1, 0x2e66, 0.0999755859375},
    {SEQMIX_F16, -INFINITY, 0xfc00, -INFINITY},
    {SEQMIX_BF16, 1, 0x3f80, 1},
    {SEQMIX_BF16, -2.5, 0xc020, -2.5},
    {SEQMIX_BF16, 1 + 0x1p-8, 0x3f80, 1},
    {SEQMIX_BF16, 1 + 0x3p-8, 0x3f82, 1 + 0x1p-6},
    {SEQMIX_BF16, 0.1, 0x3dcd, 0.10009765625},
    {SEQMIX_BF16, 0x1.ffp127, 0x7f80, INFINITY},
    {SEQMIX_BF16, INFINITY, 0x7f80, INFINITY},
};

START_TEST(sixteen_bit_numbers) {
  uint16_t bits = 0;
  number_store(encodings[_i].dtype, &bits, encodings[_i].value);
  ck_assert_uint_eq(bits, encodings[_i].bits);
  ck_assert(number_load(encodings[_i].dtype, &bits) == encodings[_i].back);
}
END_TEST

START_TEST(sixteen_bit_numbers_survive) {
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    for (int32_t dtype = SEQMIX_F16; dtype <= SEQMIX_BF16; dtype++) {
      uint16_t before = (uint16_t)bits, after = 0;
      double value = number_load(dtype, &before);
      number_store(dtype, &after, value);
      if (isnan(value)) {
        ck_assert(isnan(number_load(dtype, &after)));
      } else {
        ck_assert_uint_eq(before, after);
      }
    }
  }
}
END_TEST

START_TEST(poison_is_a_nan_of_its_own) {
  for (int32_t dtype = SEQMIX_F32; dtype <= SEQMIX_BF16; dtype++) {
    unsigned char poison[4], plain[4];
    number_store_poison(dtype, poison);
    number_store(dtype, plain, NAN);
    ck_assert(isnan(number_load(dtype, poison)));
    ck_assert(number_is_poison(dtype, poison) && !number_is_poison(dtype, plain));
  }
}
END_TEST

START_TEST(walk_follows_strides) {
  const int64_t shape[3] = {2, 3, 2}, stride[3] = {-10, 3, 1};
  test_tensor *tensor = tensor_new("t", SEQMIX_I32, 3, shape, stride, 1);
  tensor_fill_gaps(tensor);
  double next = 0;
  for (tensor_walk w = tensor_start(tensor); w.left; tensor_next(&w)) {
    ck_assert_int_eq(w.at, tensor_at(tensor, w.index));
    tensor_store(tensor, w.at, next++);
  }
  ck_assert(next == 12);
  const int32_t *memory = (const int32_t *)(const void *)tensor->storage->bytes + 17;
  const int32_t wanted[] = {6, 7, -7, 8, 9, -7, 10, 11, -7, -7, 0, 1, -7, 2, 3, -7, 4, 5, -7};
  ck_assert_mem_eq(memory, wanted, sizeof wanted);
  tensor_free(tensor);
}
END_TEST

START_TEST(random_numbers_are_reproducible) {
  random_state a = random_start(1), b = random_start(1), c = random_start(2);
  ck_assert_uint_eq(random_bits(&a), UINT64_C(0xb3f2af6d0fc710c5));
  ck_assert_uint_eq(random_bits(&b), UINT64_C(0xb3f2af6d0fc710c5));
  ck_assert_uint_ne(random_bits(&c), UINT64_C(0xb3f2af6d0fc710c5));
  double sum = 0, squares = 0;
  for (int i = 0; i < 20000; i++) {
    double x = random_normal(&a);
    sum += x;
    squares += x * x;
  }
  ck_assert_double_eq_tol(sum / 20000, 0, 0.04);
  ck_assert_double_eq_tol(squares / 20000, 1, 0.05);
}
END_TEST

static void add_building_blocks(TCase *tcase) {
  suite_add(tcase, classes_are_compared);
  suite_add(tcase, neighbours_of_infinities_are_compared);
  suite_add(tcase, overflow_of_the_output_type_is_right);
  suite_add(tcase, zeros_are_compared);
  suite_add(tcase, bits_are_compared);
  suite_add(tcase, tolerances_are_those_documented);
  suite_add_loop(tcase, sixteen_bit_numbers, 0, sizeof encodings / sizeof encodings[0]);
  suite_add(tcase, sixteen_bit_numbers_survive);
  suite_add(tcase, poison_is_a_nan_of_its_own);
  suite_add(tcase, walk_follows_strides);
  suite_add(tcase, random_numbers_are_reproducible);
}

Suite *suite_make(void) {
  Suite *suite = suite_create("harness");
  TCase *tcase = tcase_create("harness");
  suite_add_loop(tcase, clean_call_passes, 0, 2);
  suite_add(tcase, clean_call_in_place_passes);
  suite_add(tcase, clean_call_in_part_passes);
  suite_add(tcase, share_says_how_far_beyond);
  suite_add_loop(tcase, planted_fault_is_caught, 0, sizeof planted / sizeof planted[0]);
  add_building_blocks(tcase);
  suite_add_tcase(suite, tcase);
  return suite;
}
