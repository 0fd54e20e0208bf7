/* SPDX-License-Identifier: Apache-2.0 */
#include "core/context.h"

#include <string.h>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/memory.h"

static _Thread_local seqmix_active *active_here;

static int is_active_here(const seqmix_context *context) {
  for (const seqmix_active *active = active_here; active; active = active->outer)
    if (active->context == context) return 1;
  return 0;
}

/* How many forks lie between the process that loaded the library and this one. (Process numbers
 * would not do: a child in a namespace of its own may have its parent's.) */
static _Atomic uint64_t forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void count_fork(void) { atomic_fetch_add(&forks, 1); }
static void watch_forks(void) { pthread_atfork(NULL, NULL, count_fork); }

/* As many when the drivers were asked for devices. */
static uint64_t forks_of_drivers;

void seqmix_drivers_opened(void) {
  pthread_once(&forks_once, watch_forks);
  forks_of_drivers = atomic_load(&forks);
}

seqmix_status seqmix_drivers_check(const seqmix_device *device, const char *operation) {
  if (device->properties.memory == SEQMIX_MEMORY_HOST || atomic_load(&forks) == forks_of_drivers)
    return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_DEVICE,
                     "%s: device %s was opened before this process was forked, which its driver "
                     "does not survive; the process must be started afresh (Python: the method "
                     "spawn), or begin with seqmix in the child",
                     operation, device->name);
}

/* What seqmix_context::process holds: the number of forks, and whether one of the process's threads
 * is about to put the context right. */
static uint64_t process_mark(int is_recovering) {
  return atomic_load_explicit(&forks, memory_order_acquire) << 1 | (is_recovering ? 1u : 0u);
}

void seqmix_context_adopt(seqmix_context *context) {
  pthread_once(&forks_once, watch_forks);
  atomic_store(&context->process, process_mark(0));
}

/* In a forked child the context's threads are gone, and its lock is as another thread of the
 * parent may have left it. The first of the child's threads to come here sets both right. */
static void recover_after_fork(seqmix_context *context) {
  for (;;) {
    uint64_t known = atomic_load_explicit(&context->process, memory_order_acquire);
    if (known == process_mark(0)) return;
    if (known == process_mark(1) ||
        !atomic_compare_exchange_strong(&context->process, &known, process_mark(1)))
      continue;
    pthread_mutex_init(&context->lock, NULL);
    if (context->pool) seqmix_pool_after_fork(context->pool);
    atomic_store_explicit(&context->process, process_mark(0), memory_order_release);
    return;
  }
}

seqmix_status seqmix_context_enter(seqmix_context *context, seqmix_active *active,
                                   const char *operation) {
  if (!context)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: context is NULL; it must be a context",
                       operation);
  if (is_active_here(context))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: context is in use by the call this one was made from; it must be "
                       "another context",
                       operation);
  SEQMIX_TRY(seqmix_drivers_check(context->device, operation));
  recover_after_fork(context);
  pthread_mutex_lock(&context->lock);
  *active = (seqmix_active){context, active_here};
  active_here = active;
  return SEQMIX_OK;
}

void seqmix_context_leave(seqmix_context *context, seqmix_active *active) {
  active_here = active->outer;
  pthread_mutex_unlock(&context->lock);
}

/* A body together with the context it belongs to, so that whichever thread runs it knows. */
typedef struct marked_body {
  const seqmix_context *context;
  void (*body)(void *arg, int32_t index);
  void *arg;
} marked_body;

static void run_marked(void *argument, int32_t index) {
  const marked_body *marked = argument;
  seqmix_active active = {marked->context, active_here};
  active_here = &active;
  marked->body(marked->arg, index);
  active_here = active.outer;
}

void seqmix_context_parallel_for(void *runner, int32_t count,
                                 void (*body)(void *arg, int32_t index), void *arg) {
  seqmix_context *context = runner;
  marked_body marked = {context, body, arg};
  if (context->parallel_for)
    context->parallel_for(context->parallel_for_user, count, run_marked, &marked);
  else
    seqmix_pool_run(context->pool, count, run_marked, &marked);
}

seqmix_status seqmix_context_allocate(seqmix_context *context, const char *operation,
                                      uint64_t bytes, void **memory) {
  const seqmix_backend *backend = context->device->backend;
  if (backend->allocate) return backend->allocate(context->state, bytes, memory);
  *memory = seqmix_memory_allocate(bytes);
  if (*memory) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "%s: no memory for %llu bytes", operation,
                     (unsigned long long)bytes);
}

void seqmix_context_free(seqmix_context *context, void *memory) {
  const seqmix_backend *backend = context->device->backend;
  if (!memory) return;
  if (backend->free)
    backend->free(context->state, memory);
  else
    seqmix_memory_free(memory);
}

seqmix_status seqmix_context_arena(seqmix_context *context, const char *operation, uint64_t bytes,
                                   void **memory) {
  if (bytes > context->arena_bytes) {
    void *larger;
    SEQMIX_TRY(seqmix_context_allocate(context, operation, bytes, &larger));
    /* Replaced before it is freed: a fork in between must not leave the child a dangling one. */
    void *smaller = context->arena;
    context->arena = larger;
    context->arena_bytes = bytes;
    seqmix_context_free(context, smaller);
  }
  *memory = context->arena;
  return SEQMIX_OK;
}

seqmix_status seqmix_context_use_threads(seqmix_context *context, int32_t threads) {
  seqmix_pool *pool = seqmix_pool_create(threads);
  if (!pool)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "context_set_threads: no memory for %d threads",
                       threads);
  seqmix_pool *before = context->pool;
  context->pool = pool; /* first, as with the arena */
  context->threads = threads;
  context->parallel_for = NULL;
  context->parallel_for_user = NULL;
  atomic_store(&context->workers, threads);
  seqmix_pool_destroy(before);
  return SEQMIX_OK;
}

seqmix_status seqmix_context_force(seqmix_context *context, const char *operation,
                                   const char *names, int of_any_device) {
  char *copy = NULL;
  if (names && *names) {
    SEQMIX_TRY(seqmix_check_variant_names(context->device, operation, names, of_any_device));
    size_t length = strlen(names) + 1;
    copy = seqmix_memory_allocate(length);
    if (!copy)
      return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "%s: no memory for %zu bytes", operation,
                         length);
    memcpy(copy, names, length);
  }
  seqmix_memory_free(context->forced_variants);
  context->forced_variants = copy;
  return SEQMIX_OK;
}

void seqmix_context_dispose(seqmix_context *context) {
  const seqmix_backend *backend = context->device->backend;
  if (context->state && backend->synchronize) backend->synchronize(context->state);
  seqmix_context_free(context, context->arena);
  if (context->state && backend->close) backend->close(context->state);
  seqmix_pool_destroy(context->pool);
  pthread_mutex_destroy(&context->lock);
  seqmix_memory_free(context->forced_variants);
  seqmix_memory_free(context);
}
