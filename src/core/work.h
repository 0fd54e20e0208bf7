/* SPDX-License-Identifier: Apache-2.0 */
/* Many independent tasks on the few workers of a call. */
#ifndef SEQMIX_CORE_WORK_H
#define SEQMIX_CORE_WORK_H

#include "seqmix/backend.h"

/** Computes task number `task`; `worker` (below call->workers) says whose scratch to use. */
typedef void (*seqmix_task)(void *arg, int64_t task, int32_t worker);

/**
 * Runs tasks 0..count-1, each once, workers taking the next as they become free. A task's result
 * must not depend on which worker computes it, or the bits would depend on the thread count.
 */
void seqmix_run_tasks(const seqmix_call *call, int64_t count, seqmix_task task, void *arg);

/**
 * Where sequences have different numbers of tasks: the sequence that `task` belongs to, of `count`
 * sequences whose tasks begin at first[0] = 0, first[1], ..., and end at first[count].
 */
int64_t seqmix_sequence_of_task(const int64_t *first, int64_t count, int64_t task);

#endif
