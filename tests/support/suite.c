/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "suite.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "verify/random.h"

/* Shared with the children of fork mode, whose skips would otherwise be lost. */
static struct shared_state {
  int skipped;
  _Alignas(max_align_t) unsigned char memory[SUITE_MEMORY];
} * shared;

uint64_t suite_base_seed(void) {
  const char *text = getenv("SEQMIX_TEST_SEED");
  return text && *text ? strtoull(text, NULL, 0) : RANDOM_DEFAULT_SEED;
}

static int contains(const char *text, const char *variable) {
  const char *part = getenv(variable);
  return !part || !*part || strstr(text, part) != NULL;
}

void suite_add(TCase *tcase, const TTest *test) {
  if (contains(test->name, "SEQMIX_TEST_FILTER")) tcase_add_test(tcase, test);
}

void suite_add_loop(TCase *tcase, const TTest *test, int begin, int end) {
  if (contains(test->name, "SEQMIX_TEST_FILTER")) tcase_add_loop_test(tcase, test, begin, end);
}

uint64_t suite_seed(const char *case_name) { return random_seed_for(suite_base_seed(), case_name); }

int suite_wants_case(const char *case_name) { return contains(case_name, "SEQMIX_TEST_CASE"); }

int suite_is_partial(void) {
  return !contains("", "SEQMIX_TEST_FILTER") || !contains("", "SEQMIX_TEST_CASE");
}

void *suite_memory(void) { return shared->memory; }

int suite_case_count(int usual) {
  const char *text = getenv("SEQMIX_TEST_CASES");
  if (!text || !*text) return usual;
  return strchr(text, '%') ? (usual * atoi(text) + 99) / 100 : atoi(text);
}

const char *suite_device(void) {
  const char *name = getenv("SEQMIX_TEST_DEVICE");
  return name && *name ? name : "cpu";
}

/* START_TEST(name) makes a function `name_fn`: the suffix is not for people. */
void suite_record_skip(const char *function, const char *format, ...) {
  size_t length = strlen(function);
  if (length > 3 && strcmp(function + length - 3, "_fn") == 0) length -= 3;
  printf("SKIP %.*s: ", (int)length, function);
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
  fflush(stdout);
  shared->skipped++;
}

/* ---- tests left as skipped: failures of Check's whose message says so -------------------------
 */

static const char left_mark[] = "[left as skipped] ";

void suite_leave(const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  ck_abort_msg("%s%s", left_mark, text);
}

/* The reason of a test that was left, or NULL. */
static const char *reason_left(TestResult *result) {
  const char *mark = strstr(tr_msg(result), left_mark);
  return mark ? mark + strlen(left_mark) : NULL;
}

static int is_same(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* One line for all tests of a name and a reason: there may be hundreds. */
static void print_left(TestResult **results, int count, int first) {
  const char *name = tr_tcname(results[first]), *reason = reason_left(results[first]);
  int times = 0;
  for (int i = 0; i < count; i++) {
    const char *other = reason_left(results[i]);
    if (!other || !is_same(other, reason) || !is_same(tr_tcname(results[i]), name)) continue;
    if (i < first) return;
    times++;
  }
  printf("SKIP %s: %s (%d tests)\n", name, reason, times);
}

/* Prints failures; returns how many tests were left instead. */
static int print_results(SRunner *runner) {
  int failed = srunner_ntests_failed(runner), left = 0;
  TestResult **results = srunner_failures(runner);
  for (int i = 0; i < failed; i++) {
    if (reason_left(results[i])) {
      print_left(results, failed, i);
      left++;
    } else {
      printf("%s:%d:F:%s: %s\n", tr_lfile(results[i]), tr_lno(results[i]), tr_tcname(results[i]),
             tr_msg(results[i]));
    }
  }
  free(results);
  return left;
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return perror("mmap"), 1;
  printf("seed: SEQMIX_TEST_SEED=%llu\n", (unsigned long long)suite_base_seed());
  fflush(stdout);
  SRunner *runner = srunner_create(suite_make());
  const char *fork = getenv("CK_FORK");
  srunner_set_fork_status(runner, fork && strcmp(fork, "yes") == 0 ? CK_FORK : CK_NOFORK);
  srunner_run_all(runner, CK_SILENT);
  int left = print_results(runner);
  int failed = srunner_ntests_failed(runner) - left, skipped = shared->skipped + left;
  int passed = srunner_ntests_run(runner) - failed - skipped;
  srunner_free(runner);
  printf("totals: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
  fflush(stdout);
  munmap(shared, sizeof *shared);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
