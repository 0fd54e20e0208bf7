/* SPDX-License-Identifier: Apache-2.0 */
/* A job is published as one 64-bit word, `ticket`: generation (32 bits), bodies (16), next body
 * (16). Threads take bodies by compare-and-swap on the whole word, so a thread that wakes late
 * finds another generation or no body left and touches nothing: the job's other members are read
 * only by a thread that holds one of its bodies, and change only when none is held.
 *
 * Threads spin for a moment before they sleep: work mostly comes in bursts, and waking a thread
 * through the kernel costs more than a small operator. */
#include "core/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "core/log.h"
#include "core/memory.h"

enum { SPINS = 2000 };

struct seqmix_pool {
  _Atomic uint64_t ticket;
  _Atomic int32_t unfinished; /* bodies of the present job that have not returned */
  _Atomic int32_t stop;
  void (*body)(void *arg, int32_t index);
  void *arg;
  pthread_mutex_t lock; /* guards the two conditions and `sleepers` */
  pthread_cond_t work;
  pthread_cond_t done;
  int32_t sleepers;
  int32_t threads; /* wanted, the caller's own included */
  int32_t started; /* threads that exist, the caller's own not included */
  int32_t refused; /* the system gave fewer than wanted; not asked again */
  pthread_t workers[];
};

static uint32_t generation_of(uint64_t ticket) { return (uint32_t)(ticket >> 32); }

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Takes the next body of the job `generation`; -1 if there is none. */
static int32_t take_body(seqmix_pool *pool, uint32_t generation) {
  uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
  for (;;) {
    int32_t count = (int32_t)(ticket >> 16 & 0xffff);
    int32_t next = (int32_t)(ticket & 0xffff);
    if (generation_of(ticket) != generation || next >= count) return -1;
    if (atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket + 1,
                                              memory_order_acq_rel, memory_order_acquire))
      return next;
  }
}

static void work_on(seqmix_pool *pool, uint32_t generation) {
  for (int32_t index; (index = take_body(pool, generation)) >= 0;) {
    pool->body(pool->arg, index);
    if (atomic_fetch_sub_explicit(&pool->unfinished, 1, memory_order_acq_rel) == 1) {
      pthread_mutex_lock(&pool->lock);
      pthread_cond_signal(&pool->done);
      pthread_mutex_unlock(&pool->lock);
    }
  }
}

/* Whether there is a job other than `seen`, or the end. */
static int has_news(seqmix_pool *pool, uint32_t seen) {
  return atomic_load_explicit(&pool->stop, memory_order_acquire) ||
         generation_of(atomic_load_explicit(&pool->ticket, memory_order_acquire)) != seen;
}

static void wait_for_news(seqmix_pool *pool, uint32_t seen) {
  for (int32_t spin = 0; spin < SPINS; spin++) {
    if (has_news(pool, seen)) return;
    pause_briefly();
  }
  pthread_mutex_lock(&pool->lock);
  pool->sleepers++;
  while (!has_news(pool, seen)) pthread_cond_wait(&pool->work, &pool->lock);
  pool->sleepers--;
  pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *argument) {
  seqmix_pool *pool = argument;
  uint32_t seen = 0;
  for (;;) {
    wait_for_news(pool, seen);
    if (atomic_load_explicit(&pool->stop, memory_order_acquire)) return NULL;
    seen = generation_of(atomic_load_explicit(&pool->ticket, memory_order_acquire));
    work_on(pool, seen);
  }
}

static void init_synchronisation(seqmix_pool *pool) {
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->done, NULL);
}

seqmix_pool *seqmix_pool_create(int32_t threads) {
  uint64_t bytes = sizeof(seqmix_pool) + (uint64_t)threads * sizeof(pthread_t);
  seqmix_pool *pool = seqmix_memory_allocate_zeroed(bytes);
  if (!pool) return NULL;
  pool->threads = threads;
  init_synchronisation(pool);
  return pool;
}

void seqmix_pool_destroy(seqmix_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  atomic_store_explicit(&pool->stop, 1, memory_order_release);
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  for (int32_t i = 0; i < pool->started; i++) pthread_join(pool->workers[i], NULL);
  pthread_cond_destroy(&pool->work);
  pthread_cond_destroy(&pool->done);
  pthread_mutex_destroy(&pool->lock);
  seqmix_memory_free(pool);
}

/* Starts threads until there are `wanted` besides the caller, as far as the system allows. */
static void start_workers(seqmix_pool *pool, int32_t wanted) {
  if (pool->started >= wanted || pool->refused) return;
  /* Signals belong to the program: its handlers shall not run on threads it does not know. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool->started < wanted) {
    if (pthread_create(&pool->workers[pool->started], NULL, worker_main, pool)) {
      pool->refused = 1;
      seqmix_log(SEQMIX_LOG_WARNING, "the system gave %d of %d threads; going on with these",
                 pool->started + 1, pool->threads);
      break;
    }
    pool->started++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static uint32_t publish(seqmix_pool *pool, int32_t count, void (*body)(void *arg, int32_t index),
                        void *arg) {
  pool->body = body;
  pool->arg = arg;
  atomic_store_explicit(&pool->unfinished, count, memory_order_relaxed);
  uint64_t before = atomic_load_explicit(&pool->ticket, memory_order_relaxed);
  uint32_t generation = generation_of(before) + 1;
  /* Under the lock, or a thread about to sleep could miss it. */
  pthread_mutex_lock(&pool->lock);
  atomic_store_explicit(&pool->ticket, (uint64_t)generation << 32 | (uint64_t)count << 16,
                        memory_order_release);
  if (pool->sleepers > 0) pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  return generation;
}

static int is_finished(seqmix_pool *pool) {
  return atomic_load_explicit(&pool->unfinished, memory_order_acquire) == 0;
}

static void wait_until_finished(seqmix_pool *pool) {
  for (int32_t spin = 0; spin < SPINS; spin++) {
    if (is_finished(pool)) break;
    pause_briefly();
  }
  /* The lock is taken even when all is done: the last worker may still hold it to signal, and the
   * caller may destroy the pool next. */
  pthread_mutex_lock(&pool->lock);
  while (!is_finished(pool)) pthread_cond_wait(&pool->done, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}

void seqmix_pool_run(seqmix_pool *pool, int32_t count, void (*body)(void *arg, int32_t index),
                     void *arg) {
  if (count > 1 && pool->threads > 1) start_workers(pool, pool->threads - 1);
  if (count <= 1 || pool->started == 0) {
    for (int32_t i = 0; i < count; i++) body(arg, i);
    return;
  }
  work_on(pool, publish(pool, count, body, arg));
  wait_until_finished(pool);
}

void seqmix_pool_after_fork(seqmix_pool *pool) {
  init_synchronisation(pool);
  pool->sleepers = 0;
  pool->started = 0;
  pool->refused = 0;
  atomic_store(&pool->ticket, 0);
  atomic_store(&pool->unfinished, 0);
}
