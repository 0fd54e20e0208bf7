/* SPDX-License-Identifier: Apache-2.0 */
/* The context: a device opened for a caller, with threads, workspace and variant choice. */
#ifndef SEQMIX_CORE_CONTEXT_H
#define SEQMIX_CORE_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/pool.h"
#include "core/registry.h"
#include "seqmix/context.h"

struct seqmix_context {
  const seqmix_device *device;
  void *state; /* what the backend's open() gave */
  pthread_mutex_t lock;
  _Atomic uint64_t process; /* which process the threads belong to: see context.c */
  seqmix_pool *pool;
  int32_t threads;                  /* of the pool */
  seqmix_parallel_for parallel_for; /* the caller's; NULL: the pool */
  void *parallel_for_user;
  _Atomic int32_t workers; /* atomic only because seqmix_context_threads() reads it unlocked */
  void *arena;             /* workspace of calls that bring none; grows, never shrinks */
  uint64_t arena_bytes;
  char *forced_variants;      /* NULL: free choice */
  const char *_Atomic chosen; /* name of the variant chosen last; read unlocked */
};

/** Marks a new context as this process's. */
void seqmix_context_adopt(seqmix_context *context);

/** For the registry, when it has asked drivers for their devices; and a failure if the process has
 * been forked since: of other devices than the host's no driver survives that. */
void seqmix_drivers_opened(void);
seqmix_status seqmix_drivers_check(const seqmix_device *device, const char *operation);

/** Remembers, per thread, which contexts it is working for. */
typedef struct seqmix_active {
  const seqmix_context *context;
  struct seqmix_active *outer;
} seqmix_active;

/**
 * Locks the context for `operation` and makes it active on this thread until
 * seqmix_context_leave(). INVALID_ARGUMENT for NULL or from inside the context's own work, DEVICE
 * if its device did not survive a fork.
 */
seqmix_status seqmix_context_enter(seqmix_context *context, seqmix_active *active,
                                   const char *operation);
void seqmix_context_leave(seqmix_context *context, seqmix_active *active);

/** Runs bodies on the context's threads or the caller's: the parallel_for of seqmix_call. */
void seqmix_context_parallel_for(void *runner, int32_t count,
                                 void (*body)(void *arg, int32_t index), void *arg);

/** Makes the arena at least `bytes` long and gives it. The context is entered. */
seqmix_status seqmix_context_arena(seqmix_context *context, const char *operation, uint64_t bytes,
                                   void **memory);

/** Device memory, through the backend or, where it leaves that to the library, the host's. */
seqmix_status seqmix_context_allocate(seqmix_context *context, const char *operation,
                                      uint64_t bytes, void **memory);
void seqmix_context_free(seqmix_context *context, void *memory);

/** As seqmix_context_create_with_options(), on a device that need not be in the registry, with
 * options of full size that have been checked. The device must outlive the context. */
seqmix_status seqmix_context_create_on(const seqmix_device *device,
                                       const seqmix_context_options *options, seqmix_context **out);

/** Stops the threads and frees everything, of a half-made context too. */
void seqmix_context_dispose(seqmix_context *context);

/** As seqmix_context_set_threads(), without entering. */
seqmix_status seqmix_context_use_threads(seqmix_context *context, int32_t threads);

/** As seqmix_context_set_variant(), without entering. Names of other devices' variants may be let
 * through: an environment variable speaks to all contexts. */
seqmix_status seqmix_context_force(seqmix_context *context, const char *operation,
                                   const char *names, int of_any_device);

#endif
