/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan calls against the letter of prefix_scan.h. */
#include "invalid/scan_suite.h"

#define ROW(name, base, status, words, ...) SCAN_CHANGE(name, prefix_scan, __VA_ARGS__)
#include "invalid/prefix_scan.def"
#undef ROW
#define ROW(name, base, ...) SCAN_CHANGE(name, prefix_scan, __VA_ARGS__)
#include "invalid/prefix_scan_legal.def"
#undef ROW

static const scan_row wrong_rows[] = {
#define ROW(name, base, status, words, ...) \
  {#name, base, SEQMIX_ERROR_##status, words, change_##name},
#include "invalid/prefix_scan.def"
#undef ROW
};

static const scan_row legal_rows[] = {
#define ROW(name, base, ...) {#name, base, SEQMIX_OK, "", change_##name},
#include "invalid/prefix_scan_legal.def"
#undef ROW
};

const scan_table scan_rows = {
    .of = &prefix_scan_calls,
    .wrong = wrong_rows,
    .wrong_count = sizeof wrong_rows / sizeof *wrong_rows,
    .legal = legal_rows,
    .legal_count = sizeof legal_rows / sizeof *legal_rows,
};
