/* SPDX-License-Identifier: Apache-2.0 */
/* From what queries have read to rows of out: normalization, the join of two directions, rounding.
 * Items take rows, or the lanes of rows. Constants: LANES, ITEMS. */
#include "linear_attention/decay.h"
#include "linear_attention/stream.h"

/* What a query has read: its sums and denominator times exp(-m). */
typedef struct reading {
  const GLOBAL float *sums;
  float m;
} reading;

/* Of this direction. */
DEVICE reading own_reading(const linear_call *c, GLOBAL float *work, const stream *s, int64_t g,
                           int64_t t) {
  reading r = {results_of(c, work, s, g, t), 0.0f};
  if (c->is_gated)
    r.m = c->writes ? gates_of(c, work, s, t)[GATE_STABILIZER] : work[c->carries_at + s->slot];
  return r;
}

DEVICE reading forward_reading(const linear_finish_arguments *a, const GLOBAL float *work,
                               const stream *s, int64_t g, int64_t t) {
  const linear_call *c = &a->call;
  int64_t position = position_of(c, s, t);
  int64_t row = (s->slot * c->queries + g) * a->forward_tokens + position;
  int64_t token = s->slot * a->forward_tokens + position;
  reading r = {work + a->forward_at + row * c->results_columns, 0.0f};
  if (c->is_gated) r.m = work[a->forward_gates_at + token * GATE_NUMBERS + GATE_STABILIZER];
  return r;
}

DEVICE float divisor_of(const linear_finish_arguments *a, float den, float m) {
  if (a->normalize == NORMALIZED_BY_SUM) return den + a->eps;
  /* Without a floor there is nothing to multiply, not even by exp(inf). NaN stays. */
  float least = a->floor > 0.0f && a->call.is_gated ? a->floor * number_exp(-m) : a->floor;
  float size = den < 0.0f ? -den : den;
  return (least > size ? least : size) + a->eps;
}

DEVICE lane divided(lane x, lane divisor) {
  lane_int is_nothing = x == lane_of(0.0f) && divisor == lane_of(0.0f);
  return lane_select(is_nothing, x, x / divisor);
}

/* Lanes `first` to `end` of a row. */
DEVICE void finish_row(const linear_finish_arguments *a, GLOBAL float *work, GLOBAL uint8_t *out,
                       const stream *s, int64_t g, int64_t t, int64_t first, int64_t end) {
  const linear_call *c = &a->call;
  int64_t at = row_at(c, s, &a->out, t, out_head(c, s->head, g));
  reading own = own_reading(c, work, s, g, t), other = own;
  float keep = 1.0f, join = 0.0f;
  if (a->joins) {
    other = forward_reading(a, work, s, g, t);
    float m = other.m > own.m ? other.m : own.m;
    join = c->is_gated ? relative_exp(other.m, m) : 1.0f;
    keep = c->is_gated ? relative_exp(own.m, m) : 1.0f;
    own.m = m;
  }
  float den = c->is_normalized ? own.sums[c->value_dim] : 0.0f;
  if (a->joins && c->is_normalized) den = join * other.sums[c->value_dim] + keep * den;
  float divisor = c->is_normalized ? divisor_of(a, den, own.m) : 1.0f;
  for (int64_t j = first; j < end; j += LANES) {
    lane x = lane_from_array(own.sums + j);
    if (a->joins) x = lane_of(join) * lane_from_array(other.sums + j) + lane_of(keep) * x;
    if (c->is_normalized) x = divided(x, lane_of(divisor));
    if (s->of.from < 0) x = lane_of(0.0f);
    int64_t left = c->value_dim - j;
    store_lanes(out, a->out.dtype, at + j, 1, left < LANES ? (int32_t)left : LANES, x);
  }
}

KERNEL void linear_finish(GLOBAL int32_t *faults, GLOBAL float *work, GLOBAL uint8_t *out,
                          const GLOBAL uint8_t *cu_seqlens, const GLOBAL uint8_t *state_indices,
                          const GLOBAL uint8_t *state_out_indices, linear_finish_arguments a) {
  const linear_call *c = &a.call;
  const sequence_arrays arrays = {cu_seqlens, state_indices, state_out_indices};
  int64_t number = group_number() * ITEMS + item_number();
  int64_t lanes = (c->value_dim + LANES - 1) / LANES;
  int64_t parts = ITEMS == 1 ? 1 : lanes, each = ITEMS == 1 ? c->value_dim : LANES;
  int64_t row = number / parts, first = number % parts * each, tokens = c->chunks * c->chunk;
  int64_t t = row % tokens, g = row / tokens % c->queries, slot = row / tokens / c->queries;
  if (slot >= c->streams) return;
  stream s = find_stream(c, arrays, slot, faults);
  if (s.of.is_bad || t >= s.tokens) return;
  finish_row(&a, work, out, &s, g, t, first, first + each);
}
