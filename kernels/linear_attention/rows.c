/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a window's tokens in workspace, in f32. Here the models become one: whatever a rule
 * multiplies its vectors by is in the rows afterwards.
 *
 * linear_gates, of one item per stream, is needed for input gates only: it walks the tokens, as m
 * depends on all before. linear_rows has a group per chunk. Constants: LANES, ITEMS. */
#include "linear_attention/decay.h"
#include "linear_attention/features.h"
#include "linear_attention/stream.h"

/* ---- input gates ----------------------------------------------------------------------------- */

DEVICE float larger(float a, float b) { return b > a || b != b ? b : a; }

/* m_t = max(decay + m_{t-1}, i_t); S and z are kept times exp(-m), so that a step multiplies them
 * by exp(decay + m_{t-1} - m_t) and k by exp(i_t - m_t). As m adds up all decays, the first is told
 * to more than a float has: `error` is what rounding took from the sum. A query reads at m_t; an
 * early one adds its own token to what was before: at the larger of m_{t-1} and i_t, to which both
 * are brought. */
DEVICE float pass_gate(float m, float decay, float input, int is_early, GLOBAL float *numbers) {
  float past = m + decay, part = past - m;
  float error = (m - (past - part)) + (decay - part);
  float next = larger(past, input), read = is_early ? larger(m, input) : next;
  if (!(past - past == 0.0f)) error = 0.0f;
  numbers[GATE_DECAY] = next == -INFINITY ? -INFINITY : (past - next) + error;
  numbers[GATE_GAIN] = relative_exp(input, next);
  numbers[GATE_PAST_GAIN] = relative_exp(m, read);
  numbers[GATE_OWN_GAIN] = relative_exp(next, read);
  numbers[GATE_STABILIZER] = read;
  return next;
}

KERNEL void linear_gates(GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *decay,
                         const GLOBAL uint8_t *input_gate, const GLOBAL uint8_t *past,
                         GLOBAL uint8_t *present, const GLOBAL uint8_t *cu_seqlens,
                         const GLOBAL uint8_t *state_indices,
                         const GLOBAL uint8_t *state_out_indices, linear_gates_arguments a) {
  const linear_call *c = &a.call;
  const sequence_arrays arrays = {cu_seqlens, state_indices, state_out_indices};
  int64_t slot = group_number() * ITEMS + item_number();
  if (slot >= c->streams) return;
  stream s = find_stream(c, arrays, slot, faults);
  if (!is_live(&s)) return;
  GLOBAL float *carry = work + c->carries_at + slot;
  float m = c->first_token > 0 ? *carry : -INFINITY;
  if (c->first_token == 0 && a.past.dtype)
    m = load_element(past, TYPE_F32, state_at(&a.past, s.of.from, s.head));
  for (int64_t t = 0; t < s.tokens; t++)
    m = pass_gate(m, gate_at(c, &s, &a.decay, decay, t),
                  gate_at(c, &s, &a.input_gate, input_gate, t), c->is_early,
                  gates_of(c, work, &s, t));
  *carry = m;
  if (is_at_end(c, &s) && a.present.dtype && s.of.to >= 0)
    store_element(present, TYPE_F32, state_at(&a.present, s.of.to, s.head), m);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* What a work-group fills. */
typedef struct chunk_rows {
  const linear_rows_arguments *a;
  const linear_call *c;
  chunk_place k;
} chunk_rows;

/* Rows from a tensor, mapped, tokens that the chunk lacks and channels beyond D as zeros. */
DEVICE void load_rows(const chunk_rows *r, const linear_tensor *x, const GLOBAL uint8_t *data,
                      int64_t head, int32_t map, GLOBAL float *rows) {
  const linear_call *c = r->c;
  int64_t lanes = c->dims / LANES;
  FOR_ITEMS(i, c->chunk * lanes) {
    int64_t t = i / lanes, d = i % lanes * LANES, left = c->head_dim - d;
    int32_t count = left < 0 ? 0 : left < LANES ? (int32_t)left : LANES;
    lane y = lane_of(0.0f);
    if (t < r->k.count && count > 0) {
      int64_t at = row_at(c, &r->k.s, x, r->k.first + t, head) + d * x->stride[3];
      y = load_lanes(data, x->dtype, at, x->stride[3], count, 0.0f);
      if (map) y = first_lanes(map_lane(map, y), count);
    }
    lane_to_array(rows + t * c->dims + d, y);
  }
}

/* to = factor from, row t by its own factor; 0 for what the chunk lacks. */
DEVICE void multiply_row(const chunk_rows *r, const GLOBAL float *from, GLOBAL float *to,
                         float factor) {
  for (int64_t d = 0; d < r->c->dims; d += LANES)
    lane_to_array(to + d, lane_from_array(from + d) * lane_of(factor));
}

DEVICE void finish_row(const chunk_rows *r, GLOBAL float *row, float factor) {
  int32_t map = r->a->feature_map;
  if (is_map_of_rows(map))
    map_row(map, row, r->c->head_dim, factor);
  else if (factor != 1.0f)
    multiply_row(r, row, row, factor);
}

DEVICE void load_queries(const chunk_rows *r, const GLOBAL uint8_t *q) {
  for (int64_t g = 0; g < r->c->queries; g++)
    load_rows(r, &r->a->q, q, query_head(r->c, r->k.s.head, g), r->a->feature_map,
              query_rows(&r->k, g));
}

/* Beyond the maps of each number alone. */
DEVICE void finish_queries(const chunk_rows *r) {
  const linear_call *c = r->c;
  FOR_ITEMS(i, c->queries * r->k.count) {
    int64_t g = i / r->k.count, t = i % r->k.count;
    finish_row(r, query_rows(&r->k, g) + t * c->dims, r->a->scale);
  }
}

DEVICE void finish_keys(const chunk_rows *r) {
  const linear_call *c = r->c;
  FOR_ITEMS(t, r->k.count) {
    float gain = c->is_gated ? gate_number(&r->k, t, GATE_GAIN) : 1.0f;
    finish_row(r, writer_rows(&r->k, 0) + t * c->dims, gain);
  }
}

/* What the eraser reads with is subtracted: its rows get the sign. beta per head is in them; one
 * per channel is multiplied later, and of an erase that was given none. */
DEVICE void finish_eraser(const chunk_rows *r, const GLOBAL uint8_t *beta) {
  const linear_call *c = r->c;
  GLOBAL float *eraser = r->k.slot + c->eraser_at;
  const GLOBAL float *from = r->a->erase.dtype ? eraser : writer_rows(&r->k, 0);
  FOR_ITEMS(t, c->chunk) {
    float factor = -1.0f;
    if (r->a->beta_scales_eraser && t < r->k.count)
      factor = -gate_at(c, &r->k.s, &r->a->beta, beta, r->k.first + t);
    multiply_row(r, from + t * c->dims, eraser + t * c->dims, factor);
  }
}

DEVICE void load_decays(const chunk_rows *r, const GLOBAL uint8_t *decay) {
  const linear_call *c = r->c;
  GLOBAL float *decays = r->k.slot + c->decays_at;
  if (c->decay_kind == DECAY_CHANNEL)
    load_rows(r, &r->a->decay, decay, r->k.s.head, 0, decays);
  else
    FOR_ITEMS(t, c->chunk) {
      float x = 0.0f;
      if (t < r->k.count && c->is_gated)
        x = gate_number(&r->k, t, GATE_DECAY);
      else if (t < r->k.count && c->decay_kind == DECAY_HEAD)
        x = gate_at(c, &r->k.s, &r->a->decay, decay, r->k.first + t);
      decays[t] = x;
    }
}

DEVICE void load_writers(const chunk_rows *r, const GLOBAL uint8_t *k, const GLOBAL uint8_t *erase,
                         const GLOBAL uint8_t *a, const GLOBAL uint8_t *b) {
  const linear_call *c = r->c;
  const linear_rows_arguments *of = r->a;
  load_rows(r, &of->k, k, key_head(c, r->k.s.head), of->feature_map, writer_rows(&r->k, 0));
  if (c->writers == 2) {
    load_rows(r, &of->b, b, r->k.s.head, 0, writer_rows(&r->k, 1));
    load_rows(r, &of->a, a, r->k.s.head, 0, r->k.slot + c->eraser_at);
  } else if (of->erase.dtype) {
    load_rows(r, &of->erase, erase, r->k.s.head, 0, r->k.slot + c->eraser_at);
  }
}

KERNEL void linear_rows(GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *q,
                        const GLOBAL uint8_t *k, const GLOBAL uint8_t *decay,
                        const GLOBAL uint8_t *beta, const GLOBAL uint8_t *erase,
                        const GLOBAL uint8_t *a, const GLOBAL uint8_t *b,
                        const GLOBAL uint8_t *cu_seqlens, const GLOBAL uint8_t *state_indices,
                        const GLOBAL uint8_t *state_out_indices, linear_rows_arguments of) {
  const linear_call *c = &of.call;
  const sequence_arrays arrays = {cu_seqlens, state_indices, state_out_indices};
  chunk_rows r = {&of, c, find_chunk(c, arrays, work, faults)};
  int is_used = r.k.count > 0;
  if (is_used && c->reads) load_queries(&r, q);
  if (is_used && c->writes) {
    load_writers(&r, k, erase, a, b);
    load_decays(&r, decay);
  }
  group_join();
  if (is_used && c->reads) finish_queries(&r);
  if (is_used && c->writes) finish_keys(&r);
  group_join();
  if (is_used && c->writes && c->has_eraser && c->writers == 1) finish_eraser(&r, beta);
}
