/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, contexts, error texts, buffers and workspace. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "frame/small_call.h"
#include "support/suite.h"

static seqmix_context *context;
static small_call call;

static void make_context(void) {
  ck_assert_int_eq(seqmix_context_create(&context, "cpu"), SEQMIX_OK);
  small_call_make(&call, suite_seed("context"));
}

static void drop_context(void) { seqmix_context_destroy(context); }

static void check_works(void) {
  ck_assert_msg(small_call_run(&call, context) == SEQMIX_OK, "%s", seqmix_last_error());
  ck_assert(small_call_is_right(&call));
}

/* ---- devices -------------------------------------------------------------------------------- */

/* The device of that name; fails the test if there is none. */
static seqmix_device_info find_device(const char *name) {
  seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    ck_assert_int_eq(seqmix_device_get_info(i, &info), SEQMIX_OK);
    if (strcmp(info.name, name) == 0) return info;
  }
  ck_abort_msg("no device %s", name);
  return info;
}

START_TEST(test_cpu_and_reference_are_there) {
  seqmix_device_info cpu = find_device("cpu"), reference = find_device("reference");
  ck_assert_str_eq(cpu.backend, "cpu");
  ck_assert_int_eq(cpu.index, 0);
  ck_assert_int_eq(cpu.memory, SEQMIX_MEMORY_HOST);
  ck_assert_int_ne(cpu.automatic, 0);
  ck_assert_int_ge(cpu.compute_units, 1);
  ck_assert_uint_gt(cpu.memory_bytes, 1u << 20);
  ck_assert_str_ne(cpu.description, "");
  ck_assert_str_eq(reference.backend, "reference");
  ck_assert_int_eq(reference.automatic, 0);
  ck_assert_str_ne(reference.description, "");
}
END_TEST

START_TEST(test_every_device_is_well_described) {
  int32_t count = seqmix_device_count();
  ck_assert_int_ge(count, 2);
  for (int32_t i = 0; i < count; i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT, other = SEQMIX_DEVICE_INFO_INIT;
    ck_assert_int_eq(seqmix_device_get_info(i, &info), SEQMIX_OK);
    ck_assert_msg(strncmp(info.name, info.backend, strlen(info.backend)) == 0, "%s", info.name);
    for (int32_t j = 0; j < i; j++) {
      ck_assert_int_eq(seqmix_device_get_info(j, &other), SEQMIX_OK);
      ck_assert_str_ne(info.name, other.name);
      /* Best first: none that "auto" takes after one it does not. */
      ck_assert(other.automatic || !info.automatic);
    }
  }
}
END_TEST

START_TEST(test_a_context_on_every_device) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_context *other;
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    ck_assert_int_eq(seqmix_device_get_info(i, &info), SEQMIX_OK);
    ck_assert_msg(seqmix_context_create(&other, info.name) == SEQMIX_OK, "%s", seqmix_last_error());
    ck_assert_str_eq(seqmix_context_device(other), info.name);
    seqmix_context_destroy(other);
  }
}
END_TEST

START_TEST(test_names_with_and_without_number) {
  static const char *const names[] = {"cpu", "cpu:0", "reference", "reference:0"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    seqmix_context *other;
    ck_assert_msg(seqmix_context_create(&other, names[i]) == SEQMIX_OK, "%s", names[i]);
    ck_assert_str_eq(seqmix_context_device(other), i < 2 ? "cpu" : "reference");
    seqmix_context_destroy(other);
  }
  ck_assert_str_eq(seqmix_context_device(NULL), "");
}
END_TEST

START_TEST(test_automatic_choice) {
  static const char *const names[] = {"auto", NULL};
  seqmix_device_info best = SEQMIX_DEVICE_INFO_INIT;
  ck_assert_int_eq(seqmix_device_get_info(0, &best), SEQMIX_OK);
  for (int i = 0; i < 2; i++) {
    seqmix_context *other;
    ck_assert_int_eq(seqmix_context_create(&other, names[i]), SEQMIX_OK);
    ck_assert_str_ne(seqmix_context_device(other), "reference");
    ck_assert_str_eq(seqmix_context_device(other), best.name);
    seqmix_context_destroy(other);
  }
}
END_TEST

/* ---- threads, parallel_for, variants -------------------------------------------------------- */

START_TEST(test_thread_counts) {
  static const int32_t counts[] = {1, 2, 3, 7, 64};
  float first[SMALL_ELEMENTS];
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    ck_assert_int_eq(seqmix_context_set_threads(context, counts[i]), SEQMIX_OK);
    ck_assert_int_eq(seqmix_context_threads(context), counts[i]);
    check_works();
    if (i == 0) memcpy(first, call.out_data, sizeof first);
    ck_assert_int_eq(memcmp(first, call.out_data, sizeof first), 0);
  }
  ck_assert_int_eq(seqmix_context_threads(NULL), 0);
}
END_TEST

START_TEST(test_threads_by_option) {
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  seqmix_context *other;
  options.device = "cpu";
  options.threads = 5;
  ck_assert_int_eq(seqmix_context_create_with_options(&other, &options), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_threads(other), 5);
  seqmix_context_destroy(other);
  options.threads = 0;
  ck_assert_int_eq(seqmix_context_create_with_options(&other, &options), SEQMIX_OK);
  ck_assert_int_ge(seqmix_context_threads(other), 1);
  seqmix_context_destroy(other);
}
END_TEST

typedef struct engine {
  int32_t most; /* bodies asked for at once */
  int calls;
} engine;

/* An engine with one thread, which runs the last body first. */
static void run_backwards(void *user, int32_t count, void (*body)(void *arg, int32_t index),
                          void *arg) {
  engine *e = user;
  e->calls++;
  if (count > e->most) e->most = count;
  while (count-- > 0) body(arg, count);
}

START_TEST(test_parallel_for_of_the_caller) {
  float own[SMALL_ELEMENTS];
  engine e = {0, 0};
  ck_assert_int_eq(seqmix_context_set_threads(context, 2), SEQMIX_OK);
  check_works();
  memcpy(own, call.out_data, sizeof own);
  ck_assert_int_eq(seqmix_context_set_parallel_for(context, run_backwards, &e, 3), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_threads(context), 3);
  check_works();
  ck_assert_int_eq(memcmp(own, call.out_data, sizeof own), 0);
  ck_assert_int_ge(e.calls, 1);
  ck_assert_int_ge(e.most, 1);
  ck_assert_int_le(e.most, 3);

  int calls = e.calls; /* NULL returns to the context's own threads */
  ck_assert_int_eq(seqmix_context_set_parallel_for(context, NULL, NULL, 0), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_threads(context), 2);
  check_works();
  ck_assert_int_eq(e.calls, calls);

  ck_assert_int_eq(seqmix_context_set_parallel_for(context, run_backwards, &e, 3), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_set_threads(context, 2), SEQMIX_OK); /* drops it, too */
  check_works();
  ck_assert_int_eq(e.calls, calls);
}
END_TEST

START_TEST(test_variants) {
  int count = 0, merges = 0;
  const char *name;
  for (; (name = seqmix_context_variant_name(context, count)) != NULL; count++) {
    ck_assert_msg(strstr(name, "__") != NULL, "%s", name);
    merges += strncmp(name, "attention_merge__", 17) == 0;
    ck_assert_int_eq(seqmix_context_set_variant(context, name), SEQMIX_OK);
    seqmix_status status = small_call_run(&call, context);
    ck_assert(status == SEQMIX_OK || status == SEQMIX_ERROR_UNSUPPORTED);
    if (status == SEQMIX_OK) ck_assert_msg(small_call_is_right(&call), "%s", name);
  }
  ck_assert_int_ge(count, 2);
  ck_assert_int_ge(merges, 1);
  ck_assert_ptr_null(seqmix_context_variant_name(context, -1));
  ck_assert_ptr_null(seqmix_context_variant_name(context, INT32_MAX));
  ck_assert_ptr_null(seqmix_context_variant_name(NULL, 0));
  ck_assert_int_eq(seqmix_context_set_variant(context, NULL), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_set_variant(context, ""), SEQMIX_OK);
  check_works();
}
END_TEST

/* A fresh context: others may have made choices. */
START_TEST(test_chosen_variant) {
  seqmix_context *fresh;
  uint64_t bytes;
  ck_assert_int_eq(seqmix_context_create(&fresh, seqmix_context_device(context)), SEQMIX_OK);
  ck_assert_ptr_null(seqmix_context_chosen_variant(NULL));
  ck_assert_ptr_null(seqmix_context_chosen_variant(fresh));
  call.q.shape[1] = call.out.shape[1] = 0; /* nothing to write: nothing to choose */
  ck_assert_int_eq(small_call_run(&call, fresh), SEQMIX_OK);
  ck_assert_ptr_null(seqmix_context_chosen_variant(fresh));
  call.q.shape[1] = call.out.shape[1] = SMALL_TIME;
  ck_assert_int_eq(small_call_run(&call, fresh), SEQMIX_OK);
  ck_assert_ptr_nonnull(seqmix_context_chosen_variant(fresh));
  const char *name, *last = NULL;
  for (int i = 0; (name = seqmix_context_variant_name(fresh, i)) != NULL; i++) {
    if (strncmp(name, "attention__", 11) != 0) continue;
    ck_assert_int_eq(seqmix_context_set_variant(fresh, name), SEQMIX_OK);
    if (seqmix_attention_workspace_size(fresh, &call.args, &bytes) == SEQMIX_OK) last = name;
    if (last) ck_assert_str_eq(seqmix_context_chosen_variant(fresh), last);
  }
  ck_assert_ptr_nonnull(last);
  seqmix_context_destroy(fresh);
}
END_TEST

START_TEST(test_several_variants) {
  char both[512];
  snprintf(both, sizeof both, "%s,%s", seqmix_context_variant_name(context, 0),
           seqmix_context_variant_name(context, 1));
  ck_assert_int_eq(seqmix_context_set_variant(context, both), SEQMIX_OK);
  snprintf(both, sizeof both, "%s,nonsense", seqmix_context_variant_name(context, 0));
  ck_assert_int_eq(seqmix_context_set_variant(context, both), SEQMIX_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* ---- error texts ---------------------------------------------------------------------------- */

START_TEST(test_success_leaves_the_text_alone) {
  char text[512];
  ck_assert_int_eq(seqmix_attention(context, NULL), SEQMIX_ERROR_INVALID_ARGUMENT);
  snprintf(text, sizeof text, "%s", seqmix_last_error());
  ck_assert_str_ne(text, "");
  check_works();
  ck_assert_int_eq(seqmix_synchronize(context), SEQMIX_OK);
  ck_assert_str_eq(seqmix_last_error(), text);
}
END_TEST

typedef struct texts {
  char before[512], after[512];
} texts;

static void *fail_on_another_thread(void *arg) {
  texts *t = arg;
  snprintf(t->before, sizeof t->before, "%s", seqmix_last_error());
  seqmix_context_set_threads(context, 4321);
  snprintf(t->after, sizeof t->after, "%s", seqmix_last_error());
  return NULL;
}

START_TEST(test_each_thread_has_its_text) {
  texts t;
  pthread_t thread;
  ck_assert_int_eq(seqmix_context_set_threads(context, 1234), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(pthread_create(&thread, NULL, fail_on_another_thread, &t), 0);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_str_eq(t.before, "");
  ck_assert_msg(strstr(t.after, "4321") != NULL, "%s", t.after);
  ck_assert_msg(strstr(seqmix_last_error(), "1234") != NULL, "%s", seqmix_last_error());
}
END_TEST

/* ---- buffers -------------------------------------------------------------------------------- */

START_TEST(test_buffers) {
  char sent[1000], got[1000];
  void *data;
  for (int i = 0; i < 1000; i++) sent[i] = (char)(i * 7);
  ck_assert_int_eq(seqmix_buffer_allocate(context, 1000, &data), SEQMIX_OK);
  ck_assert_uint_eq((uintptr_t)data % 64, 0);
  ck_assert_int_eq(seqmix_buffer_upload(context, data, 0, sent, 1000), SEQMIX_OK);
  ck_assert_int_eq(seqmix_buffer_upload(context, data, 100, sent, 50), SEQMIX_OK);
  ck_assert_int_eq(seqmix_buffer_download(context, data, 0, got, 1000), SEQMIX_OK);
  memcpy(sent + 100, sent, 50);
  ck_assert_mem_eq(sent, got, 1000);
  ck_assert_int_eq(seqmix_buffer_download(context, data, 990, got, 10), SEQMIX_OK);
  ck_assert_mem_eq(sent + 990, got, 10);
  ck_assert_int_eq(seqmix_buffer_upload(context, data, 1000, NULL, 0), SEQMIX_OK);
  seqmix_buffer_free(context, data);
}
END_TEST

START_TEST(test_empty_buffer) {
  void *data;
  ck_assert_int_eq(seqmix_buffer_allocate(context, 0, &data), SEQMIX_OK);
  seqmix_buffer_free(context, data);
  seqmix_buffer_free(context, NULL);
}
END_TEST

START_TEST(test_call_in_buffers) {
  void *data[4];
  seqmix_tensor *tensors[4] = {&call.q, &call.k, &call.v, &call.out};
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(seqmix_buffer_allocate(context, sizeof call.q_data, &data[i]), SEQMIX_OK);
    ck_assert_int_eq(
        seqmix_buffer_upload(context, data[i], 0, tensors[i]->data, sizeof call.q_data), SEQMIX_OK);
    tensors[i]->data = data[i];
  }
  ck_assert_int_eq(small_call_run(&call, context), SEQMIX_OK);
  ck_assert_int_eq(seqmix_buffer_download(context, data[3], 0, call.out_data, sizeof call.out_data),
                   SEQMIX_OK);
  ck_assert(small_call_is_right(&call));
  for (int i = 0; i < 4; i++) seqmix_buffer_free(context, data[i]);
}
END_TEST

/* ---- workspace ------------------------------------------------------------------------------ */

START_TEST(test_workspace_of_the_caller) {
  static _Alignas(64) unsigned char workspace[1 << 22];
  float own[SMALL_ELEMENTS];
  uint64_t bytes = 0;
  check_works();
  memcpy(own, call.out_data, sizeof own);
  ck_assert_int_eq(seqmix_attention_workspace_size(context, &call.args, &bytes), SEQMIX_OK);
  ck_assert_uint_gt(bytes, 0);
  ck_assert_uint_lt(bytes + 64, sizeof workspace);
  memset(workspace, 0xff, sizeof workspace); /* NaN: what is read must have been written */
  call.args.workspace = workspace;
  call.args.workspace_bytes = bytes;
  check_works();
  ck_assert_int_eq(memcmp(own, call.out_data, sizeof own), 0);
  size_t beyond = 0; /* bytes written past the end */
  for (size_t i = bytes; i < sizeof workspace; i++) beyond += workspace[i] != 0xff;
  ck_assert_uint_eq(beyond, 0);
}
END_TEST

START_TEST(test_workspace_grows_with_threads_only) {
  uint64_t one = 0, four = 0;
  ck_assert_int_eq(seqmix_context_set_threads(context, 1), SEQMIX_OK);
  ck_assert_int_eq(seqmix_attention_workspace_size(context, &call.args, &one), SEQMIX_OK);
  ck_assert_int_eq(seqmix_context_set_threads(context, 4), SEQMIX_OK);
  ck_assert_int_eq(seqmix_attention_workspace_size(context, &call.args, &four), SEQMIX_OK);
  ck_assert_uint_ge(four, one);
  /* A thousand times the keys, broadcast: not a byte more. */
  call.k.shape[1] = call.v.shape[1] = 1000 * SMALL_TIME;
  call.k.stride[1] = call.v.stride[1] = 0;
  uint64_t longer = 0;
  ck_assert_int_eq(seqmix_attention_workspace_size(context, &call.args, &longer), SEQMIX_OK);
  ck_assert_uint_le(longer, 2 * four);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("context");
  TCase *tcase = tcase_create("context");
  tcase_add_checked_fixture(tcase, make_context, drop_context);
  suite_add(tcase, test_cpu_and_reference_are_there);
  suite_add(tcase, test_every_device_is_well_described);
  suite_add(tcase, test_a_context_on_every_device);
  suite_add(tcase, test_names_with_and_without_number);
  suite_add(tcase, test_automatic_choice);
  suite_add(tcase, test_thread_counts);
  suite_add(tcase, test_threads_by_option);
  suite_add(tcase, test_parallel_for_of_the_caller);
  suite_add(tcase, test_variants);
  suite_add(tcase, test_chosen_variant);
  suite_add(tcase, test_several_variants);
  suite_add(tcase, test_success_leaves_the_text_alone);
  suite_add(tcase, test_each_thread_has_its_text);
  suite_add(tcase, test_buffers);
  suite_add(tcase, test_empty_buffer);
  suite_add(tcase, test_call_in_buffers);
  suite_add(tcase, test_workspace_of_the_caller);
  suite_add(tcase, test_workspace_grows_with_threads_only);
  suite_add_tcase(suite, tcase);
  return suite;
}
