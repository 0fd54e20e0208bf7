/* SPDX-License-Identifier: Apache-2.0 */
/* Device, context and buffer functions against the letter of context.h. */
#include <stdio.h>
#include <string.h>

#include "frame/small_call.h"
#include "invalid/expect.h"
#include "support/suite.h"

static seqmix_context *context;
static small_call call;

static void make_context(void) {
  ck_assert_int_eq(seqmix_context_create(&context, "cpu"), SEQMIX_OK);
  small_call_make(&call, suite_seed("invalid context"));
}

/* Whatever a test did wrong, the context still works. */
static void drop_context(void) {
  ck_assert_msg(small_call_run(&call, context) == SEQMIX_OK, "%s", seqmix_last_error());
  ck_assert(small_call_is_right(&call));
  seqmix_context_destroy(context);
}

/* `status` is what a call gave: it must be `wanted`, with a message that starts with `function`
 * and holds `word`. */
static void check_refusal(int line, seqmix_status status, seqmix_status wanted,
                          const char *function, const char *word) {
  char prefix[80];
  const char *message = seqmix_last_error();
  int length = snprintf(prefix, sizeof prefix, "%s: ", function);
  ck_assert_msg(status == wanted, "line %d: %s, message: %s", line, seqmix_status_name(status),
                message);
  ck_assert_msg(strncmp(message, prefix, (size_t)length) == 0, "line %d: %s", line, message);
  ck_assert_msg(mentions(message + length, word), "line %d: '%s' lacks '%s'", line, message, word);
}

#define REFUSED(call, status, function, word) \
  check_refusal(__LINE__, call, SEQMIX_ERROR_##status, function, word)

/* ---- devices -------------------------------------------------------------------------------- */

START_TEST(test_device_info) {
  seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT, before = info;
  const char *function = "device_get_info";
  REFUSED(seqmix_device_get_info(0, NULL), INVALID_ARGUMENT, function, "info");
  REFUSED(seqmix_device_get_info(-1, &info), INVALID_ARGUMENT, function, "-1");
  REFUSED(seqmix_device_get_info(seqmix_device_count(), &info), INVALID_ARGUMENT, function,
          "index");
  REFUSED(seqmix_device_get_info(INT32_MAX, &info), INVALID_ARGUMENT, function, "index");
  REFUSED(seqmix_device_get_info(INT32_MIN, &info), INVALID_ARGUMENT, function, "index");
  ck_assert_int_eq(memcmp(&info, &before, sizeof info), 0);
  info.struct_size = 0;
  REFUSED(seqmix_device_get_info(0, &info), INVALID_ARGUMENT, function, "struct_size");
  info.struct_size = sizeof info - 8;
  REFUSED(seqmix_device_get_info(0, &info), INVALID_ARGUMENT, function, "struct_size");
}
END_TEST

/* ---- creation ------------------------------------------------------------------------------- */

START_TEST(test_unknown_devices) {
  static const char *const names[] = {"",    "nonsense", "cpu:1",  "cpu:", "cpu:00", "cpu0",
                                      "CPU", "cp",       "cpu:-1", ":0",   "cpu:0x", "auto:0"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    seqmix_context *out = context;
    REFUSED(seqmix_context_create(&out, names[i]), NO_DEVICE, "context_create", "device");
    ck_assert_ptr_null(out);
    ck_assert_msg(strstr(seqmix_last_error(), names[i]) != NULL, "%s", seqmix_last_error());
    ck_assert_msg(mentions(seqmix_last_error(), "cpu"), "%s", seqmix_last_error());
    ck_assert_msg(mentions(seqmix_last_error(), "reference"), "%s", seqmix_last_error());
  }
}
END_TEST

START_TEST(test_a_very_long_device_name) {
  static char name[100000];
  seqmix_context *out;
  memset(name, 'x', sizeof name - 1);
  REFUSED(seqmix_context_create(&out, name), NO_DEVICE, "context_create", "reference");
}
END_TEST

static void refuse_options(int line, const seqmix_context_options *options, const char *word) {
  seqmix_context *out = context;
  seqmix_status status = seqmix_context_create_with_options(&out, options);
  check_refusal(line, status, SEQMIX_ERROR_INVALID_ARGUMENT, "context_create", word);
  ck_assert_ptr_null(out);
}

START_TEST(test_options) {
  static const int32_t counts[] = {-1, 1025, 10000, INT32_MAX, INT32_MIN};
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT, initial = options;
  options.device = initial.device = "cpu";
  REFUSED(seqmix_context_create(NULL, "cpu"), INVALID_ARGUMENT, "context_create", "out");
  REFUSED(seqmix_context_create_with_options(NULL, &options), INVALID_ARGUMENT, "context_create",
          "out");
  refuse_options(__LINE__, NULL, "options");
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    char number[16];
    snprintf(number, sizeof number, "%d", counts[i]);
    options.threads = counts[i];
    refuse_options(__LINE__, &options, "threads");
    refuse_options(__LINE__, &options, number);
  }
  options = initial;
  options.reserved = 1;
  refuse_options(__LINE__, &options, "reserved");
  options = initial;
  options.queue = &options;
  refuse_options(__LINE__, &options, "queue");
  options = initial;
  options.struct_size = 0;
  refuse_options(__LINE__, &options, "struct_size");
  options.struct_size = sizeof options - 1;
  refuse_options(__LINE__, &options, "struct_size");
  options.struct_size = UINT64_MAX;
  refuse_options(__LINE__, &options, "struct_size");
}
END_TEST

START_TEST(test_longer_options) {
  struct {
    seqmix_context_options known;
    uint64_t unknown[2];
  } options = {SEQMIX_CONTEXT_OPTIONS_INIT, {0, 0}};
  seqmix_context *out;
  options.known.device = "cpu";
  options.known.struct_size = sizeof options;
  ck_assert_int_eq(seqmix_context_create_with_options(&out, &options.known), SEQMIX_OK);
  seqmix_context_destroy(out);
  options.unknown[1] = UINT64_C(1) << 63;
  REFUSED(seqmix_context_create_with_options(&out, &options.known), UNSUPPORTED, "context_create",
          "struct_size");
  ck_assert_ptr_null(out);
}
END_TEST

/* ---- settings ------------------------------------------------------------------------------- */

START_TEST(test_threads) {
  static const int32_t counts[] = {0, -1, 1025, 10000, INT32_MAX, INT32_MIN};
  int32_t before = seqmix_context_threads(context);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    char number[16];
    snprintf(number, sizeof number, "%d", counts[i]);
    seqmix_status status = seqmix_context_set_threads(context, counts[i]);
    check_refusal(__LINE__, status, SEQMIX_ERROR_INVALID_ARGUMENT, "context_set_threads",
                  "threads");
    ck_assert_msg(mentions(seqmix_last_error(), number), "%s", seqmix_last_error());
    ck_assert_int_eq(seqmix_context_threads(context), before);
  }
  REFUSED(seqmix_context_set_threads(NULL, 2), INVALID_ARGUMENT, "context_set_threads", "context");
}
END_TEST

static void run_serially(void *user, int32_t count, void (*body)(void *arg, int32_t index),
                         void *arg) {
  (void)user;
  for (int32_t i = 0; i < count; i++) body(arg, i);
}

START_TEST(test_parallel_for) {
  static const int32_t counts[] = {0, -1, 1025, INT32_MAX};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    REFUSED(seqmix_context_set_parallel_for(context, run_serially, NULL, counts[i]),
            INVALID_ARGUMENT, "context_set_parallel_for", "workers");
  }
  REFUSED(seqmix_context_set_parallel_for(NULL, run_serially, NULL, 1), INVALID_ARGUMENT,
          "context_set_parallel_for", "context");
}
END_TEST

START_TEST(test_variants) {
  static const char *const names[] = {"nonsense", "attention", "attention__", ",", " "};
  static char longest[100000];
  const char *function = "context_set_variant", *first = seqmix_context_variant_name(context, 0);
  memset(longest, 'x', sizeof longest - 1);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    REFUSED(seqmix_context_set_variant(context, names[i]), INVALID_ARGUMENT, function, first);
  }
  REFUSED(seqmix_context_set_variant(context, longest), INVALID_ARGUMENT, function, first);
  REFUSED(seqmix_context_set_variant(NULL, first), INVALID_ARGUMENT, function, "context");
}
END_TEST

START_TEST(test_synchronize_and_destroy) {
  REFUSED(seqmix_synchronize(NULL), INVALID_ARGUMENT, "synchronize", "context");
  seqmix_context_destroy(NULL);
}
END_TEST

/* ---- buffers -------------------------------------------------------------------------------- */

START_TEST(test_buffer_allocate) {
  void *data = context;
  REFUSED(seqmix_buffer_allocate(context, 8, NULL), INVALID_ARGUMENT, "buffer_allocate", "data");
  REFUSED(seqmix_buffer_allocate(NULL, 8, &data), INVALID_ARGUMENT, "buffer_allocate", "context");
  ck_assert_ptr_null(data);
}
END_TEST

START_TEST(test_buffers_beyond_memory) {
  static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 63, UINT64_C(1) << 63};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void *data = context;
    REFUSED(seqmix_buffer_allocate(context, sizes[i], &data), OUT_OF_MEMORY, "buffer_allocate",
            "bytes");
    ck_assert_ptr_null(data);
  }
}
END_TEST

START_TEST(test_buffer_copies) {
  char host[8] = "host", got[8] = "";
  void *data;
  ck_assert_int_eq(seqmix_buffer_allocate(context, 8, &data), SEQMIX_OK);
  ck_assert_int_eq(seqmix_buffer_upload(context, data, 0, host, 8), SEQMIX_OK);
  REFUSED(seqmix_buffer_upload(context, NULL, 0, host, 8), INVALID_ARGUMENT, "buffer_upload",
          "data");
  REFUSED(seqmix_buffer_upload(context, data, 0, NULL, 8), INVALID_ARGUMENT, "buffer_upload",
          "host");
  REFUSED(seqmix_buffer_upload(NULL, data, 0, got, 8), INVALID_ARGUMENT, "buffer_upload",
          "context");
  REFUSED(seqmix_buffer_download(context, NULL, 0, got, 8), INVALID_ARGUMENT, "buffer_download",
          "data");
  REFUSED(seqmix_buffer_download(context, data, 0, NULL, 8), INVALID_ARGUMENT, "buffer_download",
          "host");
  REFUSED(seqmix_buffer_download(NULL, data, 0, got, 8), INVALID_ARGUMENT, "buffer_download",
          "context");
  ck_assert_str_eq(got, "");
  ck_assert_int_eq(seqmix_buffer_download(context, data, 0, got, 8), SEQMIX_OK);
  ck_assert_str_eq(got, "host");
  seqmix_buffer_free(NULL, NULL);
  seqmix_buffer_free(context, data);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("invalid_context");
  TCase *tcase = tcase_create("context");
  tcase_add_checked_fixture(tcase, make_context, drop_context);
  suite_add(tcase, test_device_info);
  suite_add(tcase, test_unknown_devices);
  suite_add(tcase, test_a_very_long_device_name);
  suite_add(tcase, test_options);
  suite_add(tcase, test_longer_options);
  suite_add(tcase, test_threads);
  suite_add(tcase, test_parallel_for);
  suite_add(tcase, test_variants);
  suite_add(tcase, test_synchronize_and_destroy);
  suite_add(tcase, test_buffer_allocate);
  suite_add(tcase, test_buffers_beyond_memory);
  suite_add(tcase, test_buffer_copies);
  suite_add_tcase(suite, tcase);
  return suite;
}
