/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d calls against the letter of causal_conv1d.h. */
#include "invalid/scan_suite.h"

#define ROW(name, base, status, words, ...) SCAN_CHANGE(name, causal_conv1d, __VA_ARGS__)
#include "invalid/causal_conv1d.def"
#include "invalid/sequences.def"
#undef ROW
#define ROW(name, base, ...) SCAN_CHANGE(name, causal_conv1d, __VA_ARGS__)
#include "invalid/causal_conv1d_legal.def"
#include "invalid/sequences_legal.def"
#undef ROW

static const scan_row wrong_rows[] = {
#define ROW(name, base, status, words, ...) \
  {#name, base, SEQMIX_ERROR_##status, words, change_##name},
#include "invalid/causal_conv1d.def"
#include "invalid/sequences.def"
#undef ROW
};

static const scan_row legal_rows[] = {
#define ROW(name, base, ...) {#name, base, SEQMIX_OK, "", change_##name},
#include "invalid/causal_conv1d_legal.def"
#include "invalid/sequences_legal.def"
#undef ROW
};

const scan_table scan_rows = {
    .of = &causal_conv1d_calls,
    .wrong = wrong_rows,
    .wrong_count = sizeof wrong_rows / sizeof *wrong_rows,
    .legal = legal_rows,
    .legal_count = sizeof legal_rows / sizeof *legal_rows,
};
