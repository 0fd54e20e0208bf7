/* SPDX-License-Identifier: Apache-2.0 */
/* The work of `decode` on a block of keys: scores, softmax and values, all rows at once. Keys and
 * values are read where they lie. Eight sums or more are in registers at any time, which is what it
 * takes to keep two multiply-add units busy: rows times keys for scores, rows times vectors for
 * values.
 */
#include <math.h>

#include "core/element.h"
#include "cpu/attention/decode.h"
#include "cpu/simd/convert.h"
#include "cpu/simd/math.h"

/* Sums of values in registers. */
enum { SUMS = 8 };

/* One vector of a pair, in the pair's order; `dtype` and `v` are constants wherever this is
 * inlined. */
SEQMIX_INLINE vec load_half_pair(const char *from, int v, int32_t dtype) {
  if (dtype != SEQMIX_BF16)
    return load_vector(from + v * LANES * (dtype == SEQMIX_F32 ? 4 : 2), dtype);
  ivec both = load_bf16_pairs(from);
  return vec_from_bits(v == 0 ? both << 16 : both & (int32_t)0xffff0000);
}

/* Into the second level only: the first is full of what is at work. */
SEQMIX_INLINE void prefetch_next(const char *row, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(row + at, 0, 2);
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* Scores of DECODE_SCORES / rows keys with rows r .. r+rows-1; `rows` and `dtype` are constants. */
SEQMIX_INLINE void score_keys(const attention_tile *tile, int rows, int32_t dtype,
                              const char *const keys[DECODE_SCORES], int64_t r, float *to) {
  const int64_t bytes = PRODUCT_COLUMNS * (dtype == SEQMIX_F32 ? 4 : 2);
  const int count = DECODE_SCORES / rows;
  const float *queries = tile->queries + r * tile->padded_dim;
  vec sums[DECODE_SCORES];
#pragma GCC unroll 12
  for (int i = 0; i < DECODE_SCORES; i++) sums[i] = vec_of(0);
  for (int64_t d = 0, at = 0; d < tile->padded_dim; d += PRODUCT_COLUMNS, at += bytes) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; v++) {
      vec x[DECODE_SCORES];
#pragma GCC unroll 12
      for (int k = 0; k < count; k++) x[k] = load_half_pair(keys[k] + at, v, dtype);
#pragma GCC unroll 4
      for (int i = 0; i < rows; i++) {
        vec q = vec_load(queries + i * tile->padded_dim + d + v * LANES);
        VEC_HOLD(q);
#pragma GCC unroll 12
        for (int k = 0; k < count; k++) sums[k * rows + i] += q * x[k];
      }
    }
  }
  /* Four sums at a time: of one key, or of several that lie beside each other. */
#pragma GCC unroll 3
  for (int i = 0; i < DECODE_SCORES; i += 4)
    vec_sums_of_four(sums + i, to + (rows == 4 ? i / 4 * tile->score_step : i));
}

SEQMIX_INLINE void score_rows(const attention_tile *tile, const decode_rows *rows, int at_once,
                              int32_t dtype) {
  tile_range live = tile->live[0];
  const int count = DECODE_SCORES / at_once;
  int64_t fetched = 0;
  for (int64_t j = live.begin; j < live.end; j += count) {
    const char *keys[DECODE_SCORES];
    for (int i = 0; i < count; i++) {
      /* Beyond the last key its scores are repeated: they are not looked at. */
      keys[i] = rows->keys[j + i < live.end ? j + i : live.end - 1];
      if (fetched < rows->ahead_count) prefetch_next(rows->ahead[fetched++], rows->key_bytes);
    }
    for (int64_t r = 0; r < tile->score_step; r += at_once)
      score_keys(tile, at_once, dtype, keys, r, tile->scores + j * tile->score_step + r);
  }
}

SEQMIX_INLINE void score_dtype(const attention_tile *tile, const decode_rows *rows, int32_t dtype) {
  if (tile->score_step == 1)
    score_rows(tile, rows, 1, dtype);
  else if (tile->score_step == 2)
    score_rows(tile, rows, 2, dtype);
  else
    score_rows(tile, rows, 4, dtype);
}

static void apply_softcap(const attention_tile *tile) {
  vec cap = vec_of((float)tile->problem->softcap), inverse = vec_of(1) / cap;
  float *end = tile->scores + tile->live[0].end * tile->score_step;
  for (float *s = tile->scores + tile->live[0].begin * tile->score_step; s < end; s += LANES)
    vec_store(s, cap * vec_tanh(vec_load(s) * inverse));
}

void decode_score(attention_tile *tile, const decode_rows *rows) {
  if (rows->key_dtype == SEQMIX_F32)
    score_dtype(tile, rows, SEQMIX_F32);
  else if (rows->key_dtype == SEQMIX_BF16)
    score_dtype(tile, rows, SEQMIX_BF16);
  else
    score_dtype(tile, rows, SEQMIX_F16);
  if (tile->problem->softcap > 0) apply_softcap(tile);
  tile_add_terms(tile);
}

/* ---- softmax --------------------------------------------------------------------------------- */

/* Scores outside a row's range, and those behind the last key that share a vector with it, become
 * -inf. */
static void cut_rows(const attention_tile *tile, float *scores_end) {
  tile_range live = tile->live[0];
  for (int64_t r = 0; tile->is_cut[0] && r < tile->rows; r++) {
    for (int32_t j = live.begin; j < live.end; j++)
      if (j < tile->row_begin[r] || j >= tile->row_end[r])
        tile->scores[j * tile->score_step + r] = -INFINITY;
  }
  for (int i = 0; i < LANES; i++) scores_end[i] = -INFINITY;
}

/* The largest score of each row: lane i of a vector belongs to row i % step, or, where a vector
 * holds fewer lanes than rows, so does lane i of every other vector. */
static void find_largest(attention_tile *tile, const float *scores, int64_t count) {
  const int64_t step = tile->score_step;
  float lanes[DECODE_ROWS + LANES], before[DECODE_ROWS + LANES] = {0};
  for (int64_t from = 0; from < step; from += LANES) {
    vec most = vec_of(-INFINITY);
    for (int64_t i = from; i<count; i += step> LANES ? step : LANES)
      most = vec_max(vec_load(scores + i), most);
    vec_store(lanes + from, most);
  }
  int64_t width = step > LANES ? step : LANES;
  for (int64_t r = 0; r < step; r++) {
    float largest = tile->largest[r];
    /* vec_max gives its second operand where one is NaN: so does this. */
    for (int64_t i = r; i < width; i += step) largest = lanes[i] > largest ? lanes[i] : largest;
    before[r] = tile->largest[r];
    tile->largest[r] = largest;
  }
  for (int64_t r = 0; r < step; r += LANES) {
    vec largest = vec_load(tile->largest + r);
    vec shift = vec_select(largest == -INFINITY, vec_of(0), largest);
    vec_store(tile->keep + r, vec_exp_of_negative(vec_load(before + r) - shift));
  }
}

void decode_exponentiate(attention_tile *tile) {
  const int64_t step = tile->score_step, width = step > LANES ? step : LANES;
  float *scores = tile->scores + tile->live[0].begin * step;
  int64_t count = (tile->live[0].end - tile->live[0].begin) * step;
  float shifts[DECODE_ROWS + LANES], sums[DECODE_ROWS + LANES];
  cut_rows(tile, scores + count);
  find_largest(tile, scores, count);
  for (int64_t i = 0; i < width; i++) {
    float largest = tile->largest[i % step];
    shifts[i] = largest == -INFINITY ? 0 : largest;
  }
  for (int64_t from = 0; from < width; from += LANES) {
    vec shift = vec_load(shifts + from), sum = vec_of(0);
    for (int64_t i = from; i < count; i += width) {
      vec p = vec_exp_of_negative(vec_load(scores + i) - shift);
      vec_store(scores + i, p);
      sum += p;
    }
    vec_store(sums + from, sum);
  }
  for (int64_t r = 0; r < step; r++) {
    float sum = 0;
    for (int64_t i = r; i < width; i += step) sum += sums[i];
    tile->denominators[r] = tile->keep[r] * tile->denominators[r] + sum;
  }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* sums = keep * sums + p v for `rows` rows and `pairs` pairs of vectors, which are constants. */
SEQMIX_INLINE void add_keys(const attention_tile *tile, int rows, int pairs, int32_t dtype,
                            int guarded, const decode_rows *keys, int64_t r, int64_t column) {
  const int64_t step = dtype == SEQMIX_F32 ? 4 : 2;
  float *sums = tile->sums + r * tile->padded_values + column;
  tile_range live = tile->live[0];
  vec sum[4][SUMS];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
    for (int v = 0; v < 2 * pairs; v++)
      sum[i][v] = tile->keep[r + i] * vec_load(sums + i * tile->padded_values + v * LANES);
  const float *weights = tile->scores + live.begin * tile->score_step + r;
  for (int64_t j = live.begin; j < live.end; j++, weights += tile->score_step) {
    const char *value = keys->values[j] + column * step;
#pragma GCC unroll 4
    for (int w = 0; w < pairs; w++) {
      vec even = load_half_pair(value + w * PRODUCT_COLUMNS * step, 0, dtype);
      vec odd = load_half_pair(value + w * PRODUCT_COLUMNS * step, 1, dtype);
#pragma GCC unroll 4
      for (int i = 0; i < rows; i++) {
        if (guarded && weights[i] == 0) continue;
        sum[i][2 * w] += weights[i] * even;
        sum[i][2 * w + 1] += weights[i] * odd;
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
    for (int v = 0; v < 2 * pairs; v++)
      vec_store(sums + i * tile->padded_values + v * LANES, sum[i][v]);
}

/* All rows and columns; the next block's values are fetched a few with each step. */
SEQMIX_INLINE void add_rows(const attention_tile *tile, const decode_rows *keys, int at_once,
                            int32_t dtype, int guarded) {
  const int64_t pairs = SUMS / 2 / at_once, width = pairs * PRODUCT_COLUMNS;
  int64_t steps = (tile->padded_values + width - 1) / width * (tile->score_step / at_once);
  int64_t fetched = 0, share = (keys->ahead_count + steps - 1) / steps;
  for (int64_t r = 0; r < tile->score_step; r += at_once) {
    int64_t column = 0;
    for (; column + width <= tile->padded_values; column += width) {
      for (int64_t i = 0; i < share && fetched < keys->ahead_count; i++)
        prefetch_next(keys->ahead[keys->ahead_count + fetched++], keys->value_bytes);
      add_keys(tile, at_once, (int)pairs, dtype, guarded, keys, r, column);
    }
    for (; column < tile->padded_values; column += PRODUCT_COLUMNS)
      add_keys(tile, at_once, 1, dtype, guarded, keys, r, column);
  }
}

SEQMIX_INLINE void add_dtype(const attention_tile *tile, const decode_rows *keys, int32_t dtype,
                             int guarded) {
  if (tile->score_step == 1)
    add_rows(tile, keys, 1, dtype, guarded);
  else if (tile->score_step == 2)
    add_rows(tile, keys, 2, dtype, guarded);
  else
    add_rows(tile, keys, 4, dtype, guarded);
}

static void add_guarded(const attention_tile *tile, const decode_rows *keys) {
  if (keys->value_dtype == SEQMIX_F32)
    add_rows(tile, keys, 1, SEQMIX_F32, 1);
  else if (keys->value_dtype == SEQMIX_BF16)
    add_rows(tile, keys, 1, SEQMIX_BF16, 1);
  else
    add_rows(tile, keys, 1, SEQMIX_F16, 1);
}

void decode_add_values(attention_tile *tile, const decode_rows *keys, int guarded) {
  if (guarded)
    add_guarded(tile, keys);
  else if (keys->value_dtype == SEQMIX_F32)
    add_dtype(tile, keys, SEQMIX_F32, 0);
  else if (keys->value_dtype == SEQMIX_BF16)
    add_dtype(tile, keys, SEQMIX_BF16, 0);
  else
    add_dtype(tile, keys, SEQMIX_F16, 0);
}
