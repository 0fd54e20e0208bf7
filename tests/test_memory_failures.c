/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail, each in turn. Linked statically with --wrap for the allocating functions,
 * so that every allocation of the library comes through here: number N of a scenario fails, the
 * call must then say OUT_OF_MEMORY or succeed, nothing may leak, and the next attempt must work.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame/child.h"
#include "frame/small_call.h"
#include "invalid/scan_call.h"
#include "support/suite.h"

/* ---- the allocator -------------------------------------------------------------------------- */

/* Only what is allocated while `watching` counts; that is when the library is being called. */
static _Atomic int watching;
static _Atomic int until_failure; /* the allocation that fails when this comes down to 0 */
static _Atomic int failures;      /* how many have */

enum { MOST_LIVE = 4096 };
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static void *live[MOST_LIVE];
static int live_count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void __real_free(void *memory);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);

static int shall_fail(void) {
  if (!atomic_load(&watching)) return 0;
  if (atomic_fetch_sub(&until_failure, 1) != 1) return 0;
  atomic_fetch_add(&failures, 1);
  return 1;
}

static void *note_allocation(void *memory) {
  if (!memory || !atomic_load(&watching)) return memory;
  pthread_mutex_lock(&live_lock);
  if (live_count == MOST_LIVE) abort();
  live[live_count++] = memory;
  pthread_mutex_unlock(&live_lock);
  return memory;
}

static void note_free(void *memory) {
  if (!memory) return;
  pthread_mutex_lock(&live_lock);
  for (int i = live_count - 1; i >= 0; i--) {
    if (live[i] != memory) continue;
    live[i] = live[--live_count];
    break;
  }
  pthread_mutex_unlock(&live_lock);
}

void *__wrap_malloc(size_t size) {
  return shall_fail() ? NULL : note_allocation(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
  return shall_fail() ? NULL : note_allocation(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size) {
  if (shall_fail()) return NULL;
  note_free(memory);
  return note_allocation(__real_realloc(memory, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return shall_fail() ? NULL : note_allocation(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
  if (shall_fail()) return ENOMEM;
  int error = __real_posix_memalign(memory, alignment, size);
  if (!error) note_allocation(*memory);
  return error;
}

char *__wrap_strdup(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = __wrap_malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

void __wrap_free(void *memory) {
  note_free(memory);
  __real_free(memory);
}

/* ---- scenarios ------------------------------------------------------------------------------ */

static small_call call;

/* What a scenario may do with a context; everything it makes it also frees. */
typedef struct scenario {
  const char *name;
  seqmix_status (*run)(void);
} scenario;

static seqmix_status create(seqmix_context **context) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  options.device = "cpu";
  options.threads = 3;
  return seqmix_context_create_with_options(context, &options);
}

static seqmix_status create_and_destroy(void) {
  seqmix_context *context;
  seqmix_status status = create(&context);
  if ((status == SEQMIX_OK) != (context != NULL)) return SEQMIX_ERROR_INTERNAL;
  seqmix_context_destroy(context);
  return status;
}

static seqmix_status on_context(seqmix_status (*use)(seqmix_context *context)) {
  seqmix_context *context;
  seqmix_status status = create(&context);
  if (status != SEQMIX_OK) return status;
  status = use(context);
  /* However that went, the context is as good as new; allocation failures may strike again, but
   * the scenario has had its one. */
  seqmix_status after = small_call_run(&call, context);
  if (after == SEQMIX_OK && !small_call_is_right(&call)) after = SEQMIX_ERROR_INTERNAL;
  seqmix_context_destroy(context);
  return status != SEQMIX_OK ? status : after;
}

static seqmix_status use_threads(seqmix_context *context) {
  seqmix_status status = seqmix_context_set_threads(context, 7);
  if (status == SEQMIX_OK && seqmix_context_threads(context) != 7) return SEQMIX_ERROR_INTERNAL;
  if (status != SEQMIX_OK && seqmix_context_threads(context) != 3) return SEQMIX_ERROR_INTERNAL;
  return status;
}

static seqmix_status use_attention(seqmix_context *context) {
  seqmix_status status = small_call_run(&call, context);
  if (status == SEQMIX_OK && !small_call_is_right(&call)) return SEQMIX_ERROR_INTERNAL;
  return status;
}

/* With more threads the second call needs more workspace, so the arena grows. */
static seqmix_status use_growing_arena(seqmix_context *context) {
  seqmix_status status = use_attention(context);
  if (status == SEQMIX_OK) status = use_threads(context);
  return status == SEQMIX_OK ? use_attention(context) : status;
}

static seqmix_status use_merge(seqmix_context *context) {
  float outs[12] = {1, 2, 3, 4}, lses[2] = {0, 0}, out[6] = {0};
  seqmix_tensor tensors[3];
  seqmix_attention_merge_args args = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  tensors[0] = seqmix_tensor_nd(outs, SEQMIX_F32, 5, (int64_t[]){2, 1, 1, 1, 6}, NULL);
  tensors[1] = seqmix_tensor_4d(lses, SEQMIX_F32, 2, 1, 1, 1);
  tensors[2] = seqmix_tensor_4d(out, SEQMIX_F32, 1, 1, 1, 6);
  args.outs = &tensors[0];
  args.lses = &tensors[1];
  args.out = &tensors[2];
  seqmix_status status = seqmix_attention_merge(context, &args);
  if (status == SEQMIX_OK && !(out[1] > 0.99f && out[1] < 1.01f)) return SEQMIX_ERROR_INTERNAL;
  return status;
}

/* So many sequences that comparing the rows they write takes memory; without tokens and rows that
 * is all there is to do. */
static seqmix_status use_pool(seqmix_context *context) {
  enum { MANY = 100 };
  int32_t rows[MANY];
  for (int n = 0; n < MANY; n++) rows[n] = -1;
  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  seqmix_tensor tokens = seqmix_tensor_4d(NULL, SEQMIX_F32, MANY, 0, 1, 1);
  seqmix_tensor present = seqmix_tensor_4d(NULL, SEQMIX_F32, 0, 1, 1, 1);
  seqmix_tensor indices = seqmix_tensor_1d(rows, SEQMIX_I32, MANY);
  args.q = args.k = args.v = args.out = &tokens;
  args.present_state = &present;
  args.state_out_indices = &indices;
  return seqmix_linear_attention(context, &args);
}

/* Scans and the convolution, with every option; a call that succeeds gives what the first gave. */
static seqmix_status use_scans(seqmix_context *context) {
  static const scan_operator *const operators[] = {&linear_recurrence_calls, &selective_scan_calls,
                                                   &prefix_scan_calls, &causal_conv1d_calls};
  enum { COUNT = sizeof operators / sizeof *operators };
  static unsigned char first[COUNT][sizeof arena];
  static int have_first[COUNT];
  static scan_call scan;
  for (int i = 0; i < COUNT; i++) {
    scan_call_make(&scan, operators[i], context, 0);
    seqmix_status status = scan_call_run(&scan);
    if (status != SEQMIX_OK) return status;
    if (!have_first[i]++) memcpy(first[i], arena, sizeof arena);
    if (memcmp(first[i], arena, sizeof arena) != 0) return SEQMIX_ERROR_INTERNAL;
  }
  return SEQMIX_OK;
}

static seqmix_status use_buffers(seqmix_context *context) {
  float number = 3, got = 0;
  void *data;
  seqmix_status status = seqmix_buffer_allocate(context, 4, &data);
  if (status != SEQMIX_OK) return data ? SEQMIX_ERROR_INTERNAL : status;
  status = seqmix_buffer_upload(context, data, 0, &number, 4);
  if (status == SEQMIX_OK) status = seqmix_buffer_download(context, data, 0, &got, 4);
  if (status == SEQMIX_OK && got != number) status = SEQMIX_ERROR_INTERNAL;
  seqmix_buffer_free(context, data);
  return status;
}

static seqmix_status use_variant(seqmix_context *context) {
  seqmix_status status = SEQMIX_OK;
  for (int32_t i = 0; status == SEQMIX_OK && i < 2; i++) {
    status = seqmix_context_set_variant(context, seqmix_context_variant_name(context, i));
  }
  seqmix_status end = seqmix_context_set_variant(context, NULL);
  return status != SEQMIX_OK ? status : end;
}

static seqmix_status threads_scenario(void) { return on_context(use_threads); }
static seqmix_status attention_scenario(void) { return on_context(use_attention); }
static seqmix_status arena_scenario(void) { return on_context(use_growing_arena); }
static seqmix_status merge_scenario(void) { return on_context(use_merge); }
static seqmix_status pool_scenario(void) { return on_context(use_pool); }
static seqmix_status scans_scenario(void) { return on_context(use_scans); }
static seqmix_status buffers_scenario(void) { return on_context(use_buffers); }
static seqmix_status variant_scenario(void) { return on_context(use_variant); }

static const scenario scenarios[] = {
    {"create", create_and_destroy},    {"threads", threads_scenario},
    {"attention", attention_scenario}, {"arena", arena_scenario},
    {"merge", merge_scenario},         {"pool", pool_scenario},
    {"scans", scans_scenario},         {"buffers", buffers_scenario},
    {"variant", variant_scenario},
};

/* ---- tests ---------------------------------------------------------------------------------- */

static seqmix_status run_watched(const scenario *s, int fail_at) {
  atomic_store(&until_failure, fail_at);
  atomic_store(&failures, 0);
  atomic_store(&watching, 1);
  seqmix_status status = s->run();
  atomic_store(&watching, 0);
  return status;
}

enum { MOST_ALLOCATIONS = 1000 };

START_TEST(test_each_allocation_in_turn) {
  const scenario *s = &scenarios[_i];
  int fail_at = 1;
  small_call_make(&call, suite_seed(s->name));
  ck_assert_int_eq(s->run(), SEQMIX_OK); /* what is built once per process now exists */
  for (; fail_at < MOST_ALLOCATIONS; fail_at++) {
    seqmix_status status = run_watched(s, fail_at);
    int failed = atomic_load(&failures);
    ck_assert_msg(live_count == 0, "%s: %d allocations left after number %d failed", s->name,
                  live_count, fail_at);
    ck_assert_msg(status == SEQMIX_OK || (failed && status == SEQMIX_ERROR_OUT_OF_MEMORY),
                  "%s: %s after number %d failed: %s", s->name, seqmix_status_name(status), fail_at,
                  seqmix_last_error());
    if (status != SEQMIX_OK) {
      ck_assert_msg(strstr(seqmix_last_error(), ": ") != NULL, "%s", seqmix_last_error());
    }
    if (!failed) break;
  }
  /* At least the context itself was allocated, and failed to be. */
  ck_assert_int_gt(fail_at, 1);
  ck_assert_int_lt(fail_at, MOST_ALLOCATIONS);
}
END_TEST

/* The device list is made once per process, so each failure needs a process of its own. What the
 * list then lacks is a driver's business; the CPU must be there, at the latest on a second try. */
static int first_call_of_a_process(void *arg) {
  int fail_at = *(int *)arg;
  seqmix_context *context;
  small_call_make(&call, 1);
  atomic_store(&until_failure, fail_at);
  atomic_store(&watching, 1);
  seqmix_status status = create(&context);
  atomic_store(&watching, 0);
  CHILD_EXPECT(status == SEQMIX_OK || status == SEQMIX_ERROR_OUT_OF_MEMORY);
  if (status != SEQMIX_OK) CHILD_EXPECT_OK(create(&context));
  CHILD_EXPECT_OK(small_call_run(&call, context));
  CHILD_EXPECT(small_call_is_right(&call));
  seqmix_context_destroy(context);
  if (atomic_load(&failures) == 0) puts("no failure");
  return 0;
}

START_TEST(test_first_call_of_a_process) {
  static child_result result;
  int fail_at = 1;
  for (; fail_at < MOST_ALLOCATIONS; fail_at++) {
    child_run(&result, first_call_of_a_process, &fail_at);
    ck_assert_msg(result.code == 0, "allocation %d failed, the child ended with %d: %s", fail_at,
                  result.code, result.text);
    if (strstr(result.text, "no failure")) break;
  }
  ck_assert_int_gt(fail_at, 1);
  ck_assert_int_lt(fail_at, MOST_ALLOCATIONS);
}
END_TEST

/* The harness itself: a leak is seen, and so is an allocation that was made to fail. */
START_TEST(test_the_allocator_here) {
  atomic_store(&until_failure, 2);
  atomic_store(&failures, 0);
  atomic_store(&watching, 1);
  void *volatile first = malloc(8);
  void *volatile second = malloc(8);
  char *volatile third = strdup("third");
  atomic_store(&watching, 0);
  ck_assert_ptr_nonnull(first);
  ck_assert_ptr_null(second);
  ck_assert_str_eq(third, "third");
  ck_assert_int_eq(atomic_load(&failures), 1);
  ck_assert_int_eq(live_count, 2);
  free(first);
  free(third);
  ck_assert_int_eq(live_count, 0);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("memory_failures");
  TCase *tcase = tcase_create("memory failures");
  tcase_set_timeout(tcase, 300);
  /* First, while this process has not called the library yet. */
  suite_add(tcase, test_first_call_of_a_process);
  suite_add(tcase, test_the_allocator_here);
  suite_add_loop(tcase, test_each_allocation_in_turn, 0,
                 (int)(sizeof scenarios / sizeof *scenarios));
  suite_add_tcase(suite, tcase);
  return suite;
}
