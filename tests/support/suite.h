/* SPDX-License-Identifier: Apache-2.0 */
/* What every test program shares: main(), the seed, skips and the last line of output.
 *
 * A program defines suite_make() and links suite.c, which holds main(). Environment:
 *   SEQMIX_TEST_SEED    the seed all random inputs derive from (a fixed default; always printed)
 *   SEQMIX_TEST_FILTER  run only tests whose name contains this
 *   SEQMIX_TEST_CASE    in tests that walk a list of named cases, only cases containing this
 *   SEQMIX_TEST_CASES   how many cases random generators make
 *   SEQMIX_TEST_DEVICE  the device under test, by default "cpu"
 *   CK_FORK=yes         a process per test; by default all run in this one, so that sanitizers
 *                       and debuggers see everything
 *
 * The last line of output is always `totals: P passed, F failed, S skipped`; a crash therefore
 * shows as its absence. Exit status 1 after a failure. */
#ifndef SEQMIX_TESTS_SUITE_H
#define SEQMIX_TESTS_SUITE_H

#include <check.h>
#include <stdint.h>

/* Fails the running test if a test_report of verify/ holds faults. */
#define report_assert(report) \
  ck_assert_msg((report)->faults == 0, "%d faults:\n%s", (report)->faults, (report)->text)

/* Defined by the test program: its suite with all tests added. */
Suite *suite_make(void);

/* Adds a test, or one that runs for _i = begin .. end-1, unless SEQMIX_TEST_FILTER excludes it.
 * Use these in place of tcase_add_test() and tcase_add_loop_test(). */
void suite_add(TCase *tcase, const TTest *test);
void suite_add_loop(TCase *tcase, const TTest *test, int begin, int end);

/* Ends the test (a START_TEST body, at most once per run) as skipped: prints
 * `SKIP <test>: <reason>` and counts it. Takes printf arguments. */
#define suite_skip(...)                       \
  do {                                        \
    suite_record_skip(__func__, __VA_ARGS__); \
    return;                                   \
  } while (0)

/* The same from anywhere below a test's body. Takes printf arguments; does not return. */
void suite_leave(const char *format, ...) CK_ATTRIBUTE_FORMAT(printf, 1, 2);

/* The seed all others derive from. */
uint64_t suite_base_seed(void);

/* The seed of a case: the program's seed and the name mixed, so that a case run alone gets the
 * same numbers as among the others. */
uint64_t suite_seed(const char *case_name);

/* Whether SEQMIX_TEST_CASE lets a named case run. */
int suite_wants_case(const char *case_name);

/* SEQMIX_TEST_CASES, a number or a share of `usual` ("25%"); `usual` without it. */
int suite_case_count(int usual);

/* SEQMIX_TEST_DEVICE, or "cpu". */
const char *suite_device(void);

/* Memory that survives from test to test, also where each is a process; zero at the start. */
#define SUITE_MEMORY (1 << 16)
void *suite_memory(void);

/* Whether SEQMIX_TEST_FILTER or SEQMIX_TEST_CASE leaves only part of the program to run. */
int suite_is_partial(void);

void suite_record_skip(const char *function, const char *format, ...)
    CK_ATTRIBUTE_FORMAT(printf, 2, 3);

#endif
