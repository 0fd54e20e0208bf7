/* SPDX-License-Identifier: Apache-2.0 */
/* What the processors can do at best, measured with all threads of a team busy at once. */
#ifndef SEQMIX_BENCH_CEILINGS_H
#define SEQMIX_BENCH_CEILINGS_H

#include "bench/bench.h"
#include "bench/level.h"
#include "bench/team.h"

enum { MOST_LEVELS = 4 };

/* The full measurement, for reports. */
typedef struct machine_ceilings {
  int32_t threads;
  int levels;
  const char *level[MOST_LEVELS];
  double multiply_add[MOST_LEVELS]; /* flop/s */
  double bf16_dot;                  /* flop/s; 0: the processor has no such instruction */
  /* bytes/s; a copied or updated byte counts twice (read, written), one that is added to another
   * three times */
  double read, copy, copy_add, update;
} machine_ceilings;

/* Measurements of one moment. */
typedef struct ceiling_moment {
  double peak;
  double memory; /* bytes/s, by the traffic of the call */
} ceiling_moment;

typedef struct ceilings ceilings;

/* Makes the buffers on the team's threads: four times the caches. NULL if memory is short. */
ceilings *ceilings_open(bench_team *team, uint64_t cache_bytes);
void ceilings_close(ceilings *c);

/* All ceilings; takes about a second. */
machine_ceilings ceilings_measure(ceilings *c);

/* The ones that bound calls of this cost on `dtype`, briefly: tens of milliseconds. */
ceiling_moment ceilings_glance(ceilings *c, int32_t dtype, bench_cost cost);

/* Which multiply-add or dot product bounds calls on a type. */
const char *ceilings_peak_name(int32_t dtype);

/* The ceiling of work between two moments; the higher measurement counts. */
bench_ceiling ceiling_between(ceiling_moment before, ceiling_moment after, bench_cost cost,
                              int32_t dtype);

#endif
