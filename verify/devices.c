/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/devices.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_WORKERS 4
#define THREAD_WORKERS 3

static seqmix_context *reference, *subject[DEVICE_WAYS];
static const char *chosen;
static char missing[512], failure[512];
static atomic_int parallel_faults;

void devices_choose(const char *name) { chosen = name; }

const char *device_name(void) {
  if (chosen) return chosen;
  const char *name = getenv("SEQMIX_TEST_DEVICE");
  return name && *name ? name : "cpu";
}

static void serial_for(void *user, int32_t count, void (*body)(void *, int32_t), void *arg) {
  (void)user;
  if (count > SERIAL_WORKERS) atomic_fetch_add(&parallel_faults, 1);
  for (int32_t i = count - 1; i >= 0; i--) body(arg, i);
}

typedef struct thread_body {
  void (*body)(void *, int32_t);
  void *arg;
  int32_t index;
} thread_body;

static void *run_body(void *pointer) {
  const thread_body *job = pointer;
  job->body(job->arg, job->index);
  return NULL;
}

static void threads_for(void *user, int32_t count, void (*body)(void *, int32_t), void *arg) {
  pthread_t threads[THREAD_WORKERS];
  thread_body jobs[THREAD_WORKERS];
  int started[THREAD_WORKERS];
  (void)user;
  if (count > THREAD_WORKERS) {
    atomic_fetch_add(&parallel_faults, 1);
    serial_for(NULL, count, body, arg);
    return;
  }
  for (int32_t i = 0; i < count; i++) {
    jobs[i] = (thread_body){body, arg, i};
    started[i] = pthread_create(&threads[i], NULL, run_body, &jobs[i]) == 0;
    if (!started[i]) body(arg, i); /* the system refuses a thread; the work has to be done */
  }
  for (int32_t i = 0; i < count; i++) {
    if (started[i]) pthread_join(threads[i], NULL);
  }
}

static seqmix_context *open_subject(device_way way) {
  seqmix_context *context = NULL;
  seqmix_status status = seqmix_context_create(&context, device_name());
  if (status == SEQMIX_ERROR_NO_DEVICE) {
    snprintf(missing, sizeof missing, "%s", seqmix_last_error());
    return NULL;
  }
  if (status == SEQMIX_OK)
    status = way == DEVICE_CALLER_SERIAL
                 ? seqmix_context_set_parallel_for(context, serial_for, NULL, SERIAL_WORKERS)
             : way == DEVICE_CALLER_THREADS
                 ? seqmix_context_set_parallel_for(context, threads_for, NULL, THREAD_WORKERS)
                 : seqmix_context_set_threads(context, 1 + (int32_t)way);
  if (status == SEQMIX_OK) return context;
  snprintf(failure, sizeof failure, "%s: %s", device_label(way), seqmix_last_error());
  seqmix_context_destroy(context);
  return NULL;
}

void devices_open(void) {
  missing[0] = failure[0] = 0;
  atomic_store(&parallel_faults, 0);
  if (seqmix_context_create(&reference, "reference") != SEQMIX_OK) {
    snprintf(failure, sizeof failure, "no reference device: %s", seqmix_last_error());
    return;
  }
  for (int way = 0; way < DEVICE_WAYS; way++) subject[way] = open_subject((device_way)way);
}

void devices_close(void) {
  for (int way = 0; way < DEVICE_WAYS; way++) {
    seqmix_context_destroy(subject[way]);
    subject[way] = NULL;
  }
  seqmix_context_destroy(reference);
  reference = NULL;
}

const char *devices_missing(void) { return missing[0] ? missing : NULL; }

const char *devices_failure(void) { return failure[0] ? failure : NULL; }

seqmix_context *device_reference(void) { return reference; }

seqmix_context *device_under_test(device_way way) { return subject[way]; }

int devices_ways(void) {
  seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
  const char *name = seqmix_context_device(subject[0]);
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    if (seqmix_device_get_info(i, &info) || strcmp(info.name, name) != 0) continue;
    return info.memory == SEQMIX_MEMORY_HOST ? DEVICE_WAYS : DEVICE_TWO_THREADS + 1;
  }
  return DEVICE_WAYS;
}

const char *device_label(device_way way) {
  static const char *const how[DEVICE_WAYS] = {"1 thread", "2 threads", "3 threads",
                                               "caller's serial for", "caller's threads"};
  static char labels[DEVICE_WAYS][96];
  snprintf(labels[way], sizeof labels[way], "%s, %s", device_name(), how[way]);
  return labels[way];
}

int device_parallel_faults(void) { return atomic_load(&parallel_faults); }
