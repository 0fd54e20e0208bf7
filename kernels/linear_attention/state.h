/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes of columns: of states, values and results. What normalizes is one more column, after those
 * of v: that of a value which is always 1. Its state is z. */
#include "linear_attention/stream.h"

/* The memory of kernels that pass over states. */
typedef struct walk_memory {
  const linear_walk_arguments *a;
  GLOBAL float *work;
  const GLOBAL uint8_t *v, *beta;
  GLOBAL uint8_t *out;
  const GLOBAL uint8_t *past, *past_normalizer;
  GLOBAL uint8_t *present, *present_normalizer;
  sequence_arrays arrays;
  GLOBAL int32_t *faults;
} walk_memory;

#define WALK_PARAMETERS                                                                            \
  GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *v, const GLOBAL uint8_t *beta, \
      GLOBAL uint8_t *out, const GLOBAL uint8_t *past, const GLOBAL uint8_t *past_normalizer,      \
      GLOBAL uint8_t *present, GLOBAL uint8_t *present_normalizer,                                 \
      const GLOBAL uint8_t *cu_seqlens, const GLOBAL uint8_t *state_indices,                       \
      const GLOBAL uint8_t *state_out_indices, linear_walk_arguments of
#define WALK_MEMORY                                                              \
  {                                                                              \
    &of, work, v, beta, out, past, past_normalizer, present, present_normalizer, \
        {cu_seqlens, state_indices, state_out_indices}, faults                   \
  }

/* Columns of v among the lanes from `column` on. */
DEVICE int32_t value_lanes(const linear_call *c, int64_t column) {
  int64_t left = c->value_dim - column;
  return left <= 0 ? 0 : left < LANES ? (int32_t)left : LANES;
}

/* The lane of the column that normalizes; none if it is not from 0 to LANES - 1. */
DEVICE int64_t ones_lane(const linear_call *c, int64_t column) {
  return c->is_normalized ? c->value_dim - column : -1;
}

/* ---- states ---------------------------------------------------------------------------------- */

/* A stream's state where the caller has it: of the past, or the present. */
typedef struct state_place {
  const linear_call *c;
  int64_t at, row, column; /* its first element, and strides */
  int64_t z_at, z_row;     /* the same of z */
  int32_t dtype, z_dtype;  /* 0: absent */
  int32_t is_plain;        /* f32, and columns are contiguous */
} state_place;

DEVICE state_place place_of_state(const linear_call *c, const linear_tensor *x,
                                  const linear_tensor *z, int64_t row, int64_t head) {
  state_place p = {c,
                   0,
                   x->stride[2],
                   x->stride[3],
                   0,
                   z->stride[2],
                   x->dtype,
                   z->dtype,
                   x->dtype == TYPE_F32 && x->stride[3] == 1};
  p.at = state_at(x, row, head);
  p.z_at = state_at(z, row, head);
  return p;
}

DEVICE state_place place_of_past(const walk_memory *m, const stream *s) {
  return place_of_state(&m->a->call, &m->a->past, &m->a->past_normalizer, s->of.from, s->head);
}

DEVICE state_place place_of_present(const walk_memory *m, const stream *s) {
  return place_of_state(&m->a->call, &m->a->present, &m->a->present_normalizer, s->of.to, s->head);
}

DEVICE lane load_part_of_past(const walk_memory *m, const state_place *p, int64_t d,
                              int64_t column) {
  int32_t lanes = value_lanes(p->c, column);
  lane x = lane_of(0.0f);
  if (!p->dtype || d >= p->c->head_dim) return x;
  if (lanes > 0)
    x = load_lanes(m->past, p->dtype, p->at + d * p->row + column * p->column, p->column, lanes,
                   0.0f);
  int64_t ones = ones_lane(p->c, column);
  if (ones < 0 || ones >= LANES) return x;
  return with_number(x, ones, load_element(m->past_normalizer, p->z_dtype, p->z_at + d * p->z_row));
}

/* Row d of a state as the caller gave it, or zeros. */
DEVICE INLINE lane load_past(const walk_memory *m, const state_place *p, int64_t d,
                             int64_t column) {
  if (p->is_plain && column + LANES <= p->c->value_dim && d < p->c->head_dim)
    return lane_load_f32(m->past, p->at + d * p->row + column);
  return load_part_of_past(m, p, d, column);
}

DEVICE void store_part_of_present(const walk_memory *m, const state_place *p, int64_t d,
                                  int64_t column, lane x) {
  int32_t lanes = value_lanes(p->c, column);
  if (d >= p->c->head_dim) return;
  if (lanes > 0)
    store_lanes(m->present, p->dtype, p->at + d * p->row + column * p->column, p->column, lanes, x);
  int64_t ones = ones_lane(p->c, column);
  if (ones >= 0 && ones < LANES)
    store_element(m->present_normalizer, p->z_dtype, p->z_at + d * p->z_row, number_of(x, ones));
}

DEVICE INLINE void store_present(const walk_memory *m, const state_place *p, int64_t d,
                                 int64_t column, lane x) {
  if (p->is_plain && column + LANES <= p->c->value_dim && d < p->c->head_dim)
    lane_store_f32(m->present, p->at + d * p->row + column, x);
  else
    store_part_of_present(m, p, d, column, x);
}

/* Whether the window begins with the caller's state, or with zeros. */
DEVICE int is_at_start(const linear_call *c) { return c->first_token == 0 && c->writes; }

DEVICE int is_present_wanted(const walk_memory *m, const stream *s) {
  const linear_walk_arguments *a = m->a;
  return a->call.writes && a->present.dtype && s->of.to >= 0 && is_at_end(&a->call, s);
}

/* Whether a later launch needs the state. */
DEVICE int is_kept(const walk_memory *m, const stream *s) {
  return m->a->call.writes && (m->a->keeps || !is_at_end(&m->a->call, s));
}

/* ---- values ---------------------------------------------------------------------------------- */

/* v of token t of the window, times beta where that belongs to it. */
DEVICE lane load_values(const walk_memory *m, const stream *s, int64_t t, int64_t column) {
  const linear_walk_arguments *a = m->a;
  const linear_call *c = &a->call;
  int32_t lanes = value_lanes(c, column);
  lane x = lane_of(0.0f);
  if (lanes > 0)
    x = load_lanes(m->v, a->v.dtype, row_at(c, s, &a->v, t, s->head) + column, 1, lanes, 0.0f);
  if (a->beta.dtype && !a->solves_by_channel) {
    int64_t at = row_at(c, s, &a->beta, t, s->head) + column * a->beta.stride[3];
    x *= a->beta.stride[3] && lanes > 0
             ? load_lanes(m->beta, a->beta.dtype, at, a->beta.stride[3], lanes, 0.0f)
             : lane_of(load_element(m->beta, a->beta.dtype, row_at(c, s, &a->beta, t, s->head)));
  }
  return with_number(x, ones_lane(c, column), 1.0f);
}

/* What the eraser's sums are multiplied by then. */
DEVICE lane load_betas(const walk_memory *m, const stream *s, int64_t t, int64_t column) {
  const linear_walk_arguments *a = m->a;
  const linear_tensor *beta = &a->beta;
  int32_t lanes = value_lanes(&a->call, column);
  if (lanes == 0) return lane_of(0.0f);
  return load_lanes(m->beta, beta->dtype,
                    row_at(&a->call, s, beta, t, s->head) + column * beta->stride[3],
                    beta->stride[3], lanes, 0.0f);
}

/* ---- results --------------------------------------------------------------------------------- */

DEVICE void store_result(const walk_memory *m, const stream *s, int64_t query, int64_t t,
                         int64_t column, lane x) {
  const linear_call *c = &m->a->call;
  const linear_tensor *out = &m->a->out;
  if (c->has_results)
    lane_to_array(results_of(c, m->work, s, query, t) + column, x);
  else if (value_lanes(c, column) > 0)
    store_lanes(m->out, out->dtype, row_at(c, s, out, t, out_head(c, s->head, query)) + column, 1,
                value_lanes(c, column), x);
}
