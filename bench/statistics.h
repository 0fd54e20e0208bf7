/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEQMIX_BENCH_STATISTICS_H
#define SEQMIX_BENCH_STATISTICS_H

#include "bench/bench.h"

/* The value a share of `count` sorted samples lies below, between two of them by proportion. */
double statistics_quantile(const double *sorted, int count, double share);

/* Median, quartiles, spread and the fastest; sorts the samples. */
bench_timing statistics_of(double *samples, int count, int64_t inner);

#endif
