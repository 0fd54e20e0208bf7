/* SPDX-License-Identifier: Apache-2.0 */
/* Results of pieces of a call's keys in workspace, and the kernel that joins them:
 *
 *     M = max_n m_n,    out = sum_n exp(m_n - M) o_n / sum_n exp(m_n - M) l_n
 *
 * Workspace is [row, piece] of o, then of m, then of l; rows are those of lse. */
#include "attention/terms.h"

typedef struct parts {
  GLOBAL float *sums, *largest, *denominators;
} parts;

DEVICE parts parts_of(const attention_arguments *a, GLOBAL float *work) {
  int64_t rows = a->query_total * a->q_heads * a->pieces;
  if (!a->cu_seqlens_q.bits) rows *= a->sequences;
  parts p = {work, work + rows * a->value_dim, work + rows * a->value_dim + rows};
  return p;
}

DEVICE int64_t part_at(const attention_arguments *a, const attention_sequence *s, int64_t i,
                       int64_t h, int64_t piece) {
  int64_t first = a->cu_seqlens_q.bits ? s->q_first : s->n * a->query_length;
  return ((first + i) * a->q_heads + h) * a->pieces + piece;
}

/* The row's m and l over all pieces. */
DEVICE void join_weights(const attention_arguments *a, parts from, int64_t at, float *largest,
                         float *denominator) {
  *largest = -INFINITY;
  *denominator = 0.0f;
  for (int64_t n = 0; n < a->pieces; n++) *largest = fmax(*largest, from.largest[at + n]);
  for (int64_t n = 0; n < a->pieces; n++) {
    float own = from.denominators[at + n];
    if (own != 0.0f) *denominator += own * exp(from.largest[at + n] - *largest);
  }
}

/* An item takes a lane of value dimensions of a row; rows are counted per sequence. */
KERNEL void attention_join(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  const parts from = parts_of(&a, work);
  int64_t columns = (a.value_dim + LANES - 1) / LANES;
  int64_t number = group_number() * ITEMS + item_number();
  int64_t d = number % columns * LANES, h = number / columns % a.q_heads;
  int64_t i = number / columns / a.q_heads % a.query_length;
  int64_t n = number / columns / a.q_heads / a.query_length;
  if (n >= a.sequences) return;
  attention_sequence s = attention_sequence_at(&a, &m, n);
  if (i >= s.q_rows) return;
  float largest, denominator;
  lane sum = lane_of(0.0f);
  int32_t count = a.value_dim - d < LANES ? (int32_t)(a.value_dim - d) : LANES;
  int64_t at = part_at(&a, &s, i, h, 0);
  join_weights(&a, from, at, &largest, &denominator);
  for (int64_t piece = 0; piece < a.pieces; piece++) {
    if (from.denominators[at + piece] == 0.0f) continue;
    lane x = load_lanes((const GLOBAL uint8_t *)from.sums, TYPE_F32, (at + piece) * a.value_dim + d,
                        1, count, 0.0f);
    sum = lane_multiply_add(lane_of(exp(from.largest[at + piece] - largest)), x, sum);
  }
  if (denominator != 0.0f) sum = sum / lane_of(denominator);
  store_lanes(m.out, a.out.dtype, row_at(&a.out, &s, i, h) + d, 1, count, sum);
  if (d == 0 && a.lse.dtype)
    store_element(m.lse, a.lse.dtype, lse_at(&a.lse, &s, i, h),
                  denominator == 0.0f ? -INFINITY : largest + log(denominator));
}
