/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/statistics.h"

#include <stdlib.h>

double statistics_quantile(const double *sorted, int count, double share) {
  if (count <= 0) return 0;
  double at = share * (count - 1);
  int below = (int)at;
  if (below + 1 >= count) return sorted[count - 1];
  return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

bench_timing statistics_of(double *samples, int count, int64_t inner) {
  bench_timing timing = {.samples = count, .inner = inner};
  if (count <= 0) return timing;
  qsort(samples, (size_t)count, sizeof *samples, by_size);
  timing.best = samples[0];
  timing.low = statistics_quantile(samples, count, 0.25);
  timing.median = statistics_quantile(samples, count, 0.5);
  timing.high = statistics_quantile(samples, count, 0.75);
  timing.spread = timing.median > 0 ? (timing.high - timing.low) / timing.median : 0;
  return timing;
}
