/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of q, k and v into a tile's scratch.
 *
 * Where tokens are rows of [T, H, D], the rows of one head are a power of two apart: they fall into
 * the same few sets of every cache, and each lies on a page of its own. Left there, the rows of a
 * block throw each other out before they have served all queries; fetched long ahead, they do so
 * before their first use. So each block is copied once, side by side, and a row is fetched only as
 * far ahead as memory takes to answer. */
#include <string.h>

#include "core/element.h"
#include "cpu/attention/tile.h"
#include "cpu/simd/convert.h"
#include "cpu/simd/turn.h"

/* ---- queries --------------------------------------------------------------------------------- */

/* Row r in f32, converted at `scratch` if need be; zeros beyond the tile's rows. */
static const float *query_row(const attention_tile *tile, int64_t r, float *scratch) {
  const seqmix_attention_problem *p = tile->problem;
  if (r >= tile->rows) return memset(scratch, 0, (size_t)p->head_dim * sizeof(float));
  int64_t at = seqmix_row_at(&p->q, &tile->sequence, tile_query(tile, r), tile_head(tile, r));
  return load_row(scratch, tile_element(&p->q, at), p->q.dtype, p->head_dim);
}

void tile_load_queries(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  for (int64_t r = 0; r < tile_panels(tile) * PRODUCT_COLUMNS; r += 4) {
    const float *rows[4];
    for (int i = 0; i < 4; i++)
      rows[i] = query_row(tile, r + i, tile->rows_scratch + i * p->head_dim);
    float *panel = tile->queries + r / PRODUCT_COLUMNS * PRODUCT_COLUMNS * p->head_dim;
    turn_rows(panel + r % PRODUCT_COLUMNS, rows, (float)p->scale, p->head_dim);
  }
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* `dtype` is a constant wherever this and what follows is inlined. */
SEQMIX_INLINE void copy_rows(float *to, const char *const *rows, int64_t count, int64_t length,
                             int32_t dtype) {
  const int64_t step = dtype == SEQMIX_F32 ? 4 : 2;
  for (int64_t j = 0; j < count; j++, to += length) {
    if (j + ROWS_AHEAD < count) prefetch_row(rows[j + ROWS_AHEAD], length * step);
    int64_t d = 0;
    for (; d + LANES <= length; d += LANES)
      vec_store(to + d, load_vector(rows[j] + d * step, dtype));
    for (; d < length; d++) to[d] = seqmix_load(rows[j], dtype, d);
  }
}

/* Whether keys can serve from where they lie: in f32, one soon after the other. */
static int are_keys_close(const seqmix_attention_problem *p) {
  int64_t step = p->k.stride[1];
  return p->k.dtype == SEQMIX_F32 && !p->page_size && step >= 0 && step <= 2 * p->head_dim;
}

void tile_load_keys(attention_tile *tile, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  const char *rows[TILE_KEYS];
  tile->first_key = first;
  tile->keys = count;
  tile_find_rows(tile, &p->k, first, count, rows);
  if (are_keys_close(p) && count) {
    tile->key_rows = (const float *)(const void *)rows[0];
    tile->key_step = p->k.stride[1];
    return;
  }
  float *to = tile->rows_scratch;
  tile->key_rows = to;
  tile->key_step = p->head_dim;
  if (p->k.dtype == SEQMIX_F32)
    copy_rows(to, rows, count, p->head_dim, SEQMIX_F32);
  else if (p->k.dtype == SEQMIX_BF16)
    copy_rows(to, rows, count, p->head_dim, SEQMIX_BF16);
  else
    copy_rows(to, rows, count, p->head_dim, SEQMIX_F16);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Copies `columns` elements of a row, PRODUCT_COLUMNS at most, into a panel and fills it up with
 * zeros. */
static void pack_part(float *to, const char *from, int64_t columns, int32_t dtype) {
  for (int64_t i = 0; i < PRODUCT_COLUMNS; i++)
    to[i] = i < columns ? seqmix_load(from, dtype, i) : 0;
}

/* Copies rows into panels; a sum of 0 * x says whether all were finite. */
SEQMIX_INLINE int pack_rows(float *values, const char *const *rows, int64_t count, int64_t length,
                            int32_t dtype) {
  const int64_t step = dtype == SEQMIX_F32 ? 4 : 2;
  const int64_t panel = (int64_t)TILE_KEYS * PRODUCT_COLUMNS;
  vec poison = vec_of(0);
  for (int64_t j = 0; j < count; j++, values += PRODUCT_COLUMNS) {
    float *to = values;
    int64_t d = 0;
    if (j + ROWS_AHEAD < count) prefetch_row(rows[j + ROWS_AHEAD], length * step);
    for (; d + PRODUCT_COLUMNS <= length; d += PRODUCT_COLUMNS, to += panel)
#pragma GCC unroll 4
      for (int v = 0; v < PRODUCT_VECTORS; v++) {
        vec x = load_vector(rows[j] + (d + v * LANES) * step, dtype);
        poison += x * vec_of(0);
        vec_store(to + v * LANES, x);
      }
    if (d == length) continue;
    pack_part(to, rows[j] + d * step, length - d, dtype);
    for (int v = 0; v < PRODUCT_VECTORS; v++) poison += vec_load(to + v * LANES) * vec_of(0);
  }
  return vec_sum(poison) == 0;
}

void tile_load_values(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  const char *rows[TILE_KEYS];
  float *to = tile->rows_scratch;
  tile->values = to;
  tile_find_rows(tile, &p->v, tile->first_key, tile->keys, rows);
  if (p->v.dtype == SEQMIX_F32)
    tile->values_finite = pack_rows(to, rows, tile->keys, p->value_dim, SEQMIX_F32);
  else if (p->v.dtype == SEQMIX_BF16)
    tile->values_finite = pack_rows(to, rows, tile->keys, p->value_dim, SEQMIX_BF16);
  else
    tile->values_finite = pack_rows(to, rows, tile->keys, p->value_dim, SEQMIX_F16);
}

void tile_unpack_values(const attention_tile *tile, int64_t j, int64_t column,
                        float to[PRODUCT_COLUMNS]) {
  const int64_t panel = (int64_t)TILE_KEYS * PRODUCT_COLUMNS;
  memcpy(to, tile->values + column / PRODUCT_COLUMNS * panel + j * PRODUCT_COLUMNS,
         PRODUCT_COLUMNS * sizeof *to);
}

/* ---- weights --------------------------------------------------------------------------------- */

tile_range tile_pack_weights(attention_tile *tile, tile_range live, int64_t r) {
  (void)tile;
  (void)r;
  return live;
}

float tile_weight(const attention_tile *tile, int64_t j, int64_t r) {
  return tile->scores[j * TILE_STEP + r];
}
