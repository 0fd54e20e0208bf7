/* SPDX-License-Identifier: Apache-2.0 */
/* The weights of a chunk: reader . P(s, t) writer, for every token s that token t sees. */
#include <string.h>

#include "cpu/linear_attention/stream.h"
#include "cpu/simd/convert.h"
#include "cpu/simd/turn.h"

/* ---- decay per head or none: matrix products ------------------------------------------------- */

static void turn_writer(linear_stream *s, int writer) {
  const float *rows = s->writer_rows[writer];
  for (int64_t t = 0; t < s->count; t += 4) {
    const float *four[4];
    for (int i = 0; i < 4; i++)
      four[i] = t + i < stream_rows(s) ? rows + (t + i) * s->dims : s->spare;
    float *panel = s->turned[writer] + t / PRODUCT_COLUMNS * PRODUCT_COLUMNS * s->dims;
    turn_rows(panel + t % PRODUCT_COLUMNS, four, 1, s->problem->head_dim);
  }
}

/* All products of a reader with the writer that was turned; tiles right of the diagonal are left
 * out. Columns beyond the chunk's tokens hold whatever was there, and nobody reads their sums. */
static void multiply_rows(const linear_stream *s, const stream_reader *reader, int writer) {
  for (int64_t t = 0; t < s->count; t += PRODUCT_ROWS)
    for (int64_t panel = 0; panel * PRODUCT_COLUMNS < t + PRODUCT_ROWS; panel++) {
      product_tile tile = {
          .a = reader->rows + t * s->dims,
          .b = s->turned[writer] + panel * PRODUCT_COLUMNS * s->dims,
          .c = reader->weights[writer] + t * WEIGHT_STEP + panel * PRODUCT_COLUMNS,
          .a_row = s->dims,
          .c_row = WEIGHT_STEP,
          .depth = s->problem->head_dim,
      };
      product_strided(&tile);
    }
}

/* Early readers do not see the decay of their own token. */
static void decay_weights(const linear_stream *s, const stream_reader *reader, float *weights) {
  for (int64_t t = reader->is_early; t < s->count; t++) {
    const float *pairs = s->pairs + (t - reader->is_early) * WEIGHT_STEP;
    float *row = weights + t * WEIGHT_STEP;
    for (int64_t i = 0; i <= t; i += LANES)
      vec_store(row + i, vec_load(row + i) * vec_load(pairs + i));
  }
}

static void weigh_products(linear_stream *s) {
  if (s->decay_kind == DECAY_HEAD) stream_make_pairs(s);
  for (int w = 0; w < s->writers; w++) {
    turn_writer(s, w);
    for (stream_reader *r = stream_first_reader(s); r < stream_end_of_readers(s); r++) {
      multiply_rows(s, r, w);
      if (s->decay_kind == DECAY_HEAD) decay_weights(s, r, r->weights[w]);
    }
  }
}

/* ---- the diagonal ---------------------------------------------------------------------------- */

static float dot(const float *a, const float *b, int64_t count) {
  vec sum = vec_of(0);
  for (int64_t i = 0; i < count; i += LANES) sum += vec_load(a + i) * vec_load(b + i);
  return vec_sum(sum);
}

static void scale_row(float *row, float factor, int64_t count) {
  for (int64_t i = 0; i < count; i++) row[i] *= factor;
}

/* What a query reads of its own token's k v^T with a bonus: as much as that says. */
static void set_bonus(linear_stream *s, const stream_reader *reader, int64_t t) {
  const seqmix_view *bonus = &s->problem->bonus;
  const float *key = s->writer_rows[WRITER_KEY] + t * s->dims;
  float *row = s->spare, *query = reader->rows + t * s->dims;
  float *weights = reader->weights[WRITER_KEY] + t * WEIGHT_STEP;
  stream_load_floats(row, stream_address(bonus, s->head * bonus->stride[0]), bonus->dtype,
                     bonus->stride[1], s->problem->head_dim, s->dims);
  for (int64_t d = 0; d < s->dims; d++) row[d] *= key[d];
  weights[t] = dot(query, row, s->dims);
  if (!s->is_gated) return;
  weights[t] *= s->own_gains[t];
  scale_row(weights, s->past_gains[t], t);
  scale_row(query, s->past_gains[t], s->dims);
}

static void set_bonuses(linear_stream *s) {
  for (int64_t g = 0; g < s->queries && s->reads; g++)
    for (int64_t t = 0; t < s->count && s->readers[g].is_early; t++)
      set_bonus(s, &s->readers[g], t);
}

static void clear_diagonals(linear_stream *s) {
  for (int64_t g = 0; g < s->queries && s->leaves_diagonal_out; g++)
    for (int64_t t = 0; t < s->count; t++)
      s->readers[g].weights[WRITER_KEY][t * WEIGHT_STEP + t] = 0;
}

void stream_make_own_weights(linear_stream *s) {
  for (int64_t g = 0; g < s->queries && s->reads; g++)
    for (int w = 0; w < s->writers; w++)
      for (int64_t t = 0; t < s->count; t++)
        s->readers[g].weights[w][t * WEIGHT_STEP + t] =
            dot(s->readers[g].rows + t * s->dims, s->writer_rows[w] + t * s->dims, s->dims);
  set_bonuses(s);
  clear_diagonals(s);
}

void stream_make_weights(linear_stream *s) {
  if (s->decay_kind == DECAY_CHANNEL) {
    set_bonuses(s); /* before readers are decayed; early ones keep their diagonal */
    stream_weigh_channels(s);
  } else {
    weigh_products(s);
    set_bonuses(s);
  }
  clear_diagonals(s);
}

/* ---- z --------------------------------------------------------------------------------------- */

/* Denominators are what queries read of a column of ones. */
static void find_denominators(linear_stream *s, const stream_reader *reader, float *to) {
  for (int64_t t = 0; t < s->count; t++) {
    const float *weights = reader->weights[WRITER_KEY] + t * WEIGHT_STEP;
    to[t] = dot(reader->rows + t * s->dims, s->normalizer, s->dims);
    for (int64_t i = 0; i <= t && s->writes; i++) to[t] += weights[i];
  }
}

/* z after tokens first .. end-1, whose decay is in row `row` of keep_mask and keep_part. */
static void add_keys(linear_stream *s, int64_t first, int64_t end, int64_t row) {
  const float *part = s->keep_part + row * s->dims;
  const int32_t *mask = s->keep_mask + row * s->dims;
  for (int64_t d = 0; d < s->dims; d += LANES) {
    vec z = vec_load(s->normalizer + d), sum = vec_load(part + d) * z;
    for (int64_t t = first; t < end; t++)
      sum += vec_load(s->writer_rows[WRITER_KEY] + t * s->dims + d);
    vec_store(s->normalizer + d, vec_masked(ivec_load(mask + d), z) + sum);
  }
}

void stream_normalize_chunk(linear_stream *s) {
  for (int64_t g = 0; g < s->queries && s->reads; g++)
    find_denominators(s, &s->readers[g], s->denominators + g * CHUNK_TOKENS);
  if (s->writes) add_keys(s, 0, s->count, 0);
}

void stream_normalize_token(linear_stream *s, int64_t t) {
  for (int64_t g = 0; g < s->queries && s->reads; g++) {
    const stream_reader *reader = &s->readers[g];
    float own = s->writes ? reader->weights[WRITER_KEY][t * WEIGHT_STEP + t] : 0;
    s->denominators[g * CHUNK_TOKENS + t] =
        dot(reader->rows + t * s->dims, s->normalizer, s->dims) + own;
  }
  if (s->writes) add_keys(s, t, t + 1, t);
}
