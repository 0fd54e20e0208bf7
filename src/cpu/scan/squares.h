/* SPDX-License-Identifier: Apache-2.0 */
/* Squares of tokens and channels, turned around in registers. */
#ifndef SEQMIX_CPU_SCAN_SQUARES_H
#define SEQMIX_CPU_SCAN_SQUARES_H

#include "cpu/simd/vector.h"

/* Four by four. */
SEQMIX_INLINE void turn_four(vec4 x[4]) {
  vec4 ab_low = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
  vec4 ab_high = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
  vec4 cd_low = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
  vec4 cd_high = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
  x[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  x[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  x[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  x[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/* Wider ones would not fit the registers. */
#if SEQMIX_VECTOR_BYTES >= 32
enum { SIDE = 8 };
#else
enum { SIDE = 4 };
#endif
typedef float side __attribute__((vector_size(4 * SIDE)));
typedef float side_in_memory __attribute__((vector_size(4 * SIDE), aligned(4), may_alias));

#if SEQMIX_VECTOR_BYTES >= 32
#define INTERLEAVE(x, y, a, b) \
  __builtin_shufflevector(x, y, a, 8 + (a), b, 8 + (b), 4 + (a), 12 + (a), 4 + (b), 12 + (b))
#define JOIN(x, y, a) \
  __builtin_shufflevector(x, y, a, (a) + 1, (a) + 8, (a) + 9, (a) + 4, (a) + 5, (a) + 12, (a) + 13)

/* Squares of 4 within halves, then the halves. */
SEQMIX_INLINE void turn_square(side x[SIDE]) {
  side q[SIDE];
  for (int i = 0; i < SIDE; i += 4) {
    side low = INTERLEAVE(x[i], x[i + 1], 0, 1), high = INTERLEAVE(x[i], x[i + 1], 2, 3);
    side low2 = INTERLEAVE(x[i + 2], x[i + 3], 0, 1), high2 = INTERLEAVE(x[i + 2], x[i + 3], 2, 3);
    q[i] = JOIN(low, low2, 0), q[i + 1] = JOIN(low, low2, 2);
    q[i + 2] = JOIN(high, high2, 0), q[i + 3] = JOIN(high, high2, 2);
  }
  for (int i = 0; i < 4; i++) {
    x[i] = __builtin_shufflevector(q[i], q[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    x[i + 4] = __builtin_shufflevector(q[i], q[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}
#undef INTERLEAVE
#undef JOIN
#else
SEQMIX_INLINE void turn_square(side x[SIDE]) { turn_four(x); }
#endif

/* to[j][i] = from[i][j] for SIDE rows i of `count` numbers. Rows are those of channels or those of
 * tokens: `from_step` and `to_step` lie between them. */
SEQMIX_INLINE void turn(const float *from, int64_t from_step, float *to, int64_t to_step,
                        int64_t count) {
  int64_t j = 0;
  for (; j + SIDE <= count; j += SIDE) {
    side x[SIDE];
    for (int k = 0; k < SIDE; k++) x[k] = *(const side_in_memory *)(from + k * from_step + j);
    turn_square(x);
    for (int k = 0; k < SIDE; k++) *(side_in_memory *)(to + (j + k) * to_step) = x[k];
  }
  for (; j < count; j++)
    for (int k = 0; k < SIDE; k++) to[j * to_step + k] = from[k * from_step + j];
}

/* to[k][i] = from[i][k] for SIDE columns k of `count` rows. */
static inline void turn_tokens(const float *from, int64_t from_step, float *to, int64_t to_step,
                               int64_t count) {
  int64_t i = 0;
  for (; i + SIDE <= count; i += SIDE) turn(from + i * from_step, from_step, to + i, to_step, SIDE);
  for (; i < count; i++)
    for (int k = 0; k < SIDE; k++) to[k * to_step + i] = from[i * from_step + k];
}

/* ---- of complex numbers -----------------------------------------------------------------------
 */

/* The two floats of a number stay together. */
enum { PAIR_SIDE = SIDE / 2 };
typedef double pair_side __attribute__((vector_size(8 * PAIR_SIDE)));
typedef double pair_side_in_memory
    __attribute__((vector_size(8 * PAIR_SIDE), aligned(4), may_alias));

SEQMIX_INLINE void turn_pair_square(pair_side x[PAIR_SIDE]) {
#if SEQMIX_VECTOR_BYTES >= 32
  pair_side low = __builtin_shufflevector(x[0], x[1], 0, 4, 2, 6);
  pair_side high = __builtin_shufflevector(x[0], x[1], 1, 5, 3, 7);
  pair_side low2 = __builtin_shufflevector(x[2], x[3], 0, 4, 2, 6);
  pair_side high2 = __builtin_shufflevector(x[2], x[3], 1, 5, 3, 7);
  x[0] = __builtin_shufflevector(low, low2, 0, 1, 4, 5);
  x[1] = __builtin_shufflevector(high, high2, 0, 1, 4, 5);
  x[2] = __builtin_shufflevector(low, low2, 2, 3, 6, 7);
  x[3] = __builtin_shufflevector(high, high2, 2, 3, 6, 7);
#else
  pair_side first = x[0];
  x[0] = __builtin_shufflevector(first, x[1], 0, 2);
  x[1] = __builtin_shufflevector(first, x[1], 1, 3);
#endif
}

/* to[j][i] = from[i][j] for `rows` rows i of `columns` numbers; steps are floats. */
static inline void turn_pairs(const float *from, int64_t from_step, float *to, int64_t to_step,
                              int64_t rows, int64_t columns) {
  int64_t whole_rows = rows / PAIR_SIDE * PAIR_SIDE, whole = columns / PAIR_SIDE * PAIR_SIDE;
  for (int64_t i = 0; i < whole_rows; i += PAIR_SIDE)
    for (int64_t j = 0; j < whole; j += PAIR_SIDE) {
      pair_side x[PAIR_SIDE];
      const float *at = from + i * from_step + 2 * j;
      for (int k = 0; k < PAIR_SIDE; k++) x[k] = *(const pair_side_in_memory *)(at + k * from_step);
      turn_pair_square(x);
      for (int k = 0; k < PAIR_SIDE; k++)
        *(pair_side_in_memory *)(to + (j + k) * to_step + 2 * i) = x[k];
    }
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = i < whole_rows ? whole : 0; j < columns; j++)
      for (int part = 0; part < 2; part++)
        to[j * to_step + 2 * i + part] = from[i * from_step + 2 * j + part];
}

#endif
