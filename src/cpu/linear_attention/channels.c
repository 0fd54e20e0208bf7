/* SPDX-License-Identifier: Apache-2.0 */
/* The weights where decay is per key channel: reader_t . (P(s, t) writer_s), P a vector.
 *
 * The chunk is cut into tiles of PRODUCT_ROWS tokens. Within a tile p = P(s, t) writer_s is carried
 * from token to token by one multiplication, and the reader takes its dot product with it. Between
 * tiles the decay is split at the later tile's beginning b,
 *
 *     reader_t . P(s, t) writer_s = (P(b, t) reader_t) . (P(s, b) writer_s),
 *
 * which is a matrix product of rows multiplied by decays alone, never divided by them. The
 * writers of earlier tiles are kept turned and multiplied by the decay of each tile that passes. */
#include <string.h>

#include "cpu/linear_attention/growth.h"
#include "cpu/linear_attention/stream.h"
#include "cpu/simd/turn.h"

/* Among the turned rows a tile has TURN_ROWS places, so that no four of them fall into two panels.
 */
enum { ROW_STEP = TURNED_PANELS * PRODUCT_COLUMNS };

/* ---- within a tile --------------------------------------------------------------------------- */

/* Weights of token `writer` of the tile for the later ones, and for itself unless readers are early
 * ones. */
SEQMIX_INLINE void weigh_writer(int writer, int is_early, const float *rows, const float *from,
                                const float *alphas, int64_t dims, float *weights) {
  vec sums[PRODUCT_ROWS];
#pragma GCC unroll 16
  for (int t = writer; t < PRODUCT_ROWS; t++) sums[t] = vec_of(0);
  for (int64_t d = 0; d < dims; d += LANES) {
    vec p = vec_load(from + writer * dims + d);
    sums[writer] += p * vec_load(rows + writer * dims + d);
#pragma GCC unroll 16
    for (int t = writer + 1; t < PRODUCT_ROWS; t++) {
      vec before = p;
      p *= vec_load(alphas + t * dims + d);
      sums[t] += (is_early ? before : p) * vec_load(rows + t * dims + d);
    }
  }
#pragma GCC unroll 16
  for (int t = writer + is_early; t < PRODUCT_ROWS; t++)
    weights[t * WEIGHT_STEP + writer] = vec_sum(sums[t]);
}

SEQMIX_INLINE void weigh_tile(int is_early, const float *rows, const float *from,
                              const float *alphas, int64_t dims, float *weights) {
#pragma GCC unroll 16
  for (int writer = 0; writer < PRODUCT_ROWS; writer++)
    weigh_writer(writer, is_early, rows, from, alphas, dims, weights);
}

static void weigh_own(const linear_stream *s, const stream_reader *reader, int w, int64_t t) {
  const float *rows = reader->rows + t * s->dims, *from = s->writer_rows[w] + t * s->dims;
  const float *alphas = s->alphas + t * s->dims;
  float *weights = reader->weights[w] + t * WEIGHT_STEP + t;
  if (reader->is_early)
    weigh_tile(1, rows, from, alphas, s->dims, weights);
  else
    weigh_tile(0, rows, from, alphas, s->dims, weights);
}

/* ---- between tiles --------------------------------------------------------------------------- */

/* The tile's reader rows times P(b, t). */
static void decay_readers(const linear_stream *s, const stream_reader *reader, int64_t t) {
  for (int64_t d = 0; d < s->dims; d += LANES) {
    vec product = vec_of(1);
#pragma GCC unroll 16
    for (int i = 0; i < PRODUCT_ROWS; i++) {
      float *row = reader->rows + (t + i) * s->dims + d;
      vec before = product;
      product = within_f32(product * vec_load(s->alphas + (t + i) * s->dims + d));
      vec_store(row, grown(vec_load(row), reader->is_early ? before : product));
    }
  }
}

/* Weights of tokens of the tile for all writers of earlier ones; the turned rows have their places
 * in tiles of TURN_ROWS. */
static void weigh_earlier(const linear_stream *s, const stream_reader *reader, int w, int64_t t) {
  float all[PRODUCT_ROWS * ROW_STEP];
  int64_t tiles = t / PRODUCT_ROWS;
  for (int64_t column = 0; column < tiles * TURN_ROWS; column += PRODUCT_COLUMNS) {
    product_tile tile = {
        .a = reader->rows + t * s->dims,
        .b = s->turned[w] + column * s->dims,
        .c = all + column,
        .a_row = s->dims,
        .c_row = ROW_STEP,
        .depth = s->problem->head_dim,
    };
    product_strided(&tile);
  }
  for (int i = 0; i < PRODUCT_ROWS; i++)
    for (int64_t tile = 0; tile < tiles; tile++)
      memcpy(reader->weights[w] + (t + i) * WEIGHT_STEP + tile * PRODUCT_ROWS,
             all + i * ROW_STEP + tile * TURN_ROWS, PRODUCT_ROWS * sizeof(float));
}

/* Rows of the tile times P(0, b), which is in `prefix`. */
static void decay_readers_before(const linear_stream *s, const stream_reader *reader, int64_t t,
                                 const float *prefix) {
  for (int i = 0; i < PRODUCT_ROWS; i++) {
    float *row = reader->rows + (t + i) * s->dims;
    for (int64_t d = 0; d < s->dims; d += LANES)
      vec_store(row + d, grown(vec_load(row + d), vec_load(prefix + d)));
  }
}

/* ---- from tile to tile ----------------------------------------------------------------------- */

/* The decay over the tile, into `product` and onto `prefix`. */
static void multiply_decays(const linear_stream *s, int64_t t, float *product, float *prefix) {
  for (int64_t d = 0; d < s->dims; d += LANES) {
    vec all = vec_load(s->alphas + t * s->dims + d);
#pragma GCC unroll 16
    for (int i = 1; i < PRODUCT_ROWS; i++)
      all = within_f32(all * vec_load(s->alphas + (t + i) * s->dims + d));
    vec_store(product + d, all);
    vec_store(prefix + d, within_f32(all * vec_load(prefix + d)));
  }
}

/* What is turned already decays with the tile that passes. */
static void decay_turned(float *turned, const float *product, int64_t dims) {
  for (int64_t d = 0; d < dims; d++, turned += PRODUCT_COLUMNS) {
    vec factor = vec_of(product[d]);
#pragma GCC unroll 4
    for (int v = 0; v < PRODUCT_VECTORS; v++)
      vec_store(turned + v * LANES, factor * vec_load(turned + v * LANES));
  }
}

static void pass_tile(linear_stream *s, int64_t t, float *prefix) {
  float *product = s->spare;
  multiply_decays(s, t, product, prefix);
  for (int w = 0; w < s->writers; w++)
    for (int64_t column = 0; column < t / PRODUCT_ROWS * TURN_ROWS; column += PRODUCT_COLUMNS)
      decay_turned(s->turned[w] + column * s->dims, product, s->dims);
}

/* The tile's writers times P(s, end of the tile), turned beside the earlier ones. */
static void turn_tile(linear_stream *s, int w, int64_t t) {
  float *rows = s->spare;
  for (int64_t d = 0; d < s->dims; d += LANES) {
    vec product = vec_of(1);
#pragma GCC unroll 16
    for (int i = PRODUCT_ROWS - 1; i >= 0; i--) {
      int64_t at = (t + i) * s->dims + d;
      vec_store(rows + i * s->dims + d, product * vec_load(s->writer_rows[w] + at));
      product = within_f32(product * vec_load(s->alphas + at));
    }
  }
  for (int i = 0; i < PRODUCT_ROWS; i += 4) {
    const float *four[4];
    for (int j = 0; j < 4; j++) four[j] = rows + (i + j) * s->dims;
    int64_t column = t / PRODUCT_ROWS * TURN_ROWS + i;
    float *panel = s->turned[w] + column / PRODUCT_COLUMNS * PRODUCT_COLUMNS * s->dims;
    turn_rows(panel + column % PRODUCT_COLUMNS, four, 1, s->problem->head_dim);
  }
}

void stream_weigh_channels(linear_stream *s) {
  float *prefix = s->prefix;
  for (int64_t d = 0; d < s->dims; d++) prefix[d] = 1;
  for (int64_t t = 0; t < s->count; t += PRODUCT_ROWS) {
    for (stream_reader *r = stream_first_reader(s); r < stream_end_of_readers(s); r++) {
      for (int w = 0; w < s->writers; w++) weigh_own(s, r, w, t);
      decay_readers(s, r, t);
      for (int w = 0; w < s->writers && t; w++) weigh_earlier(s, r, w, t);
      if (t) decay_readers_before(s, r, t, prefix);
    }
    if (t + PRODUCT_ROWS >= s->count) return;
    pass_tile(s, t, prefix);
    for (int w = 0; w < s->writers; w++) turn_tile(s, w, t);
  }
}
