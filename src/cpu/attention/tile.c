/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/attention/tile.h"

#include <string.h>

#include "core/memory.h"
#include "cpu/simd/convert.h"

/* ---- scratch ------------------------------------------------------------------------------- */

static uint64_t padded(uint64_t count) {
  return (count + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS * PRODUCT_COLUMNS;
}

/* Arrays of TILE_ROWS beside the panels: scores, and five per row. */
enum { ROW_ARRAYS = TILE_KEYS + 5 };

uint64_t tile_bytes(const seqmix_attention_problem *problem) {
  uint64_t d = padded((uint64_t)problem->head_dim), dv = padded((uint64_t)problem->value_dim);
  uint64_t dims, floats, bytes;
  if (__builtin_add_overflow(d, dv, &dims) ||
      __builtin_mul_overflow(dims, TILE_ROWS + TILE_KEYS, &floats) ||
      __builtin_add_overflow(floats, dv + TILE_ROWS * ROW_ARRAYS, &floats) ||
      __builtin_mul_overflow(floats, sizeof(float), &bytes))
    return UINT64_MAX;
  return seqmix_memory_round(bytes);
}

uint64_t tile_index_bytes(const seqmix_attention_problem *problem) {
  return seqmix_memory_round(((uint64_t)problem->sequences + 1) * sizeof(int64_t));
}

void tile_place(attention_tile *tile, void *scratch) {
  int64_t d = tile->padded_dim = (int64_t)padded((uint64_t)tile->problem->head_dim);
  int64_t dv = tile->padded_values = (int64_t)padded((uint64_t)tile->problem->value_dim);
  tile->queries = scratch;
  tile->scores = tile->queries + TILE_ROWS * d;
  tile->sums = tile->scores + TILE_KEYS * TILE_ROWS;
  tile->values = tile->sums + TILE_ROWS * dv;
  tile->largest = tile->values + TILE_KEYS * dv;
  tile->denominators = tile->largest + TILE_ROWS;
  tile->keep = tile->denominators + TILE_ROWS;
  tile->row_begin = (int32_t *)(tile->keep + TILE_ROWS);
  tile->row_end = tile->row_begin + TILE_ROWS;
  tile->key_scratch = (float *)(tile->row_end + TILE_ROWS);
}

/* ---- loading ------------------------------------------------------------------------------- */

void tile_load_queries(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  float scale = (float)p->scale;
  for (int64_t r = 0; r < tile_panels(tile) * PRODUCT_COLUMNS; r++) {
    float *to =
        tile->queries + r / PRODUCT_COLUMNS * PRODUCT_COLUMNS * p->head_dim + r % PRODUCT_COLUMNS;
    if (r >= tile->rows) {
      for (int64_t d = 0; d < p->head_dim; d++) to[d * PRODUCT_COLUMNS] = 0;
      continue;
    }
    int64_t at = seqmix_row_at(&p->q, &tile->sequence, tile_query(tile, r), tile_head(tile, r));
    const float *from =
        load_row(tile->key_scratch, tile_element(&p->q, at), p->q.dtype, p->head_dim);
    for (int64_t d = 0; d < p->head_dim; d++) to[d * PRODUCT_COLUMNS] = scale * from[d];
  }
}

void tile_load_keys(attention_tile *tile, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  tile->first_key = first;
  tile->keys = count;
  if (p->k.dtype == SEQMIX_F32 && !p->page_size) {
    tile->key_step = p->k.stride[1];
    tile->key_rows =
        count == 0
            ? NULL
            : tile_element(&p->k, seqmix_key_at(p, &p->k, &tile->sequence, first, tile->kv_head));
    return;
  }
  tile->key_rows = tile->key_scratch;
  tile->key_step = p->head_dim;
  for (int64_t j = 0; j < count; j++) {
    float *to = tile->key_scratch + j * p->head_dim;
    int64_t at = seqmix_key_at(p, &p->k, &tile->sequence, first + j, tile->kv_head);
    const float *row = load_row(to, tile_element(&p->k, at), p->k.dtype, p->head_dim);
    if (row != to) memcpy(to, row, (size_t)p->head_dim * sizeof(float));
  }
}

/* Copies a row of values into its panels and reports bits that are set where an element is
 * infinite or NaN. */
static ivec pack_row(float *to, const float *from, int64_t count) {
  const int64_t panel = (int64_t)TILE_KEYS * PRODUCT_COLUMNS;
  ivec special = {0};
  int64_t i = 0;
  for (; i + PRODUCT_COLUMNS <= count; i += PRODUCT_COLUMNS, to += panel)
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      vec x = vec_load(from + i + v * LANES);
      special |= (vec_bits(x) & 0x7f800000) == 0x7f800000;
      vec_store(to + v * LANES, x);
    }
  if (i == count) return special;
  for (int64_t j = 0; j < PRODUCT_COLUMNS; j++) to[j] = i + j < count ? from[i + j] : 0;
  for (int v = 0; v < PRODUCT_VECTORS; v++)
    special |= (vec_bits(vec_load(to + v * LANES)) & 0x7f800000) == 0x7f800000;
  return special;
}

void tile_load_values(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  /* The last array of the scratch: one row as it comes from converting. */
  float *row = tile->key_scratch + TILE_KEYS * tile->padded_dim;
  ivec special = {0};
  for (int64_t j = 0; j < tile->keys; j++) {
    int64_t at = seqmix_key_at(p, &p->v, &tile->sequence, tile->first_key + j, tile->kv_head);
    const float *from = load_row(row, tile_element(&p->v, at), p->v.dtype, p->value_dim);
    special |= pack_row(tile->values + j * PRODUCT_COLUMNS, from, p->value_dim);
  }
  tile->values_finite = 1;
  for (int i = 0; i < LANES; i++)
    if (special[i]) tile->values_finite = 0;
}

/* ---- which keys ------------------------------------------------------------------------------ */

static int32_t within_block(const attention_tile *tile, int64_t key) {
  int64_t place = key - tile->first_key;
  return place < 0 ? 0 : place > tile->keys ? (int32_t)tile->keys : (int32_t)place;
}

int tile_find_live(attention_tile *tile) {
  int any = 0;
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) {
    tile_range all = {(int32_t)tile->keys, 0}, common = {0, (int32_t)tile->keys};
    for (int64_t r = panel * PRODUCT_COLUMNS; r < (panel + 1) * PRODUCT_COLUMNS; r++) {
      /* Padding does as the last row does: what it computes is finite and goes nowhere. */
      int64_t i = tile_query(tile, r < tile->rows ? r : tile->rows - 1);
      seqmix_key_range keys = seqmix_keys_of_rows(tile->problem, &tile->sequence, i, i);
      tile_range row = {within_block(tile, keys.begin), within_block(tile, keys.end)};
      if (row.begin >= row.end) row = (tile_range){0, 0};
      tile->row_begin[r] = row.begin;
      tile->row_end[r] = row.end;
      if (row.begin < row.end) {
        if (row.begin < all.begin) all.begin = row.begin;
        if (row.end > all.end) all.end = row.end;
      }
      if (row.begin > common.begin) common.begin = row.begin;
      if (row.end < common.end) common.end = row.end;
    }
    if (all.begin >= all.end) all = (tile_range){0, 0};
    tile->live[panel] = all;
    tile->is_cut[panel] = common.begin > all.begin || common.end < all.end;
    any |= all.begin < all.end;
  }
  return any;
}

int tile_any_block(const attention_tile *tile, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  if (!p->block_map.dtype) return 1;
  for (int64_t r = 0; r < tile->rows; r++) {
    int64_t i = tile_query(tile, r), h = tile_head(tile, r);
    for (int64_t j = first; j < first + count; j++) {
      if (seqmix_block_is_live(p, &tile->sequence, h, i, j)) return 1;
      /* On to the last key of this block of the map. */
      j += p->block_map_keys - 1 - j % p->block_map_keys;
    }
  }
  return 0;
}

/* ---- scores ---------------------------------------------------------------------------------- */

void tile_prefetch(const attention_tile *tile, const seqmix_view *view, int64_t length,
                   int64_t first, int64_t end) {
  const int64_t line = 64;
  for (int64_t j = first; j < end; j++) {
    int64_t at = seqmix_key_at(tile->problem, view, &tile->sequence, j, tile->kv_head);
    const char *row = tile_element(view, at), *last = tile_element(view, at + length - 1);
    for (; row <= last; row += line) __builtin_prefetch(row, 0, 2);
    __builtin_prefetch(last, 0, 2);
  }
}

/* Scores of one panel. While the first panel is computed, the values of the same keys are fetched:
 * rows of one head lie far apart, which no hardware prefetcher follows. */
static void raw_scores_of_panel(attention_tile *tile, int64_t panel) {
  const seqmix_attention_problem *p = tile->problem;
  tile_range live = tile->live[panel];
  product_tile product = {
      .a = tile->key_rows + live.begin * tile->key_step,
      .b = tile->queries + panel * PRODUCT_COLUMNS * p->head_dim,
      .c = tile->scores + (int64_t)live.begin * TILE_ROWS + panel * PRODUCT_COLUMNS,
      .a_row = tile->key_step,
      .c_row = TILE_ROWS,
      .depth = p->head_dim,
  };
  int64_t j = live.begin;
  for (; j + PRODUCT_ROWS <= live.end; j += PRODUCT_ROWS) {
    if (panel == 0)
      tile_prefetch(tile, &p->v, p->value_dim, tile->first_key + j,
                    tile->first_key + j + PRODUCT_ROWS);
    product_strided(&product);
    product.a += PRODUCT_ROWS * product.a_row;
    product.c += PRODUCT_ROWS * product.c_row;
  }
  if (j < live.end) product_strided_part(&product, live.end - j);
}

void tile_raw_scores(attention_tile *tile) {
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) raw_scores_of_panel(tile, panel);
}
