/* SPDX-License-Identifier: Apache-2.0 */
/* What a check found wrong: collected rather than asserted, so that the harness's own test can
 * see whether a planted fault was found. */
#ifndef SEQMIX_TESTS_REPORT_H
#define SEQMIX_TESTS_REPORT_H

#include <check.h>

typedef struct test_report {
  int faults;
  char text[2048]; /* the first of them, a line each */
} test_report;

void report_add(test_report *report, const char *format, ...) CK_ATTRIBUTE_FORMAT(printf, 2, 3);

/* Fails the running test if there are faults. */
#define report_assert(report) \
  ck_assert_msg((report)->faults == 0, "%d faults:\n%s", (report)->faults, (report)->text)

#endif
