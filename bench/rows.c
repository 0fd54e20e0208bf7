/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "verify/numbers.h"
#include "verify/tolerance.h"

int rows_allocate(bench_rows *rows, int64_t room, int64_t width, char *error) {
  rows->width = width;
  rows->row = malloc((size_t)room * sizeof *rows->row);
  rows->expected = malloc((size_t)(room * width) * sizeof *rows->expected);
  if (rows->row && rows->expected) return 1;
  snprintf(error, BENCH_TEXT, "not enough memory to verify");
  return 0;
}

void rows_free(bench_rows *rows) {
  free(rows->row);
  free(rows->expected);
}

int64_t rows_spread(int64_t i, int64_t count, int64_t all) {
  return count > 1 ? i * (all - 1) / (count - 1) : 0;
}

bench_check rows_compare(const bench_rows *rows, int32_t op, int32_t type, const void *out,
                         int32_t out_type) {
  double norm = 0, error_norm = 0, largest = 0, largest_error = 0;
  uint64_t size = seqmix_dtype_size(out_type);
  int64_t width = rows->width, elements = rows->count * width;
  for (int64_t r = 0; r < rows->count; r++)
    for (int64_t d = 0; d < width; d++) {
      const unsigned char *at =
          (const unsigned char *)out + (uint64_t)(rows->row[r] * width + d) * size;
      double want = (double)rows->expected[r * width + d], got = number_load(out_type, at);
      if (isinf(want) && got == want) continue;
      double error = fabs(got - want);
      norm += want * want;
      error_norm += error * error;
      largest = fmax(largest, fabs(want));
      /* A NaN must not get lost in a maximum. */
      if (!(error <= largest_error)) largest_error = error;
    }
  /* Inputs are normal deviates: scores stay below 8. */
  test_bound bound = tolerance_bound((seqmix_operator)op, type, out_type, elements, 1, 8);
  norm = fmax(sqrt(norm), bound.floor * sqrt((double)elements));
  double by_norm = sqrt(error_norm) / (bound.norm * norm);
  double by_largest = largest_error / (bound.largest * fmax(largest, bound.floor));
  bench_check check = {.rows = rows->count, .error = by_norm > by_largest ? by_norm : by_largest};
  if (isnan(by_norm) || isnan(by_largest)) check.error = (double)NAN;
  check.passed = check.error <= 1;
  return check;
}

int32_t rows_coarser(int32_t a, int32_t b) {
  if (a == SEQMIX_BF16 || b == SEQMIX_BF16) return SEQMIX_BF16;
  return a == SEQMIX_F16 || b == SEQMIX_F16 ? SEQMIX_F16 : SEQMIX_F32;
}

bench_check rows_worse(bench_check check, bench_check other) {
  /* A NaN must not get lost in a maximum. */
  if (!(other.error <= check.error)) check.error = other.error;
  check.passed = check.passed && other.passed;
  return check;
}
