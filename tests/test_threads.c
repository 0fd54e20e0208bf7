/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts and threads: shared, nested, refused by the system, forked. Linked with
 * --wrap=pthread_create, so that a test can be the system that gives no more threads. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame/child.h"
#include "frame/small_call.h"
#include "support/suite.h"

/* How many more threads the system gives; -1: any number. */
static _Atomic int threads_left = -1;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg) {
  if (atomic_load(&threads_left) == 0) return EAGAIN;
  if (atomic_load(&threads_left) > 0) atomic_fetch_sub(&threads_left, 1);
  return __real_pthread_create(thread, attributes, start, arg);
}

static seqmix_context *make_context(int32_t threads) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  seqmix_context *context;
  options.device = "cpu";
  options.threads = threads;
  ck_assert_msg(seqmix_context_create_with_options(&context, &options) == SEQMIX_OK, "%s",
                seqmix_last_error());
  return context;
}

/* ---- several threads ------------------------------------------------------------------------ */

enum { CALLERS = 4, CALLS = 25 };

typedef struct caller {
  seqmix_context *context;
  int number; /* so that each has inputs of its own */
  small_call call;
  int wrong;
} caller;

static void *call_often(void *arg) {
  caller *c = arg;
  for (int i = 0; i < CALLS; i++) {
    small_call_make(&c->call, (uint64_t)i * CALLERS + (uint64_t)c->number);
    seqmix_status status = small_call_run(&c->call, c->context);
    if (status != SEQMIX_OK || !small_call_is_right(&c->call)) c->wrong++;
  }
  return NULL;
}

static void call_from_all(seqmix_context *shared) {
  static caller callers[CALLERS];
  pthread_t threads[CALLERS];
  for (int i = 0; i < CALLERS; i++) {
    callers[i].context = shared ? shared : make_context(2);
    callers[i].number = i;
    callers[i].wrong = 0;
    ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
  }
  for (int i = 0; i < CALLERS; i++) {
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(callers[i].wrong, 0);
    if (!shared) seqmix_context_destroy(callers[i].context);
  }
}

START_TEST(test_one_context_many_threads) {
  seqmix_context *context = make_context(3);
  call_from_all(context);
  seqmix_context_destroy(context);
}
END_TEST

START_TEST(test_contexts_in_parallel) { call_from_all(NULL); }
END_TEST

/* Settings change while others compute: each call sees one state or the other. */
START_TEST(test_settings_from_another_thread) {
  static caller c;
  pthread_t thread;
  c.context = make_context(2);
  c.wrong = 0;
  ck_assert_int_eq(pthread_create(&thread, NULL, call_often, &c), 0);
  for (int32_t i = 0; i < 40; i++) {
    ck_assert_int_eq(seqmix_context_set_threads(c.context, 1 + i % 4), SEQMIX_OK);
    ck_assert_int_ge(seqmix_context_threads(c.context), 1);
    ck_assert_int_eq(seqmix_context_set_variant(c.context, NULL), SEQMIX_OK);
  }
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_int_eq(c.wrong, 0);
  seqmix_context_destroy(c.context);
}
END_TEST

START_TEST(test_many_contexts) {
  static small_call call;
  small_call_make(&call, suite_seed("many contexts"));
  for (int i = 0; i < 200; i++) {
    seqmix_context *context = make_context(1 + i % 5);
    if (i % 3 == 0) ck_assert_int_eq(small_call_run(&call, context), SEQMIX_OK);
    seqmix_context_destroy(context);
  }
  ck_assert(small_call_is_right(&call));
}
END_TEST

/* ---- nested calls --------------------------------------------------------------------------- */

typedef struct nesting {
  seqmix_context *context, *other;
  small_call *inner;
  int calls;
  int other_right;
  int32_t threads;
  seqmix_status attention, threads_set, parallel_for, variant, synchronize, allocate, upload, size;
  char message[512];
} nesting;

/* Tries everything that would need the context's lock. */
static void call_again(nesting *n) {
  char byte = 0;
  void *data;
  uint64_t bytes;
  n->attention = small_call_run(n->inner, n->context);
  snprintf(n->message, sizeof n->message, "%s", seqmix_last_error());
  n->size = seqmix_attention_workspace_size(n->context, &n->inner->args, &bytes);
  n->threads_set = seqmix_context_set_threads(n->context, 1);
  n->parallel_for = seqmix_context_set_parallel_for(n->context, NULL, NULL, 1);
  n->variant = seqmix_context_set_variant(n->context, "");
  n->synchronize = seqmix_synchronize(n->context);
  n->allocate = seqmix_buffer_allocate(n->context, 8, &data);
  n->upload = seqmix_buffer_upload(n->context, &byte, 0, &byte, 1);
  n->threads = seqmix_context_threads(n->context); /* needs no lock */
  if (small_call_run(n->inner, n->other) != SEQMIX_OK) return;
  n->other_right = small_call_is_right(n->inner);
}

static void nest(void *user, int32_t count, void (*body)(void *arg, int32_t index), void *arg) {
  nesting *n = user;
  n->calls++;
  call_again(n);
  for (int32_t i = 0; i < count; i++) body(arg, i);
}

START_TEST(test_nested_call_is_refused) {
  static small_call outer, inner;
  nesting n = {.context = make_context(2), .other = make_context(2), .inner = &inner};
  small_call_make(&outer, suite_seed("outer"));
  small_call_make(&inner, suite_seed("inner"));
  ck_assert_int_eq(seqmix_context_set_parallel_for(n.context, nest, &n, 4), SEQMIX_OK);
  ck_assert_msg(small_call_run(&outer, n.context) == SEQMIX_OK, "%s", seqmix_last_error());
  ck_assert(small_call_is_right(&outer));
  ck_assert_int_ge(n.calls, 1);
  ck_assert_int_eq(n.attention, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_msg(strncmp(n.message, "attention: context", 18) == 0, "%s", n.message);
  ck_assert_int_eq(n.size, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(n.threads_set, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(n.parallel_for, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(n.variant, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(n.synchronize, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(n.allocate, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(n.upload, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(n.threads, 4);
  ck_assert_msg(n.other_right, "a nested call on another context must work");
  seqmix_context_destroy(n.context);
  seqmix_context_destroy(n.other);
}
END_TEST

/* Two contexts, each inside the other's work: the third call is the first one's context again. */
typedef struct ring {
  seqmix_context *first, *second;
  small_call *middle, *inner;
  seqmix_status middle_status, inner_status;
} ring;

static void call_first(void *user, int32_t count, void (*body)(void *arg, int32_t index),
                       void *arg) {
  ring *r = user;
  r->inner_status = small_call_run(r->inner, r->first);
  for (int32_t i = 0; i < count; i++) body(arg, i);
}

static void call_second(void *user, int32_t count, void (*body)(void *arg, int32_t index),
                        void *arg) {
  ring *r = user;
  r->middle_status = small_call_run(r->middle, r->second);
  for (int32_t i = 0; i < count; i++) body(arg, i);
}

START_TEST(test_nested_around_a_corner) {
  static small_call outer, middle, inner;
  ring r = {make_context(1), make_context(1), &middle, &inner, SEQMIX_OK, SEQMIX_OK};
  small_call_make(&outer, 1);
  small_call_make(&middle, 2);
  small_call_make(&inner, 3);
  ck_assert_int_eq(seqmix_context_set_parallel_for(r.first, call_second, &r, 2), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_set_parallel_for(r.second, call_first, &r, 2), SEQMIX_OK);
  ck_assert_int_eq(small_call_run(&outer, r.first), SEQMIX_OK);
  ck_assert_int_eq(r.middle_status, SEQMIX_OK);
  ck_assert_int_eq(r.inner_status, SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert(small_call_is_right(&outer) && small_call_is_right(&middle));
  seqmix_context_destroy(r.first);
  seqmix_context_destroy(r.second);
}
END_TEST

/* ---- threads the system does not give ------------------------------------------------------- */

START_TEST(test_system_refuses_threads) {
  static small_call call;
  float with_all[SMALL_ELEMENTS];
  small_call_make(&call, suite_seed("refused threads"));
  seqmix_context *context = make_context(8);
  ck_assert_int_eq(small_call_run(&call, context), SEQMIX_OK);
  memcpy(with_all, call.out_data, sizeof with_all);
  seqmix_context_destroy(context);
  for (int left = 0; left < 4; left++) {
    atomic_store(&threads_left, left);
    context = make_context(8);
    for (int i = 0; i < 3; i++) {
      seqmix_status status = small_call_run(&call, context);
      ck_assert_msg(status == SEQMIX_OK, "%d threads: %s", left, seqmix_last_error());
      ck_assert_int_eq(memcmp(with_all, call.out_data, sizeof with_all), 0);
    }
    ck_assert_int_eq(seqmix_context_set_threads(context, 6), SEQMIX_OK);
    ck_assert_int_eq(small_call_run(&call, context), SEQMIX_OK);
    ck_assert_int_eq(memcmp(with_all, call.out_data, sizeof with_all), 0);
    atomic_store(&threads_left, -1);
    seqmix_context_destroy(context);
  }
}
END_TEST

/* ---- fork ----------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* ThreadSanitizer ends a child of a process with threads unless told not to. */
static int can_fork(void) {
  if (!UNDER_TSAN) return 1;
  const char *options = getenv("TSAN_OPTIONS");
  return options && strstr(options, "die_after_fork=0");
}

#define NEED_FORK() \
  if (!can_fork()) suite_skip("ThreadSanitizer needs TSAN_OPTIONS=die_after_fork=0")

/* gcc's runtime takes a new thread of the child for one of the parent's ("dup thread with used
 * id") and ends the process; clang's does not. */
#if UNDER_TSAN && !defined(__clang__)
#define THREADS_AFTER_FORK 0
#else
#define THREADS_AFTER_FORK 1
#endif

#define NEED_THREADS_AFTER_FORK() \
  NEED_FORK();                    \
  if (!THREADS_AFTER_FORK) suite_skip("gcc's ThreadSanitizer allows no threads in a forked child")

/* What a child inherits: a context whose pool was at work, and the answer. */
typedef struct heirloom {
  seqmix_context *context;
  small_call call;
  float wanted[SMALL_ELEMENTS];
} heirloom;

static heirloom inherited;

static void make_heirloom(int32_t threads) {
  inherited.context = make_context(threads);
  small_call_make(&inherited.call, suite_seed("fork"));
  ck_assert_int_eq(small_call_run(&inherited.call, inherited.context), SEQMIX_OK);
  ck_assert(small_call_is_right(&inherited.call));
  memcpy(inherited.wanted, inherited.call.out_data, sizeof inherited.wanted);
}

static int use_heirloom(void *arg) {
  heirloom *h = arg;
  for (int i = 0; i < 3; i++) {
    CHILD_EXPECT_OK(small_call_run(&h->call, h->context));
    CHILD_EXPECT(memcmp(h->wanted, h->call.out_data, sizeof h->wanted) == 0);
  }
  CHILD_EXPECT(seqmix_context_threads(h->context) == 4);
  return 0;
}

static int use_and_destroy(void *arg) {
  heirloom *h = arg;
  if (use_heirloom(arg)) return 1;
  CHILD_EXPECT_OK(seqmix_context_set_threads(h->context, 2));
  CHILD_EXPECT_OK(small_call_run(&h->call, h->context));
  CHILD_EXPECT(memcmp(h->wanted, h->call.out_data, sizeof h->wanted) == 0);
  seqmix_context_destroy(h->context);
  return 0;
}

static int destroy_at_once(void *arg) {
  heirloom *h = arg;
  seqmix_context_destroy(h->context);
  return 0;
}

static int set_threads_at_once(void *arg) {
  heirloom *h = arg;
  CHILD_EXPECT_OK(seqmix_context_set_threads(h->context, 4));
  return use_heirloom(arg);
}

static int fork_again(void *arg) {
  static child_result result;
  if (use_heirloom(arg)) return 1;
  child_run(&result, use_and_destroy, arg);
  if (result.code) fputs(result.text, stderr);
  return result.code ? 1 : 0;
}

static int make_another(void *arg) {
  heirloom *h = arg;
  seqmix_context *context;
  CHILD_EXPECT_OK(seqmix_context_create(&context, "cpu"));
  CHILD_EXPECT_OK(small_call_run(&h->call, context));
  CHILD_EXPECT(memcmp(h->wanted, h->call.out_data, sizeof h->wanted) == 0);
  seqmix_context_destroy(context);
  return 0;
}

static void in_child(int (*function)(void *arg)) {
  static child_result result;
  child_run(&result, function, &inherited);
  ck_assert_msg(result.code == 0, "the child ended with %d: %s", result.code, result.text);
}

START_TEST(test_fork) {
  NEED_THREADS_AFTER_FORK();
  make_heirloom(4);
  in_child(use_heirloom);
  in_child(use_and_destroy);
  in_child(destroy_at_once);
  in_child(set_threads_at_once);
  in_child(fork_again);
  in_child(make_another);
  /* The parent's threads have noticed nothing. */
  ck_assert_int_eq(use_heirloom(&inherited), 0);
  seqmix_context_destroy(inherited.context);
}
END_TEST

static int use_from_threads(void *arg) {
  heirloom *h = arg;
  static caller callers[2];
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    callers[i].context = h->context;
    callers[i].number = i;
    CHILD_EXPECT(pthread_create(&threads[i], NULL, call_often, &callers[i]) == 0);
  }
  for (int i = 0; i < 2; i++) {
    CHILD_EXPECT(pthread_join(threads[i], NULL) == 0);
    CHILD_EXPECT(callers[i].wrong == 0);
  }
  return 0;
}

/* The child's threads race to find out that they are in a child. */
START_TEST(test_fork_then_threads) {
  NEED_THREADS_AFTER_FORK();
  make_heirloom(4);
  in_child(use_from_threads);
  seqmix_context_destroy(inherited.context);
}
END_TEST

static _Atomic int stop_calling;

static void *call_until_told(void *arg) {
  static small_call call;
  small_call_make(&call, 1);
  while (!atomic_load(&stop_calling)) small_call_run(&call, arg);
  return NULL;
}

/* Another thread is inside a call, so its lock is taken in the child by a thread that is not. */
START_TEST(test_fork_during_a_call) {
  NEED_THREADS_AFTER_FORK();
  pthread_t thread;
  make_heirloom(4);
  atomic_store(&stop_calling, 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, call_until_told, inherited.context), 0);
  for (int i = 0; i < 20; i++) in_child(i % 2 ? use_heirloom : use_and_destroy);
  atomic_store(&stop_calling, 1);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  seqmix_context_destroy(inherited.context);
}
END_TEST

/* The same with no luck needed: an engine that holds its call open until the child is done. */
typedef struct gate {
  pthread_mutex_t lock;
  pthread_cond_t moved;
  int inside, open;
  pid_t owner;
} gate;

static gate the_gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

static void wait_at_gate(void *user, int32_t count, void (*body)(void *arg, int32_t index),
                         void *arg) {
  gate *g = user;
  if (getpid() == g->owner) {
    pthread_mutex_lock(&g->lock);
    g->inside = 1;
    pthread_cond_broadcast(&g->moved);
    while (!g->open) pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
  }
  for (int32_t i = 0; i < count; i++) body(arg, i);
}

static void *call_through_gate(void *arg) {
  static small_call call;
  small_call_make(&call, 1);
  return small_call_run(&call, arg) == SEQMIX_OK && small_call_is_right(&call) ? arg : NULL;
}

START_TEST(test_fork_while_locked) {
  NEED_FORK();
  pthread_t thread;
  void *right = NULL;
  gate *g = &the_gate;
  make_heirloom(4);
  g->owner = getpid();
  g->inside = g->open = 0;
  ck_assert_int_eq(seqmix_context_set_parallel_for(inherited.context, wait_at_gate, g, 4),
                   SEQMIX_OK);
  ck_assert_int_eq(pthread_create(&thread, NULL, call_through_gate, inherited.context), 0);
  pthread_mutex_lock(&g->lock);
  while (!g->inside) pthread_cond_wait(&g->moved, &g->lock);
  pthread_mutex_unlock(&g->lock);
  in_child(use_heirloom);
  pthread_mutex_lock(&g->lock);
  g->open = 1;
  pthread_cond_broadcast(&g->moved);
  pthread_mutex_unlock(&g->lock);
  ck_assert_int_eq(pthread_join(thread, &right), 0);
  ck_assert_ptr_nonnull(right);
  seqmix_context_destroy(inherited.context);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("threads");
  TCase *tcase = tcase_create("threads");
  tcase_set_timeout(tcase, 300);
  suite_add(tcase, test_one_context_many_threads);
  suite_add(tcase, test_contexts_in_parallel);
  suite_add(tcase, test_settings_from_another_thread);
  suite_add(tcase, test_many_contexts);
  suite_add(tcase, test_nested_call_is_refused);
  suite_add(tcase, test_nested_around_a_corner);
  suite_add(tcase, test_system_refuses_threads);
  suite_add(tcase, test_fork);
  suite_add(tcase, test_fork_then_threads);
  suite_add(tcase, test_fork_during_a_call);
  suite_add(tcase, test_fork_while_locked);
  suite_add_tcase(suite, tcase);
  return suite;
}
