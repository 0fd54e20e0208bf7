/* SPDX-License-Identifier: Apache-2.0 */
/* Scans and the causal convolution as the bench's plain loops see them: some channels of one
 * sequence, token by token. */
#ifndef SEQMIX_BENCH_SCAN_LOOP_H
#define SEQMIX_BENCH_SCAN_LOOP_H

#include <stdint.h>

#include <seqmix/backend.h>

typedef enum scan_part {
  SCAN_X,   /* what is scanned: b, u or x */
  SCAN_OUT, /* the same shape */
  SCAN_STATE,
  SCAN_A, /* of linear_recurrence and selective_scan */
  SCAN_DELTA,
  SCAN_B,
  SCAN_C,
  SCAN_D,
  SCAN_Z,
  SCAN_BIAS, /* delta_bias, or the convolution's */
  SCAN_WEIGHT,
  SCAN_PARTS
} scan_part;

typedef enum scan_states {
  SCAN_STATES_NONE,
  SCAN_STATES_PRESENT, /* written after the last token */
  SCAN_STATES_UPDATE   /* read before the first and written in place */
} scan_states;

/* The widest convolution. */
enum { SCAN_WIDTHS = 64 };

/* The values of a case; what an operator does not have is 0. */
typedef struct scan_shape {
  int64_t b, t, c;    /* sequences, tokens, channels; prefix_scan: outer and inner axes around t */
  int64_t s, groups;  /* selective_scan: states of a channel, groups of B and C */
  int64_t width;      /* causal_conv1d */
  int is_time_inside; /* channels are outside time in memory: [B, C, T] */
  int is_complex, is_constant, is_reverse, is_exclusive;
  int has_d, has_z, has_bias, has_softplus, has_silu;
  int32_t scan_op;    /* a seqmix_scan_op */
  int32_t state_type; /* a seqmix_dtype */
  scan_states states;
} scan_shape;

/* `columns` channels from number `first` on. All arrays are f32 and begin with the first token that
 * is taken, and with the first channel but for B and C, which have all groups. A token's channels
 * lie side by side, or there is one alone; then its tokens lie side by side, or backwards. */
typedef struct scan_loop {
  const scan_shape *shape;
  seqmix_operator op;
  int64_t first, columns;
  float *part[SCAN_PARTS]; /* NULL: absent */
  int64_t
      step[SCAN_PARTS]; /* from token to token; of states of causal_conv1d from one to the next */
  int64_t apart[SCAN_PARTS]; /* from channel to channel */
  void *scratch;             /* SCAN_SCRATCH bytes for each column, zeros */
} scan_loop;

/* What a plain loop keeps of prefix_scan from token to token (a double), or weights of
 * causal_conv1d by taps and a zero (floats). */
#define SCAN_SCRATCH(shape) ((size_t)(4 * ((shape)->width + 2)))

#endif
