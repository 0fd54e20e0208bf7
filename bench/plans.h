/* SPDX-License-Identifier: Apache-2.0 */
/* What a case would be on GPUs that are not here: kernels, and the bound of their data sheets. */
#ifndef SEQMIX_BENCH_PLANS_H
#define SEQMIX_BENCH_PLANS_H

#include "bench/gpus.h"
#include "bench/operator.h"

/* On one GPU; skipped if the library would refuse the call there. */
typedef struct bench_plan {
  bench_outcome outcome;
  char message[BENCH_TEXT / 8];
  char variant[96];
  gpu_trace kernels;
} bench_plan;

/* On each of bench_gpus. */
typedef struct bench_planned {
  bench_case item;
  bench_outcome outcome; /* skipped: there is no room for so much as a plan */
  char message[BENCH_TEXT];
  bench_cost cost;
  bench_plan on[BENCH_GPUS];
} bench_planned;

typedef struct bench_planner {
  seqmix_context *contexts[BENCH_GPUS];
  bench_world world;
} bench_planner;

/* With a forced variant, or NULL. Zero and a sentence in `error` (BENCH_TEXT characters) if that is
 * none of theirs, or this build plans for no GPUs; planner_close() in either case. */
int planner_open(bench_planner *planner, const char *variant, char *error);
void planner_close(bench_planner *planner);

void planner_plan(bench_planner *planner, const bench_case *item, bench_planned *planned);

#endif
