/* SPDX-License-Identifier: Apache-2.0 */
/* Prefix scans whose results are known, where bounds relative to the largest of them say little. */
#include <math.h>

#include "every_variant.h"
#include "test_attention.h"
#include "verify/prefix_scan_data.h"

/* Lines of numbers by their place, and what the scan is there. */
typedef struct known_scan {
  const char *name;
  int32_t op;
  int64_t length;
  double (*x)(int64_t i);
  double (*out)(int64_t i);
  double error; /* relative */
} known_scan;

static double one(int64_t i) {
  (void)i;
  return 1;
}
static double counted(int64_t i) { return (double)(i + 1); }
static double log_counted(int64_t i) { return 1 + log((double)(i + 1)); }

/* Ten times out of f32's range, and back to 1. */
static double swing(int64_t i) { return i < 10 ? 0x1p100 : 0x1p-100; }
static double swung(int64_t i) {
  return (double)(float)(i < 10 ? pow(2, 100.0 * (double)(i + 1))
                                : pow(2, 100.0 * (double)(19 - i)));
}

/* A hundred times, out of f64's too. */
static double far_swing(int64_t i) { return i < 100 ? -0x1p100 : -0x1p-100; }
static double far_swung(int64_t i) {
  double power = 100.0 * (double)(i < 100 ? i + 1 : 199 - i), size = power > 200 ? INFINITY : 0;
  return (i % 2 ? 1 : -1) * (size > 0 ? size : (double)(float)pow(2, power));
}

/* What is finite, times 0, however large it was. */
static double zero_at_20(int64_t i) { return i == 20 ? 0 : 0x1p90; }
static double nothing_from_20(int64_t i) {
  return i >= 20 ? 0 : (double)(float)pow(2, 90.0 * (double)(i + 1));
}

static double nan_at_9(int64_t i) { return i == 9 ? (double)NAN : -1000.0 * (double)i; }
static double nan_from_9(int64_t i) { return i < 9 ? 0 : (double)NAN; }

/* Without cancellation of what is nearly all there is. */
static double large_at_ends(int64_t i) { return i == 0 ? 1e4 : i == 50 ? 2e4 : -1e4; }
static double largest_so_far(int64_t i) { return i < 50 ? 1e4 : 2e4; }

static const known_scan known[] = {
    {"known_count", SEQMIX_SCAN_SUM, 100000, one, counted, 0},
    {"known_logsumexp", SEQMIX_SCAN_LOGSUMEXP, 20000, one, log_counted, 3e-7},
    {"known_logsumexp_ends", SEQMIX_SCAN_LOGSUMEXP, 100, large_at_ends, largest_so_far, 0},
    {"known_swing", SEQMIX_SCAN_PRODUCT, 20, swing, swung, 1e-6},
    {"known_far_swing", SEQMIX_SCAN_PRODUCT, 200, far_swing, far_swung, 1e-6},
    {"known_zero", SEQMIX_SCAN_PRODUCT, 40, zero_at_20, nothing_from_20, 1e-6},
    {"known_nan_in_max", SEQMIX_SCAN_MAX, 70, nan_at_9, nan_from_9, 0},
    {"known_nan_in_logsumexp", SEQMIX_SCAN_LOGSUMEXP, 70, nan_at_9, nan_from_9, 0},
};
enum { KNOWN = sizeof known / sizeof known[0] };

static int is_as_known(const known_scan *scan, double got, int64_t i) {
  double want = scan->out(i);
  if (isnan(want)) return isnan(got) != 0;
  return got == want || fabs(got - want) <= scan->error * fabs(want);
}

/* Every column of [length, columns], or with `axis` 1 every row of [columns, length]. */
static void check_known_along(test_report *report, const known_scan *scan, int axis,
                              const char *variant) {
  prefix_case spec = {.name = scan->name, .op = scan->op, .rank = 2, .axis = axis};
  spec.shape[axis] = scan->length;
  spec.shape[1 - axis] = 3;
  prefix_data data = prefix_draw(&spec, 0);
  operator_call call = prefix_call(&data);
  call_result result;
  test_tensor *x = data.tensors[PREFIX_X], *out = data.tensors[PREFIX_OUT];
  for (tensor_walk w = tensor_start(x); w.left; tensor_next(&w)) {
    tensor_store(x, w.at, scan->x(w.index[axis]));
  }
  run_by_variant(report, &call, variant, &result);
  for (tensor_walk w = tensor_start(out); w.left; tensor_next(&w)) {
    double got = tensor_load(out, result.images[PREFIX_OUT], w.at);
    if (is_as_known(scan, got, w.index[axis])) continue;
    report_add(report, "%s [%s]: element %lld along axis %d is %.9g, must be %.9g", scan->name,
               variant ? variant : "own choice", (long long)w.index[axis], axis, got,
               scan->out(w.index[axis]));
    break;
  }
  harness_free(&call, &result);
  prefix_release(&data);
}

static void check_known(test_report *report, const void *what, const char *variant) {
  check_known_along(report, what, 0, variant);
  check_known_along(report, what, 1, variant);
}

START_TEST(known_scans_are_right) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  check_every_variant(SEQMIX_OP_PREFIX_SCAN, check_known, &known[_i]);
}
END_TEST

void suite_prefix_scan_values(Suite *suite) {
  TCase *tcase = tcase_create("prefix_scan values");
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  for (int i = 0; i < KNOWN; i++) {
    if (suite_wants_case(known[i].name)) suite_add_loop(tcase, known_scans_are_right, i, i + 1);
  }
  suite_add_tcase(suite, tcase);
}
