/* SPDX-License-Identifier: Apache-2.0 */
/* What load.c does, for products of pairs of bf16: queries and keys in pairs along D, values in
 * pairs along the keys, nothing converted. A dim or a number of keys that is odd is filled up with
 * a zero. Queries are not scaled: that would round them; the scores are. */
#include <string.h>

#include "cpu/attention/tile.h"
#include "cpu/simd/convert.h"

/* ---- queries --------------------------------------------------------------------------------- */

/* Words of a row of `length` elements, the last filled up. */
static void copy_pairs(void *to, const char *row, int64_t length) {
  memcpy(to, row, (size_t)length * sizeof(uint16_t));
  if (length % 2) memset((char *)to + length * 2, 0, sizeof(uint16_t));
}

void tile_load_queries(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  for (int64_t r = 0; r < tile_panels(tile) * PRODUCT_COLUMNS; r++) {
    float *to =
        tile->queries + r / PRODUCT_COLUMNS * PRODUCT_COLUMNS * tile->depth + r % PRODUCT_COLUMNS;
    float *row = tile->rows_scratch;
    if (r < tile->rows) {
      int64_t at = seqmix_row_at(&p->q, &tile->sequence, tile_query(tile, r), tile_head(tile, r));
      copy_pairs(row, tile_element(&p->q, at), p->head_dim);
    } else {
      memset(row, 0, (size_t)tile->depth * sizeof(float));
    }
    for (int64_t d = 0; d < tile->depth; d++)
      memcpy(to + d * PRODUCT_COLUMNS, row + d, sizeof(float));
  }
}

/* ---- keys ------------------------------------------------------------------------------------ */

void tile_load_keys(attention_tile *tile, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  const char *rows[TILE_KEYS];
  tile->first_key = first;
  tile->keys = count;
  tile->key_rows = tile->rows_scratch;
  tile->key_step = tile->depth;
  tile_find_rows(tile, &p->k, first, count, rows);
  for (int64_t j = 0; j < count; j++) {
    if (j + ROWS_AHEAD < count) prefetch_row(rows[j + ROWS_AHEAD], p->head_dim * 2);
    copy_pairs(tile->rows_scratch + j * tile->depth, rows[j], p->head_dim);
  }
}

/* ---- values ---------------------------------------------------------------------------------- */

typedef uint32_t words __attribute__((vector_size(SEQMIX_VECTOR_BYTES)));

/* A word per element: those of `even` in the lower halves, those of `odd` in the upper ones; both
 * as f32, whose upper halves they are. */
static inline vec join(vec even, vec odd) { return (vec)(((words)even >> 16) | (words)odd); }

/* The part of a row that fills no panel, as f32 with zeros behind it. */
static vec load_part(const char *from, int64_t columns) {
  uint16_t halves[LANES] = {0};
  if (columns > LANES) columns = LANES;
  if (columns > 0) memcpy(halves, from, (size_t)columns * sizeof *halves);
  return load_vector(halves, SEQMIX_BF16);
}

void tile_load_values(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  static const char zeros[2 * PRODUCT_COLUMNS];
  const char *rows[TILE_KEYS + 1];
  const int64_t panel = (int64_t)TILE_KEYS / PRODUCT_UNIT * PRODUCT_COLUMNS;
  vec poison = vec_of(0);
  tile->values = tile->rows_scratch;
  tile_find_rows(tile, &p->v, tile->first_key, tile->keys, rows);
  for (int64_t j = 0; j < tile->keys; j += 2) {
    const char *even = rows[j], *odd = j + 1 < tile->keys ? rows[j + 1] : NULL;
    for (int64_t i = j; i < j + 2 && i + ROWS_AHEAD < tile->keys; i++)
      prefetch_row(rows[i + ROWS_AHEAD], p->value_dim * 2);
    float *to = tile->values + j / 2 * PRODUCT_COLUMNS;
    for (int64_t d = 0; d < p->value_dim; d += PRODUCT_COLUMNS, to += panel)
      for (int v = 0; v < PRODUCT_VECTORS; v++) {
        int64_t at = d + v * LANES, left = p->value_dim - at;
        vec x = left >= LANES ? load_vector(even + at * 2, SEQMIX_BF16)
                              : load_part(even + at * 2, left);
        vec y = !odd            ? load_vector(zeros, SEQMIX_BF16)
                : left >= LANES ? load_vector(odd + at * 2, SEQMIX_BF16)
                                : load_part(odd + at * 2, left);
        poison += x * vec_of(0) + y * vec_of(0);
        vec_store(to + v * LANES, join(x, y));
      }
  }
  tile->values_finite = vec_sum(poison) == 0;
}

void tile_unpack_values(const attention_tile *tile, int64_t j, int64_t column,
                        float to[PRODUCT_COLUMNS]) {
  const int64_t panel = (int64_t)TILE_KEYS / PRODUCT_UNIT * PRODUCT_COLUMNS;
  const float *from = tile->values + column / PRODUCT_COLUMNS * panel + j / 2 * PRODUCT_COLUMNS;
  for (int i = 0; i < PRODUCT_COLUMNS; i++) {
    uint32_t word;
    memcpy(&word, from + i, sizeof word);
    to[i] = seqmix_f32_from_bf16((uint16_t)(j % 2 ? word >> 16 : word));
  }
}

/* ---- weights --------------------------------------------------------------------------------- */

/* To the nearest bf16, ties to even, as the upper half of an f32. A NaN may become anything: then
 * its row's denominator is NaN too. */
static inline vec round_to_bf16(vec x) {
  words bits = (words)x;
  return (vec)((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
}

tile_range tile_pack_weights(attention_tile *tile, tile_range live, int64_t r) {
  tile_range even = {live.begin / 2 * 2, (live.end + 1) / 2 * 2};
  for (int32_t j = even.begin; j < even.end; j += 2) {
    float *to = tile->scores + (int64_t)j * TILE_STEP + r;
    vec x = j >= live.begin ? vec_load(to) : vec_of(0);
    vec y = j + 1 < live.end ? vec_load(to + TILE_STEP) : vec_of(0);
    vec_store(to, join(round_to_bf16(x), round_to_bf16(y)));
  }
  return even;
}

float tile_weight(const attention_tile *tile, int64_t j, int64_t r) {
  uint32_t word;
  memcpy(&word, tile->scores + j / 2 * 2 * TILE_STEP + r, sizeof word);
  return seqmix_f32_from_bf16((uint16_t)(j % 2 ? word >> 16 : word));
}
