/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan calls against the letter of selective_scan.h. */
#include "invalid/scan_suite.h"

#define ROW(name, base, status, words, ...) SCAN_CHANGE(name, selective_scan, __VA_ARGS__)
#include "invalid/selective_scan.def"
#include "invalid/sequences.def"
#undef ROW
#define ROW(name, base, ...) SCAN_CHANGE(name, selective_scan, __VA_ARGS__)
#include "invalid/selective_scan_legal.def"
#include "invalid/sequences_legal.def"
#undef ROW

static const scan_row wrong_rows[] = {
#define ROW(name, base, status, words, ...) \
  {#name, base, SEQMIX_ERROR_##status, words, change_##name},
#include "invalid/selective_scan.def"
#include "invalid/sequences.def"
#undef ROW
};

static const scan_row legal_rows[] = {
#define ROW(name, base, ...) {#name, base, SEQMIX_OK, "", change_##name},
#include "invalid/selective_scan_legal.def"
#include "invalid/sequences_legal.def"
#undef ROW
};

const scan_table scan_rows = {
    .of = &selective_scan_calls,
    .wrong = wrong_rows,
    .wrong_count = sizeof wrong_rows / sizeof *wrong_rows,
    .legal = legal_rows,
    .legal_count = sizeof legal_rows / sizeof *legal_rows,
};
