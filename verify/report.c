/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void report_add(test_report *report, const char *format, ...) {
  size_t used = strlen(report->text), room = sizeof report->text - used;
  report->faults++;
  if (room < 2) return;
  va_list arguments;
  va_start(arguments, format);
  int wrote = vsnprintf(report->text + used, room - 1, format, arguments);
  va_end(arguments);
  if (wrote < 0) return;
  size_t end = strlen(report->text); /* a byte was kept free */
  report->text[end] = '\n';
  report->text[end + 1] = 0;
}
