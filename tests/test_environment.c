/* SPDX-License-Identifier: Apache-2.0 */
/* Environment variables and the log. The library reads them once per process, so every test runs
 * in a child; the parent never calls the library. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>

#include "frame/child.h"
#include "frame/small_call.h"
#include "support/suite.h"

/* One environment, what it is tried with, and what must come out. */
typedef struct setting {
  const char *variable, *value;
  int (*check)(void *arg);
  const char *output; /* in what the child prints; NULL: it must print nothing */
} setting;

static int with_setting(void *arg) {
  static const char *const known[] = {"SEQMIX_DEVICE", "SEQMIX_NUM_THREADS", "SEQMIX_VARIANT",
                                      "SEQMIX_PLUGIN_PATH", "SEQMIX_LOG"};
  const setting *s = arg;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) unsetenv(known[i]);
  setenv(s->variable, s->value, 1);
  /* What the library ignores, it says if asked to. */
  if (s->output && strcmp(s->variable, "SEQMIX_LOG") != 0) setenv("SEQMIX_LOG", "warning", 1);
  return s->check(arg);
}

static void check_setting(setting *s) {
  static child_result result;
  child_run(&result, with_setting, s);
  ck_assert_msg(result.code == 0, "%s=%s: child ended with %d: %s", s->variable, s->value,
                result.code, result.text);
  if (s->output) {
    ck_assert_msg(strstr(result.text, s->output) != NULL, "%s=%s: no '%s' in: %s", s->variable,
                  s->value, s->output, result.text);
  } else {
    ck_assert_str_eq(result.text, "");
  }
}

#define CHECK_SETTING(...)         \
  do {                             \
    setting given = {__VA_ARGS__}; \
    check_setting(&given);         \
  } while (0)

/* ---- SEQMIX_DEVICE -------------------------------------------------------------------------- */

static int expect_device(const char *asked, const char *wanted) {
  seqmix_context *context;
  CHILD_EXPECT_OK(seqmix_context_create(&context, asked));
  CHILD_EXPECT(strcmp(seqmix_context_device(context), wanted) == 0);
  seqmix_context_destroy(context);
  return 0;
}

static int expect_reference(void *arg) {
  (void)arg;
  return expect_device("auto", "reference") || expect_device(NULL, "reference") ||
         expect_device("cpu", "cpu"); /* a name is not overridden */
}

static int expect_cpu(void *arg) {
  (void)arg;
  return expect_device("auto", "cpu");
}

static int expect_no_device(void *arg) {
  (void)arg;
  seqmix_context *context;
  CHILD_EXPECT(seqmix_context_create(&context, "auto") == SEQMIX_ERROR_NO_DEVICE);
  CHILD_EXPECT(context == NULL);
  CHILD_EXPECT(strncmp(seqmix_last_error(), "context_create: ", 16) == 0);
  CHILD_EXPECT(strstr(seqmix_last_error(), "SEQMIX_DEVICE") != NULL);
  CHILD_EXPECT(strstr(seqmix_last_error(), "nonsense") != NULL);
  CHILD_EXPECT(strstr(seqmix_last_error(), "reference") != NULL);
  return expect_device("cpu", "cpu");
}

START_TEST(test_device) {
  CHECK_SETTING("SEQMIX_DEVICE", "reference", expect_reference, NULL);
  CHECK_SETTING("SEQMIX_DEVICE", "reference:0", expect_reference, NULL);
  CHECK_SETTING("SEQMIX_DEVICE", "cpu", expect_cpu, NULL);
  CHECK_SETTING("SEQMIX_DEVICE", "auto", expect_cpu, NULL);
  CHECK_SETTING("SEQMIX_DEVICE", "", expect_cpu, NULL);
  CHECK_SETTING("SEQMIX_DEVICE", "nonsense", expect_no_device, NULL);
}
END_TEST

/* ---- SEQMIX_NUM_THREADS --------------------------------------------------------------------- */

static int expect_threads(int32_t asked, int32_t wanted) {
  seqmix_context *context;
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  options.device = "cpu";
  options.threads = asked;
  CHILD_EXPECT_OK(seqmix_context_create_with_options(&context, &options));
  CHILD_EXPECT(seqmix_context_threads(context) == wanted);
  seqmix_context_destroy(context);
  return 0;
}

static int expect_3_threads(void *arg) {
  (void)arg;
  return expect_threads(0, 3) || expect_threads(2, 2);
}

static int expect_most_threads(void *arg) {
  (void)arg;
  return expect_threads(0, SEQMIX_MAX_THREADS);
}

static int expect_usual_threads(void *arg) {
  seqmix_context *with, *without;
  (void)arg;
  CHILD_EXPECT_OK(seqmix_context_create(&with, "cpu"));
  unsetenv("SEQMIX_NUM_THREADS");
  CHILD_EXPECT_OK(seqmix_context_create(&without, "cpu"));
  CHILD_EXPECT(seqmix_context_threads(with) == seqmix_context_threads(without));
  CHILD_EXPECT(seqmix_context_threads(with) >= 1);
  seqmix_context_destroy(with);
  seqmix_context_destroy(without);
  return 0;
}

START_TEST(test_threads) {
  static const char *const nonsense[] = {
      "0", "-1", "1025", "10000", "three", "3x", "4 4", "1.5", "99999999999999999999"};
  CHECK_SETTING("SEQMIX_NUM_THREADS", "3", expect_3_threads, NULL);
  CHECK_SETTING("SEQMIX_NUM_THREADS", "1024", expect_most_threads, NULL);
  CHECK_SETTING("SEQMIX_NUM_THREADS", "", expect_usual_threads, NULL);
  for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
    CHECK_SETTING("SEQMIX_NUM_THREADS", nonsense[i], expect_usual_threads, "SEQMIX_NUM_THREADS");
    CHECK_SETTING("SEQMIX_NUM_THREADS", nonsense[i], expect_usual_threads, nonsense[i]);
  }
}
END_TEST

/* ---- SEQMIX_VARIANT ------------------------------------------------------------------------- */

static int expect_working(void *arg) {
  static small_call call;
  seqmix_context *context;
  (void)arg;
  small_call_make(&call, suite_seed("environment"));
  CHILD_EXPECT_OK(seqmix_context_create(&context, "cpu"));
  CHILD_EXPECT_OK(small_call_run(&call, context));
  CHILD_EXPECT(small_call_is_right(&call));
  seqmix_context_destroy(context);
  return 0;
}

static int expect_unknown_variant(void *arg) {
  seqmix_context *context;
  (void)arg;
  CHILD_EXPECT(seqmix_context_create(&context, "cpu") == SEQMIX_ERROR_INVALID_ARGUMENT);
  CHILD_EXPECT(context == NULL);
  CHILD_EXPECT(strncmp(seqmix_last_error(), "context_create: ", 16) == 0);
  CHILD_EXPECT(strstr(seqmix_last_error(), "SEQMIX_VARIANT") != NULL);
  CHILD_EXPECT(strstr(seqmix_last_error(), "nonsense") != NULL);
  return 0;
}

/* Prints the name of a variant that takes any attention, for the next child. */
static int print_general_variant(void *arg) {
  seqmix_context *context;
  (void)arg;
  CHILD_EXPECT_OK(seqmix_context_create(&context, "cpu"));
  const char *name;
  int32_t i = 0;
  while ((name = seqmix_context_variant_name(context, i)) &&
         !(strstr(name, "__any_") && strstr(name, "_blocked")))
    i++;
  CHILD_EXPECT(name != NULL);
  fputs(name, stdout);
  seqmix_context_destroy(context);
  return 0;
}

START_TEST(test_variant) {
  static child_result result;
  child_run(&result, print_general_variant, NULL);
  ck_assert_msg(result.code == 0, "%s", result.text);
  CHECK_SETTING("SEQMIX_VARIANT", result.text, expect_working, NULL);
  CHECK_SETTING("SEQMIX_VARIANT", "", expect_working, NULL);
  CHECK_SETTING("SEQMIX_VARIANT", "nonsense", expect_unknown_variant, NULL);
}
END_TEST

/* ---- SEQMIX_LOG ----------------------------------------------------------------------------- */

/* One good call and one bad, which no level but info and debug mentions. */
static int work_and_fail(void *arg) {
  seqmix_context *context;
  if (expect_working(arg)) return 1;
  CHILD_EXPECT(seqmix_context_create(&context, "nonsense") == SEQMIX_ERROR_NO_DEVICE);
  return 0;
}

START_TEST(test_log) {
  CHECK_SETTING("SEQMIX_LOG", "", work_and_fail, NULL);
  CHECK_SETTING("SEQMIX_LOG", "error", work_and_fail, NULL);
  CHECK_SETTING("SEQMIX_LOG", "warning", work_and_fail, NULL);
  CHECK_SETTING("SEQMIX_LOG", "info", work_and_fail, "info: ");
  CHECK_SETTING("SEQMIX_LOG", "info", work_and_fail, "nonsense");
  CHECK_SETTING("SEQMIX_LOG", "debug", work_and_fail, "debug: ");
  CHECK_SETTING("SEQMIX_LOG", "debug", work_and_fail, "attention__"); /* the variant chosen */
  CHECK_SETTING("SEQMIX_LOG", "loud", work_and_fail, "SEQMIX_LOG");
}
END_TEST

/* ---- SEQMIX_PLUGIN_PATH --------------------------------------------------------------------- */

static int expect_working_devices(void *arg) {
  CHILD_EXPECT(seqmix_device_count() >= 2);
  return expect_working(arg);
}

START_TEST(test_plugin_path_without_plugins) {
  CHECK_SETTING("SEQMIX_PLUGIN_PATH", "", expect_working_devices, NULL);
  CHECK_SETTING("SEQMIX_PLUGIN_PATH", ":::", expect_working_devices, NULL);
  CHECK_SETTING("SEQMIX_PLUGIN_PATH", "/nonexistent:/dev/null", expect_working_devices, NULL);
}
END_TEST

/* A path longer than any file name is no reason to fail. */
START_TEST(test_very_long_plugin_path) {
  static char path[20000];
  memset(path, 'x', sizeof path - 1);
  CHECK_SETTING("SEQMIX_PLUGIN_PATH", path, expect_working_devices, NULL);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("environment");
  TCase *tcase = tcase_create("environment");
  tcase_set_timeout(tcase, 120);
  suite_add(tcase, test_device);
  suite_add(tcase, test_threads);
  suite_add(tcase, test_variant);
  suite_add(tcase, test_log);
  suite_add(tcase, test_plugin_path_without_plugins);
  suite_add(tcase, test_very_long_plugin_path);
  suite_add_tcase(suite, tcase);
  return suite;
}
