/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT */
#include "core/context.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/check.h"
#include "core/dispatch.h"
#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"

/* One thread per processor this process may use, within the limits of a context. */
static int32_t usable_processors(void) {
  cpu_set_t set;
  long count =
      sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : count > SEQMIX_MAX_THREADS ? SEQMIX_MAX_THREADS : (int32_t)count;
}

static int32_t default_threads(void) {
  const char *text = getenv("SEQMIX_NUM_THREADS");
  if (!text || !*text) return usable_processors();
  char *end;
  long value = strtol(text, &end, 10);
  if (*end == 0 && value >= 1 && value <= SEQMIX_MAX_THREADS) return (int32_t)value;
  seqmix_log(SEQMIX_LOG_WARNING,
             "SEQMIX_NUM_THREADS is '%s'; it must be 1 to %d; using %d threads instead", text,
             SEQMIX_MAX_THREADS, usable_processors());
  return usable_processors();
}

static seqmix_status check_options(const seqmix_context_options *options) {
  if (options->threads < 0 || options->threads > SEQMIX_MAX_THREADS)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_create: threads is %d; it must be 1 to %d, or 0 for one per "
                       "processor",
                       options->threads, SEQMIX_MAX_THREADS);
  if (options->reserved)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_create: reserved is %d; it must be 0", options->reserved);
  return SEQMIX_OK;
}

static seqmix_status open_context(seqmix_context *context, const seqmix_context_options *options) {
  const seqmix_device *device = context->device;
  if (options->queue && device->properties.memory == SEQMIX_MEMORY_HOST)
    return seqmix_fail(
        SEQMIX_ERROR_INVALID_ARGUMENT,
        "context_create: queue is given; it must be NULL for device %s, which has none",
        device->name);
  SEQMIX_TRY(device->backend->open(device->index, options->queue, &context->state));
  SEQMIX_TRY(
      seqmix_context_use_threads(context, options->threads ? options->threads : default_threads()));
  return seqmix_context_force(context, "context_create: SEQMIX_VARIANT", getenv("SEQMIX_VARIANT"),
                              1);
}

seqmix_status seqmix_context_create_on(const seqmix_device *device,
                                       const seqmix_context_options *options,
                                       seqmix_context **out) {
  SEQMIX_TRY(seqmix_drivers_check(device, "context_create"));
  seqmix_context *context = seqmix_memory_allocate_zeroed(sizeof *context);
  if (!context)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "context_create: no memory for %zu bytes",
                       sizeof *context);
  context->device = device;
  pthread_mutex_init(&context->lock, NULL);
  seqmix_context_adopt(context);
  seqmix_status status = open_context(context, options);
  if (status) {
    seqmix_context_dispose(context);
    return status;
  }
  *out = context;
  return SEQMIX_OK;
}

seqmix_status seqmix_context_create_with_options(seqmix_context **out,
                                                 const seqmix_context_options *options) {
  if (!out)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_create: out is NULL; it must point to a pointer");
  *out = NULL;
  seqmix_context_options known = SEQMIX_CONTEXT_OPTIONS_INIT;
  SEQMIX_TRY(seqmix_check_struct("context_create", "options", options, &known, sizeof known,
                                 sizeof known));
  SEQMIX_TRY(check_options(&known));
  const seqmix_device *device = seqmix_registry_find(known.device);
  return device ? seqmix_context_create_on(device, &known, out) : SEQMIX_ERROR_NO_DEVICE;
}

seqmix_status seqmix_context_create(seqmix_context **out, const char *device) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  options.device = device;
  return seqmix_context_create_with_options(out, &options);
}

void seqmix_context_destroy(seqmix_context *context) {
  seqmix_active active;
  if (!context || seqmix_context_enter(context, &active, "context_destroy")) return;
  seqmix_context_leave(context, &active);
  seqmix_context_dispose(context);
}

const char *seqmix_context_device(const seqmix_context *context) {
  return context ? context->device->name : "";
}

seqmix_status seqmix_context_set_threads(seqmix_context *context, int32_t threads) {
  if (threads < 1 || threads > SEQMIX_MAX_THREADS)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_set_threads: threads is %d; it must be 1 to %d", threads,
                       SEQMIX_MAX_THREADS);
  seqmix_active active;
  SEQMIX_TRY(seqmix_context_enter(context, &active, "context_set_threads"));
  seqmix_status status = seqmix_context_use_threads(context, threads);
  seqmix_context_leave(context, &active);
  return status;
}

int32_t seqmix_context_threads(const seqmix_context *context) {
  return context ? atomic_load(&context->workers) : 0;
}

seqmix_status seqmix_context_set_parallel_for(seqmix_context *context, seqmix_parallel_for function,
                                              void *user, int32_t workers) {
  if (function && (workers < 1 || workers > SEQMIX_MAX_THREADS))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_set_parallel_for: workers is %d; it must be 1 to %d", workers,
                       SEQMIX_MAX_THREADS);
  seqmix_active active;
  SEQMIX_TRY(seqmix_context_enter(context, &active, "context_set_parallel_for"));
  context->parallel_for = function;
  context->parallel_for_user = user;
  atomic_store(&context->workers, function ? workers : context->threads);
  seqmix_context_leave(context, &active);
  return SEQMIX_OK;
}

seqmix_status seqmix_context_set_variant(seqmix_context *context, const char *names) {
  seqmix_active active;
  SEQMIX_TRY(seqmix_context_enter(context, &active, "context_set_variant"));
  seqmix_status status = seqmix_context_force(context, "context_set_variant", names, 0);
  seqmix_context_leave(context, &active);
  return status;
}

const char *seqmix_context_variant_name(const seqmix_context *context, int32_t index) {
  if (!context || index < 0) return NULL;
  const seqmix_backend *backend = context->device->backend;
  for (int32_t i = 0; i < backend->variant_count; i++) {
    if (!seqmix_is_available(&backend->variants[i], &context->device->properties)) continue;
    if (index-- == 0) return backend->variants[i].name;
  }
  return NULL;
}

const char *seqmix_context_chosen_variant(const seqmix_context *context) {
  return context ? atomic_load(&context->chosen) : NULL;
}

seqmix_status seqmix_synchronize(seqmix_context *context) {
  seqmix_active active;
  SEQMIX_TRY(seqmix_context_enter(context, &active, "synchronize"));
  const seqmix_backend *backend = context->device->backend;
  seqmix_status status = backend->synchronize ? backend->synchronize(context->state) : SEQMIX_OK;
  seqmix_context_leave(context, &active);
  return status;
}
