/* SPDX-License-Identifier: Apache-2.0 */
/* Backends from outside: tests/plugins/run.py builds them against the installed headers, sets
 * SEQMIX_PLUGIN_PATH and runs this program. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <seqmix/backend.h>
#include <stdlib.h>
#include <string.h>

#include "frame/child.h"
#include "frame/small_call.h"
#include "support/suite.h"

#define NEED_PLUGINS() \
  if (!getenv("SEQMIX_PLUGIN_PATH")) suite_skip("run it through tests/plugins/run.py")

static seqmix_context *open_device(const char *name) {
  seqmix_context *context;
  ck_assert_msg(seqmix_context_create(&context, name) == SEQMIX_OK, "%s", seqmix_last_error());
  return context;
}

/* ---- what is let in ------------------------------------------------------------------------- */

static int list_devices(void *arg) {
  (void)arg;
  setenv("SEQMIX_LOG", "warning", 1);
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    CHILD_EXPECT_OK(seqmix_device_get_info(i, &info));
    printf("device %s of %s\n", info.name, info.backend);
  }
  return 0;
}

static int count_lines(const char *text, const char *first, const char *second) {
  int count = 0;
  while (*text) {
    size_t length = strcspn(text, "\n");
    char line[4096];
    snprintf(line, sizeof line, "%.*s", (int)length, text);
    count += strstr(line, first) != NULL && strstr(line, second) != NULL;
    text += length + (text[length] == '\n');
  }
  return count;
}

/* Each bad file and a word of the reason. */
static const struct {
  const char *file, *reason;
} left_out[] = {
    {"/too_old.so", "ABI"},
    {"/too_new.so", "ABI"},
    {"/no_entry.so", "seqmix_plugin_entry"},
    {"/declines.so", "declined"},
    {"/no_name.so", "name"},
    {"/odd_name.so", "name"},
    {"/taken_name.so", "taken"},
    {"/empty_table.so", "size"},
    {"/no_variants.so", "variants"},
    {"/no_run.so", "variant"},
    {"/no_variant_name.so", "variant"},
    {"/unknown_operator.so", "operator"},
    {"/no_open.so", "open"},
    {"/half_the_buffers.so", "buffer"},
    {"/twin.so", "taken"},
    {"/text.so", ""},
    {"/empty.so", ""},
    {"/folder.so", ""},
    {"/dangling.so", ""},
};

START_TEST(test_good_are_listed_bad_are_left_out) {
  static child_result result;
  NEED_PLUGINS();
  child_run(&result, list_devices, NULL);
  const char *text = result.text;
  ck_assert_msg(result.code == 0, "%s", text);
  ck_assert_msg(count_lines(text, "device toy of toy", "") == 1, "%s", text);
  ck_assert_msg(count_lines(text, "device far:0 of far", "") == 1, "%s", text);
  ck_assert_msg(count_lines(text, "device far:1 of far", "") == 1, "%s", text);
  ck_assert_msg(count_lines(text, "device cpu of cpu", "") == 1, "%s", text);
  ck_assert_msg(count_lines(text, "of broken", "") == 0, "%s", text);
  ck_assert_msg(count_lines(text, "far:2", "left out") == 1, "%s", text);
  ck_assert_msg(count_lines(text, "readme.txt", "") == 0, "%s", text);
  const int count = (int)(sizeof left_out / sizeof *left_out);
  for (int i = 0; i < count; i++) {
    ck_assert_msg(count_lines(text, left_out[i].file, "left out") == 1, "%s: %s", left_out[i].file,
                  text);
    ck_assert_msg(count_lines(text, left_out[i].file, left_out[i].reason) == 1,
                  "no '%s' for %s: %s", left_out[i].reason, left_out[i].file, text);
  }
  ck_assert_msg(count_lines(text, "left out", "") == count + 1, "%s", text);
}
END_TEST

static int list_without_log(void *arg) {
  (void)arg;
  CHILD_EXPECT(seqmix_device_count() >= 5);
  return 0;
}

START_TEST(test_bad_ones_are_no_error) {
  static child_result result;
  NEED_PLUGINS();
  child_run(&result, list_without_log, NULL);
  ck_assert_int_eq(result.code, 0);
  ck_assert_str_eq(result.text, "");
}
END_TEST

START_TEST(test_auto_does_not_take_a_plugin_of_rank_0) {
  NEED_PLUGINS();
  seqmix_context *context = open_device("auto");
  ck_assert_str_eq(seqmix_context_device(context), "cpu");
  seqmix_context_destroy(context);
}
END_TEST

/* ---- the toy -------------------------------------------------------------------------------- */

enum { BATCH = 2, TIME = 35, HEADS = SMALL_HEADS, DIM = SMALL_DIM };

/* The small call's data as two sequences, without causal. */
static void make_toy_call(small_call *call) {
  seqmix_tensor *tensors[] = {&call->q, &call->k, &call->v, &call->out};
  small_call_make(call, suite_seed("toy"));
  for (int i = 0; i < 4; i++) {
    *tensors[i] = seqmix_tensor_4d(tensors[i]->data, SEQMIX_F32, BATCH, TIME, HEADS, DIM);
  }
  call->args.causal = 0;
}

static void check_toy_works(small_call *call, seqmix_context *toy) {
  static float wanted[SMALL_ELEMENTS];
  seqmix_context *reference = open_device("reference");
  ck_assert_int_eq(small_call_run(call, reference), SEQMIX_OK);
  memcpy(wanted, call->out_data, sizeof wanted);
  ck_assert_msg(small_call_run(call, toy) == SEQMIX_OK, "%s", seqmix_last_error());
  for (int i = 0; i < SMALL_ELEMENTS; i++) {
    ck_assert_float_eq_tol(call->out_data[i], wanted[i], 1e-5f);
  }
  seqmix_context_destroy(reference);
}

START_TEST(test_toy_computes) {
  static small_call call;
  NEED_PLUGINS();
  seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
  seqmix_context *toy = open_device("toy");
  make_toy_call(&call);
  ck_assert_str_eq(seqmix_context_device(toy), "toy");
  ck_assert_str_eq(seqmix_context_variant_name(toy, 0), "attention__f32_toy_loops");
  ck_assert_ptr_null(seqmix_context_variant_name(toy, 1));
  check_toy_works(&call, toy);
  ck_assert_int_eq(seqmix_context_set_threads(toy, 5), SEQMIX_OK);
  check_toy_works(&call, toy);
  ck_assert_int_eq(seqmix_context_set_variant(toy, "attention__f32_toy_loops"), SEQMIX_OK);
  check_toy_works(&call, toy);
  ck_assert_int_eq(seqmix_synchronize(toy), SEQMIX_OK);
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    ck_assert_int_eq(seqmix_device_get_info(i, &info), SEQMIX_OK);
    if (strcmp(info.name, "toy") == 0) ck_assert_str_eq(info.description, "a toy from a plug-in");
  }
  seqmix_context_destroy(toy);
}
END_TEST

START_TEST(test_toy_gets_its_workspace) {
  static small_call call;
  uint64_t bytes = 0;
  NEED_PLUGINS();
  seqmix_context *toy = open_device("toy");
  make_toy_call(&call);
  ck_assert_int_eq(seqmix_context_set_threads(toy, 3), SEQMIX_OK);
  ck_assert_int_eq(seqmix_attention_workspace_size(toy, &call.args, &bytes), SEQMIX_OK);
  ck_assert_uint_eq(bytes, 3 * TIME * sizeof(double));
  seqmix_context_destroy(toy);
}
END_TEST

/* Refused as UNSUPPORTED, naming the device and `word`, with nothing written. */
static void check_unsupported(small_call *call, seqmix_context *toy, const char *word) {
  static float poison[SMALL_ELEMENTS];
  memset(poison, 0xff, sizeof poison);
  ck_assert_int_eq(small_call_run(call, toy), SEQMIX_ERROR_UNSUPPORTED);
  const char *message = seqmix_last_error();
  ck_assert_msg(strncmp(message, "attention: ", 11) == 0, "%s", message);
  ck_assert_msg(strstr(message, "toy") != NULL, "%s", message);
  ck_assert_msg(strstr(message, word) != NULL, "'%s' lacks '%s'", message, word);
  ck_assert_int_eq(memcmp(call->out_data, poison, sizeof poison), 0);
  make_toy_call(call);
  check_toy_works(call, toy);
}

START_TEST(test_toy_does_not_know_options) {
  static small_call call;
  static float number[HEADS];
  NEED_PLUGINS();
  seqmix_context *toy = open_device("toy");
  seqmix_tensor slopes = seqmix_tensor_1d(number, SEQMIX_F32, HEADS);
  make_toy_call(&call);
  call.args.causal = 1;
  check_unsupported(&call, toy, "window");
  call.args.alibi_slopes = &slopes;
  check_unsupported(&call, toy, "alibi");
  call.args.sinks = &slopes;
  check_unsupported(&call, toy, "sinks");
  call.args.softcap = 3;
  check_unsupported(&call, toy, "softcap");
  seqmix_context_destroy(toy);
}
END_TEST

START_TEST(test_toy_does_not_know_types_and_strides) {
  static small_call call;
  NEED_PLUGINS();
  seqmix_context *toy = open_device("toy");
  make_toy_call(&call);
  call.q.dtype = call.k.dtype = call.v.dtype = call.out.dtype = SEQMIX_F16;
  check_unsupported(&call, toy, "f16");
  call.q.stride[1] = 0;
  check_unsupported(&call, toy, "sizes");
  seqmix_context_destroy(toy);
}
END_TEST

START_TEST(test_toy_lacks_an_operator) {
  static float data[64];
  NEED_PLUGINS();
  seqmix_context *toy = open_device("toy");
  seqmix_attention_merge_args args = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  seqmix_tensor outs = seqmix_tensor_nd(data, SEQMIX_F32, 5, (int64_t[]){2, 1, 1, 1, 8}, NULL);
  seqmix_tensor lses = seqmix_tensor_4d(data + 16, SEQMIX_F32, 2, 1, 1, 1);
  seqmix_tensor out = seqmix_tensor_4d(data + 32, SEQMIX_F32, 1, 1, 1, 8);
  args.outs = &outs;
  args.lses = &lses;
  args.out = &out;
  ck_assert_int_eq(seqmix_attention_merge(toy, &args), SEQMIX_ERROR_UNSUPPORTED);
  ck_assert_msg(strncmp(seqmix_last_error(), "attention_merge: ", 17) == 0, "%s",
                seqmix_last_error());
  ck_assert_msg(strstr(seqmix_last_error(), "toy") != NULL, "%s", seqmix_last_error());
  seqmix_context_destroy(toy);
}
END_TEST

START_TEST(test_toy_calls_are_validated) {
  static small_call call;
  NEED_PLUGINS();
  seqmix_context *toy = open_device("toy");
  make_toy_call(&call);
  call.args.scale = NAN;
  ck_assert_int_eq(small_call_run(&call, toy), SEQMIX_ERROR_INVALID_ARGUMENT);
  call.args.scale = 1;
  call.v.shape[1]++;
  ck_assert_int_eq(small_call_run(&call, toy), SEQMIX_ERROR_INVALID_ARGUMENT);
  seqmix_context_destroy(toy);
}
END_TEST

/* ---- memory of its own ---------------------------------------------------------------------- */

START_TEST(test_far_buffers) {
  char sent[100], raw[100], got[100];
  void *data;
  NEED_PLUGINS();
  seqmix_context *far = open_device("far:1");
  for (int i = 0; i < 100; i++) sent[i] = (char)i;
  ck_assert_int_eq(seqmix_buffer_allocate(far, 100, &data), SEQMIX_OK);
  ck_assert_int_eq(seqmix_buffer_upload(far, data, 0, sent, 100), SEQMIX_OK);
  memcpy(raw, data, sizeof raw);
  ck_assert_int_eq(raw[5], ~5);
  ck_assert_int_eq(seqmix_buffer_download(far, data, 10, got, 90), SEQMIX_OK);
  ck_assert_mem_eq(got, sent + 10, 90);
  seqmix_buffer_free(far, data);
  seqmix_context_destroy(far);
}
END_TEST

START_TEST(test_far_memory_is_told_apart) {
  static small_call call;
  NEED_PLUGINS();
  seqmix_context *far = open_device("far:1"), *cpu = open_device("cpu");
  make_toy_call(&call);
  call.q.memory = SEQMIX_MEMORY_HOST;
  ck_assert_int_eq(small_call_run(&call, far), SEQMIX_ERROR_INVALID_ARGUMENT);
  call.q.memory = SEQMIX_MEMORY_PLUGIN + 7;
  call.q.memory_device = 0;
  ck_assert_int_eq(small_call_run(&call, far), SEQMIX_ERROR_INVALID_ARGUMENT);
  call.q.memory_device = 1;
  ck_assert_int_eq(small_call_run(&call, cpu), SEQMIX_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq(small_call_run(&call, far), SEQMIX_ERROR_DEVICE); /* its variant's answer */
  seqmix_context_destroy(far);
  seqmix_context_destroy(cpu);
}
END_TEST

START_TEST(test_far_errors_come_through) {
  static small_call call;
  NEED_PLUGINS();
  seqmix_context *far = open_device("far");
  ck_assert_str_eq(seqmix_context_device(far), "far:0");
  make_toy_call(&call);
  ck_assert_int_eq(small_call_run(&call, far), SEQMIX_ERROR_DEVICE);
  ck_assert_str_eq(seqmix_last_error(), "attention: far:0 does not answer");
  ck_assert_int_eq(seqmix_synchronize(far), SEQMIX_ERROR_DEVICE);
  ck_assert_str_eq(seqmix_last_error(), "far:0: the line is dead");
  seqmix_context_destroy(far);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("plugins");
  TCase *tcase = tcase_create("plugins");
  tcase_set_timeout(tcase, 120);
  suite_add(tcase, test_good_are_listed_bad_are_left_out);
  suite_add(tcase, test_bad_ones_are_no_error);
  suite_add(tcase, test_auto_does_not_take_a_plugin_of_rank_0);
  suite_add(tcase, test_toy_computes);
  suite_add(tcase, test_toy_gets_its_workspace);
  suite_add(tcase, test_toy_does_not_know_options);
  suite_add(tcase, test_toy_does_not_know_types_and_strides);
  suite_add(tcase, test_toy_lacks_an_operator);
  suite_add(tcase, test_toy_calls_are_validated);
  suite_add(tcase, test_far_buffers);
  suite_add(tcase, test_far_memory_is_told_apart);
  suite_add(tcase, test_far_errors_come_through);
  suite_add_tcase(suite, tcase);
  return suite;
}
