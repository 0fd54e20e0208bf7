/* SPDX-License-Identifier: Apache-2.0 */
/* The comparing half of harness.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "verify/harness.h"
#include "verify/numbers.h"

/* Sums over the elements that are finite on both sides, and the element that is most off. */
typedef struct difference {
  double norm, error_norm, largest, largest_error;
  double worst_got, worst_want;
  int64_t worst_index[SEQMIX_MAX_DIMS];
  int64_t count;
} difference;

static const char *class_name(double x) {
  return isnan(x) ? "NaN" : isinf(x) ? (x < 0 ? "-inf" : "+inf") : "finite";
}

/* Writes "[1, 2, 3]" for the index a walk stands at. */
static void format_index(char *text, size_t room, const int64_t *index, int axes) {
  size_t used = (size_t)snprintf(text, room, "[");
  for (int axis = 0; axis < axes && used < room; axis++) {
    used += (size_t)snprintf(text + used, room - used, "%s%lld", axis ? ", " : "",
                             (long long)index[axis]);
  }
  if (used < room) snprintf(text + used, room - used, "]");
}

static void report_element(test_report *report, const operator_call *call, const char *label,
                           const test_tensor *tensor, const tensor_walk *walk, double got,
                           double want) {
  char index[128];
  format_index(index, sizeof index, walk->index, tensor->view.ndim);
  report_add(report, "%s [%s]: %s%s is %.9g (%s), must be %.9g (%s)", call->name, label,
             tensor->name, index, got, class_name(got), want, class_name(want));
}

/* One element. Returns zero if its class is wrong. */
static int add_difference(difference *sum, double got, double want, double step,
                          const tensor_walk *walk) {
  if (isnan(want) || isinf(want) || isnan(got) || isinf(got)) {
    return strcmp(class_name(got), class_name(want)) == 0;
  }
  double error = fmax(0, fabs(got - want) - step);
  sum->norm += want * want;
  sum->error_norm += error * error;
  sum->largest = fmax(sum->largest, fabs(want));
  sum->count++;
  if (error > sum->largest_error) {
    sum->largest_error = error;
    sum->worst_got = got;
    sum->worst_want = want;
    memcpy(sum->worst_index, walk->index, sizeof sum->worst_index);
  }
  return 1;
}

/* An error as a share of what is allowed. */
static double share_of(double error, double allowed) { return error > 0 ? error / allowed : 0; }

static void judge(test_report *report, const operator_call *call, const char *label,
                  const test_tensor *tensor, const difference *sum, test_bound bound) {
  double norm = fmax(sqrt(sum->norm), bound.floor * sqrt((double)sum->count));
  double largest = fmax(sum->largest, bound.floor);
  double in_norm = sqrt(sum->error_norm);
  char index[128];
  format_index(index, sizeof index, sum->worst_index, tensor->view.ndim);
  report->share = fmax(report->share, share_of(in_norm, bound.norm * norm));
  report->share = fmax(report->share, share_of(sum->largest_error, bound.largest * largest));
  if (in_norm > bound.norm * norm) {
    report_add(report,
               "%s [%s]: %s differs by %.3g in norm, allowed %.3g; most at %s: %.9g, must be %.9g",
               call->name, label, tensor->name, in_norm / norm, bound.norm, index, sum->worst_got,
               sum->worst_want);
  }
  if (sum->largest_error > bound.largest * largest) {
    report_add(report, "%s [%s]: %s%s is %.9g, must be %.9g: off by %.3g of max|ref|, allowed %.3g",
               call->name, label, tensor->name, index, sum->worst_got, sum->worst_want,
               sum->largest_error / largest, bound.largest);
  }
}

/* The expected value, or the infinity that the output's type can only hold in its place. */
static double as_stored(int32_t dtype, double want) {
  unsigned char bytes[8];
  number_store(dtype, bytes, want);
  double stored = number_load(dtype, bytes);
  return isinf(stored) ? stored : want;
}

void harness_compare(test_report *report, const operator_call *call, int t,
                     const call_result *result, const test_tensor *expected,
                     const unsigned char *expected_image, test_bound bound, const char *label) {
  const test_tensor *actual = call->tensors[t];
  difference sum = {0};
  int64_t misclassed = 0;
  tensor_walk want_at = tensor_start(expected);
  if (want_at.left != tensor_elements(actual)) {
    report_add(report, "%s [%s]: %s has another shape than expected", call->name, label,
               actual->name);
    return;
  }
  for (tensor_walk w = tensor_start(actual); w.left; tensor_next(&w), tensor_next(&want_at)) {
    if (!harness_is_written(call, t, &w)) continue;
    double got = tensor_load(actual, result->images[t], w.at);
    double want = as_stored(actual->view.dtype, tensor_load(expected, expected_image, want_at.at));
    if (!add_difference(&sum, got, want, bound.step, &w) && misclassed++ == 0) {
      report_element(report, call, label, actual, &w, got, want);
    }
  }
  if (misclassed > 1) {
    report_add(report, "%s [%s]: %lld elements of %s are of the wrong class", call->name, label,
               (long long)misclassed, actual->name);
  }
  judge(report, call, label, actual, &sum, bound);
}

void harness_compare_bits(test_report *report, const operator_call *call, const call_result *result,
                          const call_result *other, const char *label) {
  if (result->status != other->status) {
    report_add(report, "%s [%s]: %s, but %s before", call->name, label,
               seqmix_status_name(result->status), seqmix_status_name(other->status));
    return;
  }
  for (int t = 0; t < call->tensor_count; t++) {
    if (!result->images[t] || !other->images[t]) continue;
    if (memcmp(result->images[t], other->images[t], (size_t)call->tensors[t]->storage->size) != 0) {
      report_add(report, "%s [%s]: %s differs in its bits from the first run", call->name, label,
                 call->tensors[t]->name);
    }
  }
}
