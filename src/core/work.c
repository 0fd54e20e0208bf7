/* SPDX-License-Identifier: Apache-2.0 */
#include "core/work.h"

#include <stdatomic.h>

typedef struct shared_work {
  _Atomic int64_t next;
  int64_t count;
  seqmix_task task;
  void *arg;
} shared_work;

static void take_tasks(void *argument, int32_t worker) {
  shared_work *work = argument;
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
    if (task >= work->count) return;
    work->task(work->arg, task, worker);
  }
}

void seqmix_run_tasks(const seqmix_call *call, int64_t count, seqmix_task task, void *arg) {
  shared_work work = {.count = count, .task = task, .arg = arg};
  int32_t workers = count < call->workers ? (int32_t)count : call->workers;
  if (workers > 0) call->parallel_for(call->runner, workers, take_tasks, &work);
}

int64_t seqmix_sequence_of_task(const int64_t *first, int64_t count, int64_t task) {
  /* The last sequence that begins at or before the task: those without tasks begin there too. */
  int64_t low = 0, high = count;
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (first[middle] <= task)
      low = middle;
    else
      high = middle;
  }
  return low;
}
