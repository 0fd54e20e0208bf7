/* SPDX-License-Identifier: Apache-2.0 */
/* The scratch of a decode tile: its layout, and what goes into it and comes out of it. */
#include <math.h>
#include <string.h>

#include "core/element.h"
#include "core/memory.h"
#include "cpu/attention/decode.h"
#include "cpu/simd/convert.h"

/* Scores of a few keys beyond the block: score_keys() and whole vectors reach there. */
enum {
  SPARE_SCORES = DECODE_SCORES * DECODE_ROWS + LANES,
  ROW_ARRAYS = 5 + sizeof(seqmix_key_range) / sizeof(float)
};

/* What each slot has: queries, sums and five arrays per row. */
static uint64_t slot_floats(const seqmix_attention_problem *p) {
  uint64_t dims;
  if (__builtin_add_overflow(tile_padded(p->head_dim), tile_padded(p->value_dim), &dims) ||
      __builtin_mul_overflow(dims, DECODE_ROWS, &dims) ||
      __builtin_add_overflow(dims, ROW_ARRAYS * PRODUCT_COLUMNS, &dims))
    return UINT64_MAX;
  return dims;
}

uint64_t decode_bytes(const seqmix_attention_problem *problem) {
  uint64_t slots, floats, bytes;
  if (__builtin_mul_overflow(slot_floats(problem), DECODE_HEADS, &slots) ||
      __builtin_add_overflow(tile_padded(problem->head_dim), tile_padded(problem->value_dim),
                             &floats) ||
      __builtin_mul_overflow(floats, DECODE_KEYS, &floats) ||
      __builtin_add_overflow(floats, DECODE_KEYS * DECODE_ROWS + SPARE_SCORES, &floats) ||
      __builtin_add_overflow(floats, slots, &floats) ||
      __builtin_mul_overflow(floats, sizeof(float), &bytes))
    return UINT64_MAX;
  return seqmix_memory_round(bytes);
}

void decode_place(attention_tile *tile, void *scratch, int64_t slot) {
  int64_t d = tile->padded_dim = (int64_t)tile_padded(tile->problem->head_dim);
  int64_t dv = tile->padded_values = (int64_t)tile_padded(tile->problem->value_dim);
  tile->score_step = tile->rows > 4 ? 8 : tile->rows > 2 ? 4 : tile->rows > 1 ? 2 : 1;
  tile->scores = scratch;
  tile->rows_scratch = tile->scores + DECODE_KEYS * DECODE_ROWS + SPARE_SCORES;
  tile->values = tile->rows_scratch + DECODE_KEYS * d;
  float *own = tile->values + DECODE_KEYS * dv + (uint64_t)slot * slot_floats(tile->problem);
  tile->row_keys = (seqmix_key_range *)(void *)own;
  tile->row_begin = (int32_t *)(void *)(tile->row_keys + PRODUCT_COLUMNS);
  tile->row_end = tile->row_begin + PRODUCT_COLUMNS;
  tile->largest = (float *)(void *)(tile->row_end + PRODUCT_COLUMNS);
  tile->denominators = tile->largest + PRODUCT_COLUMNS;
  tile->keep = tile->denominators + PRODUCT_COLUMNS;
  tile->queries = tile->keep + PRODUCT_COLUMNS;
  tile->sums = tile->queries + DECODE_ROWS * d;
}

/* Whether rows of `length` elements can be read where they lie: whole pairs of vectors. */
static int is_in_place(int64_t length) { return length % PRODUCT_COLUMNS == 0; }

/* Whether pairs of vectors of the view come as even and odd elements. */
static int is_split(const seqmix_view *view, int64_t length) {
  return view->dtype == SEQMIX_BF16 && is_in_place(length);
}

/* ---- queries and sums ------------------------------------------------------------------------ */

static void load_query(attention_tile *tile, int64_t r) {
  const seqmix_attention_problem *p = tile->problem;
  float scale = (float)p->scale, *to = tile->queries + r * tile->padded_dim;
  const char *from = tile_element(
      &p->q, seqmix_row_at(&p->q, &tile->sequence, tile_query(tile, r), tile_head(tile, r)));
  const float *row = load_row(tile->rows_scratch, from, p->q.dtype, p->head_dim);
  if (is_split(&p->k, p->head_dim)) {
    for (int64_t d = 0; d < p->head_dim; d += PRODUCT_COLUMNS)
      for (int i = 0; i < LANES; i++) {
        to[d + i] = scale * row[d + 2 * i];
        to[d + LANES + i] = scale * row[d + 2 * i + 1];
      }
    return;
  }
  for (int64_t d = 0; d < p->head_dim; d++) to[d] = scale * row[d];
  for (int64_t d = p->head_dim; d < tile->padded_dim; d++) to[d] = 0;
}

void decode_start(attention_tile *tile) {
  tile_find_row_keys(tile);
  for (int64_t r = 0; r < tile->score_step; r++) {
    tile->largest[r] = -INFINITY;
    tile->denominators[r] = 0;
    if (r < tile->rows)
      load_query(tile, r);
    else
      memset(tile->queries + r * tile->padded_dim, 0, (size_t)tile->padded_dim * sizeof(float));
  }
  memset(tile->sums, 0, (size_t)(tile->score_step * tile->padded_values) * sizeof(float));
}

int decode_order_sums(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  vec poison = vec_of(0);
  for (int64_t at = 0; at < tile->rows * tile->padded_values; at += PRODUCT_COLUMNS) {
    float *pair = tile->sums + at, ordered[PRODUCT_COLUMNS];
    for (int v = 0; v < PRODUCT_VECTORS; v++) poison += vec_load(pair + v * LANES) * vec_of(0);
    if (!is_split(&p->v, p->value_dim)) continue;
    for (int i = 0; i < PRODUCT_COLUMNS; i++) ordered[i] = pair[i / 2 + i % 2 * LANES];
    memcpy(pair, ordered, sizeof ordered);
  }
  return vec_sum(poison) == 0;
}

/* ---- keys and values ------------------------------------------------------------------------- */

/* Copies the rows into f32 with zeros behind them, and lets `rows` point there. */
static void copy_padded(float *to, const char **rows, int64_t count, const seqmix_view *view,
                        int64_t length, int64_t padded_length) {
  for (int64_t j = 0; j < count; j++, to += padded_length) {
    for (int64_t d = 0; d < padded_length; d++)
      to[d] = d < length ? seqmix_load(rows[j], view->dtype, d) : 0;
    rows[j] = (const char *)to;
  }
}

void decode_find_block(const attention_tile *tile, int64_t first, int64_t end,
                       decode_block *block) {
  const seqmix_attention_problem *p = tile->problem;
  int64_t whole = DECODE_KEYS - first % DECODE_KEYS;
  block->first = first;
  block->count = end - first < whole ? end - first : whole;
  tile_find_rows(tile, &p->k, first, block->count, block->keys);
  tile_find_rows(tile, &p->v, first, block->count, block->values);
}

/* Bytes from a kv head to the next. */
static int64_t head_step(const seqmix_view *view) { return tile_bytes_of(view, view->stride[2]); }

static void look_ahead(const seqmix_attention_problem *p, const decode_block *next, int64_t turn,
                       int64_t turns, decode_rows *rows) {
  int64_t begin = next->count * turn / turns, end = next->count * (turn + 1) / turns;
  int64_t key_step = head_step(&p->k), value_step = head_step(&p->v);
  const char **keys = rows->ahead, **values = keys + (end - begin) * turns;
  rows->ahead_count = (end - begin) * turns;
  for (int64_t j = begin; j < end; j++)
    for (int64_t h = 0; h < turns; h++) {
      *keys++ = next->keys[j] + h * key_step;
      *values++ = next->values[j] + h * value_step;
    }
}

void decode_take_turn(attention_tile *tile, const decode_block *block, const decode_block *next,
                      int64_t turn, int64_t turns, decode_rows *rows) {
  const seqmix_attention_problem *p = tile->problem;
  for (int64_t j = 0; j < block->count; j++) {
    rows->keys[j] = block->keys[j] + turn * head_step(&p->k);
    rows->values[j] = block->values[j] + turn * head_step(&p->v);
  }
  look_ahead(p, next, turn, turns, rows);
  rows->key_bytes = tile_bytes_of(&p->k, p->head_dim);
  rows->value_bytes = tile_bytes_of(&p->v, p->value_dim);
  rows->key_dtype = rows->value_dtype = SEQMIX_F32;
  if (is_in_place(p->head_dim))
    rows->key_dtype = p->k.dtype;
  else
    copy_padded(tile->rows_scratch, rows->keys, tile->keys, &p->k, p->head_dim, tile->padded_dim);
  if (is_in_place(p->value_dim))
    rows->value_dtype = p->v.dtype;
  else
    copy_padded(tile->values, rows->values, tile->keys, &p->v, p->value_dim, tile->padded_values);
}
