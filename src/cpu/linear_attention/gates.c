/* SPDX-License-Identifier: Apache-2.0 */
/* Decays of a chunk as factors, and what they do to rows and pairs of tokens. */
#include <math.h>
#include <string.h>

#include "core/element.h"
#include "cpu/linear_attention/growth.h"
#include "cpu/linear_attention/stream.h"
#include "cpu/simd/math.h"

static double gate_at(const linear_stream *s, const seqmix_view *view, int64_t t) {
  return seqmix_load(stream_row(s, view, s->at + t, s->head), view->dtype, 0);
}

/* exp(x - m) where m is at least x; 0 where both are -inf. */
static float relative_exp(double x, double m) {
  return m == -(double)INFINITY ? 0 : (float)exp(x - m);
}

static double larger(double a, double b) { return b > a || isnan(b) ? b : a; }

/* m_t = max(decay + m_{t-1}, i_t); S and z are kept times exp(-m), so that a step multiplies them
 * by exp(decay + m_{t-1} - m_t) and k by exp(i_t - m_t). In doubles, as m adds up all decays.
 * A query reads at m_t; an early one adds its own token to what was before: at the larger of
 * m_{t-1} and i_t, to which both are brought. */
static void load_input_gate(linear_stream *s) {
  double m = s->stabilizer;
  for (int64_t t = 0; t < s->count; t++) {
    double before = m, past = m + gate_at(s, s->decay, t);
    double now = gate_at(s, &s->problem->input_gate, t);
    double read = s->readers[0].is_early ? larger(before, now) : larger(past, now);
    /* As f32 has it, so that a state handed on is held by just the m that goes with it. */
    m = (float)larger(past, now);
    s->decays[t] = m == -(double)INFINITY ? -INFINITY : (float)(past - m);
    s->gains[t] = relative_exp(now, m);
    s->past_gains[t] = relative_exp(before, read);
    s->own_gains[t] = relative_exp(m, read);
    s->stabilizers[t] = (float)read;
  }
  s->stabilizer = m;
}

static void load_head_decays(linear_stream *s) {
  if (s->is_gated)
    load_input_gate(s);
  else
    for (int64_t t = 0; t < s->count; t++) s->decays[t] = (float)gate_at(s, s->decay, t);
  for (int64_t t = s->count; t < CHUNK_TOKENS; t++) s->decays[t] = 0;
  for (int64_t t = 0; t < CHUNK_TOKENS; t += LANES)
    vec_store(s->alphas + t, within_f32(vec_exp(vec_load(s->decays + t))));
}

static void load_channel_decays(linear_stream *s) {
  float *row = s->decays, *alphas = s->alphas;
  for (int64_t t = 0; t < s->count; t++, row += s->dims, alphas += s->dims) {
    stream_load_floats(row, stream_row(s, s->decay, s->at + t, s->head), s->decay->dtype,
                       s->decay->stride[3], s->problem->head_dim, s->dims);
    for (int64_t d = 0; d < s->dims; d += LANES)
      vec_store(alphas + d, within_f32(vec_exp(vec_load(row + d))));
  }
  /* Tiles are whole. */
  for (int64_t i = 0; i < (stream_rows(s) - s->count) * s->dims; i++) alphas[i] = 1;
}

void stream_load_gates(linear_stream *s) {
  if (s->decay_kind == DECAY_HEAD) load_head_decays(s);
  if (s->decay_kind == DECAY_CHANNEL) load_channel_decays(s);
}

/* ---- per head -------------------------------------------------------------------------------- */

/* P(s, t) for s <= t, row after row. */
void stream_make_pairs(linear_stream *s) {
  float *row = s->pairs;
  memset(row, 0, WEIGHT_STEP * sizeof *row);
  row[0] = 1;
  for (int64_t t = 1; t < s->count; t++, row += WEIGHT_STEP) {
    for (int64_t i = 0; i < WEIGHT_STEP; i += LANES)
      vec_store(row + WEIGHT_STEP + i, within_f32(s->alphas[t] * vec_load(row + i)));
    row[WEIGHT_STEP + t] = 1;
  }
}

static void multiply_row(float *row, float factor, int64_t dims) {
  for (int64_t d = 0; d < dims; d += LANES) vec_store(row + d, factor * vec_load(row + d));
}

static void grow_row(float *row, float factor, int64_t dims) {
  for (int64_t d = 0; d < dims; d += LANES)
    vec_store(row + d, grown(vec_load(row + d), vec_of(factor)));
}

static float finite_product(float a, float b) { return a * b > FLT_MAX ? FLT_MAX : a * b; }

static void decay_rows_of_head(linear_stream *s) {
  float product = 1;
  for (int64_t t = 0; t < s->count; t++) {
    float before = product;
    product = finite_product(product, s->alphas[t]);
    for (stream_reader *r = stream_first_reader(s); r < stream_end_of_readers(s); r++)
      grow_row(r->rows + t * s->dims, r->is_early ? before : product, s->dims);
  }
  product = 1;
  for (int64_t t = s->count - 1; t >= 0; t--) {
    for (int w = 0; w < s->writers; w++)
      multiply_row(s->writer_rows[w] + t * s->dims, product, s->dims);
    product = finite_product(product, s->alphas[t]);
  }
}

/* ---- per key channel ------------------------------------------------------------------------- */

/* Readers have been decayed with their weights. A vector of channels at a time, all tokens: the
 * running products stay in a register. */
static void decay_channels(linear_stream *s, int w, int64_t d) {
  vec product = vec_of(1);
  for (int64_t t = s->count - 1; t >= 0; t--) {
    float *row = s->writer_rows[w] + t * s->dims + d;
    vec_store(row, product * vec_load(row));
    product = within_f32(product * vec_load(s->alphas + t * s->dims + d));
  }
}

/* Rows of a reader are multiplied by P(0, t), those of a writer by P(s, end of the chunk). */
void stream_decay_rows(linear_stream *s) {
  if (s->decay_kind == DECAY_HEAD) decay_rows_of_head(s);
  for (int w = 0; w < s->writers && s->decay_kind == DECAY_CHANNEL; w++)
    for (int64_t d = 0; d < s->dims; d += LANES) decay_channels(s, w, d);
}

/* ---- the state ------------------------------------------------------------------------------- */

/* Of a vector of channels, or of the head. */
static vec decays_of(const linear_stream *s, int64_t first, int64_t count, int64_t d) {
  vec sum = vec_of(0);
  for (int64_t t = first; t < first + count && s->decay_kind == DECAY_CHANNEL; t++)
    sum += vec_load(s->decays + t * s->dims + d);
  return sum;
}

static float decays_of_head(const linear_stream *s, int64_t first, int64_t count) {
  double sum = 0;
  for (int64_t t = first; t < first + count && s->decay_kind == DECAY_HEAD; t++)
    sum += s->decays[t];
  return (float)sum;
}

void stream_split_decays(linear_stream *s, int64_t first, int64_t count, int64_t row) {
  float *parts = s->keep_part + row * s->dims;
  int32_t *masks = s->keep_mask + row * s->dims;
  vec whole, part = vec_exp_in_two(vec_of(decays_of_head(s, first, count)), &whole);
  for (int64_t d = 0; d < s->dims; d += LANES) {
    if (s->decay_kind == DECAY_CHANNEL)
      part = vec_exp_in_two(decays_of(s, first, count, d), &whole);
    vec_store(parts + d, within_f32(part));
    ivec_store(masks + d, whole != 0.0f);
  }
}
