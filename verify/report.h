/* SPDX-License-Identifier: Apache-2.0 */
/* What a check found wrong: collected rather than asserted, so that the harness's own test can
 * see whether a planted fault was found. */
#ifndef SEQMIX_VERIFY_REPORT_H
#define SEQMIX_VERIFY_REPORT_H

typedef struct test_report {
  int faults;
  double share;    /* the largest error that was compared, as a share of what is allowed */
  char text[4096]; /* the first faults, a line each */
} test_report;

void report_add(test_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
