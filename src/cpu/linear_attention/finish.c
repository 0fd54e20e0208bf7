/* SPDX-License-Identifier: Apache-2.0 */
/* From what queries read to rows of out: normalisation, the join of two directions, rounding. */
#include <math.h>

#include "cpu/linear_attention/stream.h"
#include "cpu/simd/convert.h"

/* Bidirectional, first pass: numerators wait for those of the other direction, where the sequence
 * has them, whichever way a pass walks. */
static int64_t sequence_token(const linear_stream *s, int64_t t) {
  return stream_time(s, s->at + t) - s->first_token;
}

static float *forward_row(const linear_stream *s, int64_t query, int64_t token, int64_t panel) {
  int64_t row = (query * s->tokens + token) * s->panels + panel;
  return s->forward_values + row * PRODUCT_COLUMNS;
}

static void keep_row(const linear_stream *s, int64_t query, int64_t t, int64_t panel,
                     const float *values) {
  int64_t token = sequence_token(s, t);
  float *to = forward_row(s, query, token, panel);
  for (int j = 0; j < PRODUCT_COLUMNS; j++) to[j] = values[j];
  if (s->is_normalized)
    s->forward_denominators[query * s->tokens + token] = s->denominators[query * CHUNK_TOKENS + t];
  if (s->is_gated) s->forward_stabilizers[token] = s->stabilizers[t];
}

/* A row before it is rounded. */
typedef struct finished_row {
  float values[PRODUCT_COLUMNS];
  float denominator;
  float stabilizer;
} finished_row;

/* Both directions hold their sums times exp(-m): they are brought to the larger m. */
static void join_row(const linear_stream *s, int64_t query, int64_t t, int64_t panel,
                     finished_row *row) {
  int64_t token = sequence_token(s, t);
  const float *forward = forward_row(s, query, token, panel);
  float first = 1, second = 1;
  if (s->is_gated) {
    float m = s->forward_stabilizers[token];
    float larger = m > row->stabilizer ? m : row->stabilizer;
    first = larger == -INFINITY ? 0 : expf(m - larger);
    second = larger == -INFINITY ? 0 : expf(row->stabilizer - larger);
    row->stabilizer = larger;
  }
  for (int j = 0; j < PRODUCT_COLUMNS; j++)
    row->values[j] = first * forward[j] + second * row->values[j];
  if (s->is_normalized)
    row->denominator =
        first * s->forward_denominators[query * s->tokens + token] + second * row->denominator;
}

static void normalize_row(const linear_stream *s, finished_row *row) {
  const seqmix_linear_attention_problem *p = s->problem;
  float divisor = row->denominator;
  if (p->normalize == SEQMIX_NORMALIZE_ABS_MAX) {
    /* No past and nothing let in leave m at -inf and both sums at 0; so does floor 0. */
    float floor = (float)p->floor;
    if (s->is_gated && floor > 0) floor = (float)(p->floor * exp(-(double)row->stabilizer));
    divisor = fabsf(divisor);
    if (floor > divisor) divisor = floor; /* NaN stays NaN */
  }
  divisor += (float)p->eps;
  for (int j = 0; j < PRODUCT_COLUMNS; j++) {
    float value = row->values[j];
    row->values[j] = value == 0 && divisor == 0 ? 0 : value / divisor;
  }
}

static char *out_at(const linear_stream *s, int64_t query, int64_t t, int64_t panel) {
  const seqmix_view *out = &s->problem->out;
  int64_t column = s->first_column + panel * PRODUCT_COLUMNS;
  return stream_row(s, out, s->at + t, s->readers[query].head) + column * stream_element_bytes(out);
}

static void finish_row(const linear_stream *s, int64_t query, int64_t t, int64_t panel,
                       const float *values, int64_t columns) {
  finished_row row = {.denominator = s->denominators[query * CHUNK_TOKENS + t],
                      .stabilizer = s->writes ? s->stabilizers[t] : (float)s->stabilizer};
  for (int j = 0; j < PRODUCT_COLUMNS; j++) row.values[j] = values[j];
  if (s->leaves_diagonal_out) join_row(s, query, t, panel, &row);
  if (s->is_normalized) normalize_row(s, &row);
  store_row(out_at(s, query, t, panel), s->problem->out.dtype, row.values, 1, columns);
}

void stream_turn_back(linear_stream *s) {
  s->is_backwards = 1;
  s->leaves_diagonal_out = 1;
  s->decay = &s->problem->decay_reverse;
  stream_load_state(s);
  stream_load_rest(s);
}

/* Whole rows of a panel as they are. */
static void store_rows(const linear_stream *s, int64_t query, int64_t t, int64_t rows,
                       int64_t panel, const float *values) {
  const seqmix_view *out = &s->problem->out;
  char *to = out_at(s, query, t, panel);
  int64_t step = out->stride[1] * stream_element_bytes(out);
  for (int64_t i = 0; i < rows; i++, to += s->is_backwards ? -step : step)
#pragma GCC unroll 4
    for (int v = 0; v < PRODUCT_VECTORS; v++, values += LANES)
      store_vector(to + v * LANES * stream_element_bytes(out), out->dtype, vec_load(values));
}

void stream_write_rows(const linear_stream *s, int64_t query, int64_t t, int64_t rows,
                       int64_t panel, const float *values) {
  int64_t columns = s->columns - panel * PRODUCT_COLUMNS;
  if (columns > PRODUCT_COLUMNS) columns = PRODUCT_COLUMNS;
  int is_first_of_two = s->forward_values && !s->leaves_diagonal_out;
  int is_plain = !s->is_normalized && !s->leaves_diagonal_out;
  if (is_plain && !is_first_of_two && columns == PRODUCT_COLUMNS) {
    store_rows(s, query, t, rows, panel, values);
    return;
  }
  for (int64_t i = 0; i < rows; i++, values += PRODUCT_COLUMNS)
    if (is_first_of_two)
      keep_row(s, query, t + i, panel, values);
    else if (is_plain)
      store_row(out_at(s, query, t + i, panel), s->problem->out.dtype, values, 1, columns);
    else
      finish_row(s, query, t + i, panel, values, columns);
}
