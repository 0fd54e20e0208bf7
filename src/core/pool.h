/* SPDX-License-Identifier: Apache-2.0 */
/* A small pool of threads: runs count bodies at once, the caller taking part. */
#ifndef SEQMIX_CORE_POOL_H
#define SEQMIX_CORE_POOL_H

#include <stdint.h>

typedef struct seqmix_pool seqmix_pool;

/**
 * A pool of `threads` threads, the caller's own among them; the others start with the first work
 * that needs them. If the system refuses some, work goes on with those there are. NULL: no memory.
 */
seqmix_pool *seqmix_pool_create(int32_t threads);

/** Stops the threads. There must be no work. NULL is fine. */
void seqmix_pool_destroy(seqmix_pool *pool);

/**
 * Calls body(arg, i) once for every i in 0..count-1 and returns when all have returned. Bodies run
 * at the same time as far as threads are free. One caller at a time; not from inside a body.
 */
void seqmix_pool_run(seqmix_pool *pool, int32_t count, void (*body)(void *arg, int32_t index),
                     void *arg);

/** Forgets the threads, which a forked child does not have; they start anew with the next work. */
void seqmix_pool_after_fork(seqmix_pool *pool);

#endif
