/* SPDX-License-Identifier: Apache-2.0 */
/* Scans over many sequences: who computes what, in which order. */
#ifndef SEQMIX_CPU_SCAN_WALK_H
#define SEQMIX_CPU_SCAN_WALK_H

#include "cpu/scan/loops.h"
#include "cpu/scan/plan.h"
#include "cpu/scan/turns.h"
#include "cpu/scan/value.h"

/** A sequence's tensors. */
typedef struct scan_stream {
  scan_plane a; /* of recurrences */
  scan_plane x;
  scan_plane out;
  scan_plane past, present; /* states of recurrences, rows of one token; absent: 0, not kept */
  int64_t tokens;
  int is_void; /* its results are 0 */
} scan_stream;

/** A call. Channels of complex numbers are counted once. */
typedef struct scan_job {
  scan_kind kind;
  int is_exclusive;
  scan_plan plan;
  int64_t channels;
  const seqmix_problem *problem;
  /* The sequence of this number, of plan.streams. */
  scan_stream (*open)(const seqmix_problem *problem, int64_t stream);
} scan_job;

/** Bytes of workspace for so many workers. */
uint64_t LEVEL(scan_walk_workspace)(const scan_plan *plan, int32_t workers);

void LEVEL(scan_walk)(const seqmix_call *call, const scan_job *job);

/* ---- its parts --------------------------------------------------------------------------------
 */

/** A worker's memory. */
typedef struct scan_scratch {
  double *states;
  double *transfers;
  float *a, *x, *out;
} scan_scratch;

/** What sequences cut in time hand from piece to piece. */
typedef struct scan_carries {
  scan_value *values; /* [stream][channel] */
  scan_turn *turns;   /* [stream][channel]; of channels walked together the first */
} scan_carries;

/** All tokens of some channels of a stream. */
void LEVEL(scan_walk_channels)(const scan_job *job, int64_t stream, int64_t block,
                               const scan_scratch *scratch);

/** Whether channels are rows of contiguous tokens that are scanned as they lie; and does so. */
int LEVEL(scan_runs_along)(const scan_job *job, const scan_stream *s);
void LEVEL(scan_walk_along)(const scan_job *job, const scan_stream *s, const scan_block *block);

/** Some tokens of all channels of a stream, or of one: a task of those that are cut in time. */
void LEVEL(scan_walk_piece)(const scan_job *job, int64_t task, const scan_carries *carries,
                            const scan_scratch *scratch);

/** Zeros over a block, by way of a buffer of SCAN_BUFFER floats. */
void LEVEL(scan_write_zeros)(const scan_plane *out, const scan_block *all, float *buffer);

/** The block's rows of factors: of those that do not change in time there is one. */
SEQMIX_INLINE scan_rows scan_fetch_factors(const scan_plane *a, const scan_block *block,
                                           float *buffer) {
  scan_block one = *block;
  if (!a->dtype) return (scan_rows){buffer, 0};
  if (a->time) return scan_fetch(a, block, buffer);
  one.tokens = 1;
  return (scan_rows){scan_fetch(a, &one, buffer).at, 0};
}

/** Whether results written to `rows` of the block are whole vectors that may go past the cache. */
SEQMIX_INLINE int scan_may_stream(const scan_plane *out, const scan_block *block,
                                  const scan_rows *rows) {
  return out->is_streamed && scan_is_direct(out, block) &&
         (uintptr_t)rows->at % SEQMIX_VECTOR_BYTES == 0 && rows->step % LANES == 0;
}

#define scan_walk_workspace LEVEL(scan_walk_workspace)
#define scan_walk LEVEL(scan_walk)
#define scan_walk_channels LEVEL(scan_walk_channels)
#define scan_runs_along LEVEL(scan_runs_along)
#define scan_walk_along LEVEL(scan_walk_along)
#define scan_walk_piece LEVEL(scan_walk_piece)
#define scan_write_zeros LEVEL(scan_write_zeros)

#endif
