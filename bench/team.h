/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the bench's own, each on a processor of its own: they measure ceilings and run
 * baselines. Between jobs they sleep, so that they take nothing from what is timed. */
#ifndef SEQMIX_BENCH_TEAM_H
#define SEQMIX_BENCH_TEAM_H

#include <stdint.h>

typedef struct bench_team bench_team;

/* NULL if the system refuses a thread. */
bench_team *team_new(int32_t workers);
void team_free(bench_team *team);
int32_t team_size(const bench_team *team);

/* Runs body(arg, worker) once on each worker at the same time, and waits for all. */
void team_each(bench_team *team, void (*body)(void *arg, int32_t worker), void *arg);

/* Runs body(arg, worker, task) for each task; each worker takes the next when it is done with one.
 * A single task is run by the caller, as worker 0. */
void team_tasks(bench_team *team, int64_t tasks, void (*body)(void *arg, int32_t worker, int64_t),
                void *arg);

#endif
