/* SPDX-License-Identifier: Apache-2.0 */
/* Whether one run was faster than another, seen against the noise of both. */
#ifndef SEQMIX_BENCH_COMPARE_H
#define SEQMIX_BENCH_COMPARE_H

#include "bench/bench.h"

/* A measured case, as far as a comparison needs it. */
typedef struct bench_record {
  char key[384]; /* operator, type, device, threads and parameters: equal for the same case */
  char name[BENCH_NAME];
  char dtype[8];
  double time;     /* median, seconds */
  double spread;   /* of the time */
  double fraction; /* of the ceiling; 0: unknown */
  double drift;    /* of the ceiling */
} bench_record;

typedef enum compare_verdict { VERDICT_SAME, VERDICT_FASTER, VERDICT_SLOWER } compare_verdict;

typedef struct bench_comparison {
  const bench_record *before, *after;
  double by_time;     /* time before over time after: above 1 is faster */
  double by_fraction; /* fraction after over fraction before; 0: unknown */
  double noise;       /* what either must differ from 1 by to count */
  compare_verdict verdict;
} bench_comparison;

/* Differences below this are noise whatever the spreads say. */
#define COMPARE_LEAST_NOISE 0.03

/* The verdict on a pair: by fractions of the ceiling where both are known, because these do not
 * move with the clock of the processor; otherwise by times. */
bench_comparison compare_records(const bench_record *before, const bench_record *after);

/* Pairs up equal keys, in the order of `after`; returns how many. `pairs` has room for `after`. */
int compare_runs(const bench_record *before, int before_count, const bench_record *after,
                 int after_count, bench_comparison *pairs);

/* The record of a measured result. */
bench_record compare_record_of(const bench_result *result);

const char *compare_verdict_name(compare_verdict verdict);

#endif
