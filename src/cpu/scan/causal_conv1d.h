/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the convolution share. A task is a piece of each of some sequences, one after
 * the other, in a block of channels. */
#ifndef SEQMIX_CPU_SCAN_CAUSAL_CONV1D_H
#define SEQMIX_CPU_SCAN_CAUSAL_CONV1D_H

#include "cpu/scan/rows.h"

/** Bytes that memory takes at a time. */
enum { CONV_LINE = 64 };

typedef struct conv_plan {
  int lanes_are_time; /* else they are channels */
  int streams;        /* outputs are so large that they go past the caches */
  int64_t channels;   /* of a task */
  int64_t blocks;     /* of channels */
  int64_t tokens;     /* of a task, about, counted over all sequences */
  int64_t parts;      /* of them */
  int64_t staged;     /* tokens that are converted at a time */
} conv_plan;

/** Tokens from .. to-1 of a sequence of `length`, channels c .. c+channels-1. Either `from` is 0 or
 * the W-1 tokens before it are the sequence's own. */
typedef struct conv_piece {
  const seqmix_causal_conv1d_problem *problem;
  const conv_plan *plan;
  scan_plane x, out, past, present;
  int64_t length, from, to;
  int64_t c, channels;
  scan_rows weights; /* of taps, where vectors are channels */
  const float *bias;
} conv_piece;

/** Rows of sums: out[t] = bias + sum over k of weights[k] * in[t + k], element by element, and what
 * the activation makes of that. */
typedef struct conv_sums {
  const float *const *in;
  scan_rows weights;
  const float *bias;
  scan_rows out;
  int64_t taps;
  int64_t rows;       /* of out */
  int64_t count;      /* elements of a row: whole vectors */
  const char *soon;   /* what is read soon, or nothing at all: for each row and element */
  int64_t soon_step;  /* bytes from a row of it to the next */
  int32_t soon_size;  /* and from an element to the next */
  int32_t is_uniform; /* weights and bias are one number for all elements of a row */
  int32_t is_silu;
  int32_t streams; /* out goes past the caches: its rows are lines of memory */
} conv_sums;

void LEVEL(conv_sum)(const conv_sums *sums);

/** Whether rows written to memory may go past the caches. */
SEQMIX_INLINE int conv_may_stream(const conv_plan *plan, scan_rows out) {
  return plan->streams && (uintptr_t)out.at % CONV_LINE == 0 &&
         out.step * (int64_t)sizeof(float) % CONV_LINE == 0;
}

/** Floats of scratch that a task needs. */
double LEVEL(conv_channels_floats)(const seqmix_causal_conv1d_problem *problem,
                                   const conv_plan *plan);
double LEVEL(conv_time_floats)(const seqmix_causal_conv1d_problem *problem, const conv_plan *plan);

/** Before the first piece of a task: finds its weights, or brings them into scratch. */
void LEVEL(conv_channels_begin)(conv_piece *piece, float *scratch);

/** Outputs of a piece, with vectors of channels and with vectors of time. */
void LEVEL(conv_channels)(const conv_piece *piece, float *scratch);
void LEVEL(conv_time)(const conv_piece *piece, float *scratch);

/** The sequence's last W-1 tokens to its present state. In place, nothing may read the past later.
 */
void LEVEL(conv_keep_state)(const conv_piece *piece);

/** Zeros for the outputs of a sequence that has no state. */
void LEVEL(conv_clear)(const conv_piece *piece);

#define conv_sum LEVEL(conv_sum)
#define conv_channels_floats LEVEL(conv_channels_floats)
#define conv_time_floats LEVEL(conv_time_floats)
#define conv_channels_begin LEVEL(conv_channels_begin)
#define conv_channels LEVEL(conv_channels)
#define conv_time LEVEL(conv_time)
#define conv_keep_state LEVEL(conv_keep_state)
#define conv_clear LEVEL(conv_clear)

#endif
