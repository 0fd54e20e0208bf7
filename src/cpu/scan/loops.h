/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of scans over rows of f32. */
#ifndef SEQMIX_CPU_SCAN_LOOPS_H
#define SEQMIX_CPU_SCAN_LOOPS_H

#include "cpu/scan/rows.h"
#include "cpu/scan/state.h"

/** A block of tokens and channels, as rows, and the states of its channels. */
typedef struct scan_span {
  scan_kind kind;
  int is_exclusive; /* results leave their own token out */
  int is_streamed;  /* results go past the cache: rows are aligned to vectors */
  int64_t tokens;
  int64_t vectors; /* of LANES channels */
  scan_rows a;     /* of recurrences */
  scan_rows x;
  scan_rows out;
  double *states;    /* STATE_DOUBLES for each vector: before the block, then after it */
  double *transfers; /* what follows from states alone: see scan_summarize() */
} scan_span;

/** Writes the block's results. */
void LEVEL(scan_run)(const scan_span *span);

/** Only brings the states from before the block to after it; and multiplies `transfers`, of
 * recurrences, by all factors of the block. */
void LEVEL(scan_summarize)(const scan_span *span);

/** States of no token; transfers of none are states of a product. */
void LEVEL(scan_reset)(scan_kind kind, double *states, int64_t vectors);

#define scan_run LEVEL(scan_run)
#define scan_summarize LEVEL(scan_summarize)
#define scan_reset LEVEL(scan_reset)

#endif
