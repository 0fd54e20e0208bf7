/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a scan or the convolution against the letter of its header: wrong ones must be refused
 * by name before a byte is written, odd but legal ones must give what the reference gives. A
 * program defines scan_rows; suite_make() and all tests are here. */
#ifndef SEQMIX_TESTS_SCAN_SUITE_H
#define SEQMIX_TESTS_SCAN_SUITE_H

#include "scan_call.h"

/* ROW(name, base, status, words, statements) of a table of wrong calls; without status and words
 * of one of legal calls. Statements change call `c` with its tensors `t` and arguments `a`. */
typedef struct scan_row {
  const char *name;
  int base;
  seqmix_status status;
  const char *words;
  void (*change)(scan_call *c);
} scan_row;

typedef struct scan_table {
  const scan_operator *of;
  const scan_row *wrong;
  int wrong_count;
  const scan_row *legal;
  int legal_count;
} scan_table;

extern const scan_table scan_rows;

/* What the statements of a row become. `operation` is linear_recurrence, for example. */
#define SCAN_CHANGE(name, operation, ...)                    \
  static void change_##name(scan_call *c) {                  \
    seqmix_tensor *const t = c->t;                           \
    seqmix_##operation##_args *const a = &c->args.operation; \
    (void)t, (void)a;                                        \
    __VA_ARGS__;                                             \
  }

#endif
