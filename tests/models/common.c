/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <check.h>
#include <math.h>

double sigmoid(double x) { return 1 / (1 + exp(-x)); }

double softplus(double x) { return log1p(exp(x)); }

double silu(double x) { return x * sigmoid(x); }

test_bound model_bound(seqmix_operator op, int is_reference, int count) {
  if (is_reference) return (test_bound){.norm = 3e-7, .largest = 1e-6};
  return tolerance_bound(op, SEQMIX_F32, SEQMIX_F32, count, 1, 0);
}

void model_expect(const char *name, const double *want, const float *got, int count,
                  const test_bound *bound) {
  double norm = 0, error_norm = 0, largest = 0, largest_error = 0;
  for (int i = 0; i < count; i++) {
    double error = (double)got[i] - want[i];
    ck_assert_msg(isfinite(error), "%s: element %d is %.9g, must be %.9g", name, i, (double)got[i],
                  want[i]);
    norm += want[i] * want[i];
    error_norm += error * error;
    largest = fmax(largest, fabs(want[i]));
    largest_error = fmax(largest_error, fabs(error));
  }
  ck_assert_msg(error_norm <= bound->norm * bound->norm * norm,
                "%s: the relative error is %.3g, must be at most %.3g", name,
                sqrt(error_norm / norm), bound->norm);
  ck_assert_msg(largest_error <= bound->largest * largest,
                "%s: the largest error is %.3g of the largest number, must be at most %.3g", name,
                largest_error / largest, bound->largest);
}
