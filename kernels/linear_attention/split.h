/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of f32 for tensor cores: each is a sum of two of bf16, `high` and what that leaves,
 * `low`, which keep 16 digits of its 24 over the whole range of f32. A product of two such is three
 * on tensor cores; that of the two low parts is left out. What is 16 bits wide in a tensor is
 * exact.
 *
 * A row of COLUMNS numbers in workspace takes the place it had as f32: first all that is high, then
 * all that is low. A program has the constant HALF=3, bf16. */
#include "shared/mma.h"

/* Of an operand with a C fragment's rows: 16 rows by 16 columns, summed over the columns. */
typedef struct split_square {
  uint32_t high[4], low[4];
} split_square;

#define LARGEST_BF16 0x1.fep127f

DEVICE float first_of(uint32_t pair) { return from_bits(pair << 16); }
DEVICE float second_of(uint32_t pair) { return from_bits(pair & 0xffff0000u); }

/* For numbers that stay below 2^127: others may become infinite, and infinite ones NaN. */
DEVICE INLINE void split_pair(float first, float second, uint32_t *high, uint32_t *low) {
  *high = pack_bf16(first, second);
  *low = pack_bf16(first - first_of(*high), second - second_of(*high));
}

/* Two neighbouring fragments of C, 16 columns. */
DEVICE INLINE split_square split_fragments(const float *first, const float *second) {
  split_square a;
  split_pair(first[0], first[1], &a.high[0], &a.low[0]);
  split_pair(first[2], first[3], &a.high[1], &a.low[1]);
  split_pair(second[0], second[1], &a.high[2], &a.low[2]);
  split_pair(second[2], second[3], &a.high[3], &a.low[3]);
  return a;
}

/* c += a b */
DEVICE INLINE void multiply_split(float *c, const split_square *a, const uint32_t *high,
                                  const uint32_t *low) {
  multiply_fragments(c, a->high, high);
  multiply_fragments(c, a->high, low);
  multiply_fragments(c, a->low, high);
}

/* ---- operands from f32 -----------------------------------------------------------------------
 *
 * A square of 16 by 16 numbers from `at` on, rows `stride` apart, as load_a_rows() and its like in
 * shared/mma.h do it of 16 bits. */

/* Of any numbers: what is finite stays so, and what is infinite or NaN is that in the low part. */
DEVICE INLINE void split_any_pair(float first, float second, uint32_t *high, uint32_t *low) {
  *high = pack_bf16(fminf(fmaxf(first, -LARGEST_BF16), LARGEST_BF16),
                    fminf(fmaxf(second, -LARGEST_BF16), LARGEST_BF16));
  *low = pack_bf16(first - first_of(*high), second - second_of(*high));
}

DEVICE INLINE split_square split_a_rows(const float *at, int32_t stride) {
  split_square a;
  at += fragment_row() * stride + fragment_column();
  split_any_pair(at[0], at[1], &a.high[0], &a.low[0]);
  split_any_pair(at[8 * stride], at[8 * stride + 1], &a.high[1], &a.low[1]);
  split_any_pair(at[8], at[9], &a.high[2], &a.low[2]);
  split_any_pair(at[8 * stride + 8], at[8 * stride + 9], &a.high[3], &a.low[3]);
  return a;
}

DEVICE INLINE void split_b_columns(const float *at, int32_t stride, uint32_t *high, uint32_t *low) {
  at += fragment_row() * stride + fragment_column();
  split_any_pair(at[0], at[1], &high[0], &low[0]);
  split_any_pair(at[8], at[9], &high[1], &low[1]);
  split_any_pair(at[8 * stride], at[8 * stride + 1], &high[2], &low[2]);
  split_any_pair(at[8 * stride + 8], at[8 * stride + 9], &high[3], &low[3]);
}

DEVICE INLINE void split_b_rows(const float *at, int32_t stride, uint32_t *high, uint32_t *low) {
  at += fragment_column() * stride + fragment_row();
  split_any_pair(at[0], at[stride], &high[0], &low[0]);
  split_any_pair(at[8 * stride], at[9 * stride], &high[1], &low[1]);
  split_any_pair(at[8], at[stride + 8], &high[2], &low[2]);
  split_any_pair(at[8 * stride + 8], at[9 * stride + 8], &high[3], &low[3]);
}

/* ---- rows in workspace ----------------------------------------------------------------------- */

/* Any number: infinities and NaN are in `high` alone, and what is finite stays so. */
DEVICE float high_of(float x) {
  if (x != x) return from_bits(0x7fc00000u);
  if (fabsf(x) > LARGEST_BF16) return from_bits(bits_of(x) & 0xffff0000u);
  return first_of(pack_bf16(x, 0.0f));
}
DEVICE float low_of(float x, float high) { return x - x == 0.0f ? x - high : 0.0f; }

/* Numbers `column` and the next, which are two neighbours of 4 bytes. */
DEVICE void store_split_pair(GLOBAL uint16_t *row, int32_t columns, int32_t column, float first,
                             float second) {
  float a = high_of(first), b = high_of(second);
  *(GLOBAL uint32_t *)(row + column) = pack_bf16(a, b);
  *(GLOBAL uint32_t *)(row + columns + column) = pack_bf16(low_of(first, a), low_of(second, b));
}

DEVICE void store_split(GLOBAL uint16_t *row, int32_t columns, int32_t column, float x) {
  float high = high_of(x);
  row[column] = (uint16_t)pack_bf16(high, 0.0f);
  row[columns + column] = (uint16_t)pack_bf16(low_of(x, high), 0.0f);
}

DEVICE float load_split(const GLOBAL uint16_t *row, int32_t columns, int32_t column) {
  return from_bits((uint32_t)row[column] << 16) + from_bits((uint32_t)row[columns + column] << 16);
}

/* ---- what is not finite ---------------------------------------------------------------------- */

/* `probe` as NaN from then on if x is not finite, or so large that split_pair() makes it so. */
DEVICE INLINE float probed(float probe, float x) { return fmaf(4.0f * x, 0.0f, probe); }
