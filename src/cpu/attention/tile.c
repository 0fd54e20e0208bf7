/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/attention/tile.h"

#include <string.h>

#include "core/memory.h"
#include "cpu/simd/convert.h"

/* ---- scratch ------------------------------------------------------------------------------- */

/* Arrays of TILE_ROWS beside the panels and scores. */
enum { ROW_ARRAYS = 5 + sizeof(seqmix_key_range) / sizeof(float) };

uint64_t tile_bytes(const seqmix_attention_problem *problem) {
  uint64_t d = tile_padded(problem->head_dim), dv = tile_padded(problem->value_dim);
  uint64_t dims, floats, rows, bytes;
  if (__builtin_add_overflow(d, dv, &dims) || __builtin_mul_overflow(dims, TILE_ROWS, &floats) ||
      __builtin_mul_overflow(d > dv ? d : dv, TILE_KEYS, &rows) ||
      __builtin_add_overflow(floats, rows, &floats) ||
      __builtin_add_overflow(floats, TILE_KEYS * TILE_STEP + TILE_ROWS * ROW_ARRAYS, &floats) ||
      __builtin_mul_overflow(floats, sizeof(float), &bytes))
    return UINT64_MAX;
  return seqmix_memory_round(bytes);
}

uint64_t tile_index_bytes(const seqmix_attention_problem *problem) {
  return seqmix_memory_round(((uint64_t)problem->sequences + 1) * sizeof(int64_t));
}

void tile_place(attention_tile *tile, void *scratch) {
  int64_t d = tile->padded_dim = (int64_t)tile_padded(tile->problem->head_dim);
  int64_t dv = tile->padded_values = (int64_t)tile_padded(tile->problem->value_dim);
  tile->score_step = TILE_STEP;
  tile->depth = (tile->problem->head_dim + PRODUCT_UNIT - 1) / PRODUCT_UNIT;
  tile->queries = scratch;
  tile->scores = tile->queries + TILE_ROWS * d;
  tile->sums = tile->scores + TILE_KEYS * TILE_STEP;
  tile->largest = tile->sums + TILE_ROWS * dv;
  tile->denominators = tile->largest + TILE_ROWS;
  tile->keep = tile->denominators + TILE_ROWS;
  tile->row_begin = (int32_t *)(tile->keep + TILE_ROWS);
  tile->row_end = tile->row_begin + TILE_ROWS;
  tile->row_keys = (seqmix_key_range *)(void *)(tile->row_end + TILE_ROWS);
  tile->rows_scratch = (float *)(void *)(tile->row_keys + TILE_ROWS);
}

/* ---- rows ------------------------------------------------------------------------------------ */

void tile_find_rows(const attention_tile *tile, const seqmix_view *view, int64_t first,
                    int64_t count, const char **rows) {
  const seqmix_attention_problem *p = tile->problem;
  int64_t step = tile_bytes_of(view, view->stride[1]);
  for (int64_t j = 0, run; j < count; j += run) {
    int64_t at = seqmix_key_at(p, view, &tile->sequence, first + j, tile->kv_head);
    const char *row = tile_element(view, at);
    run = p->page_size ? p->page_size - (first + j) % p->page_size : count;
    if (run > count - j) run = count - j;
    for (int64_t i = 0; i < run; i++) rows[j + i] = row + i * step;
  }
}

/* ---- which keys ------------------------------------------------------------------------------ */

static int32_t within_block(const attention_tile *tile, int64_t key) {
  int64_t place = key - tile->first_key;
  return place < 0 ? 0 : place > tile->keys ? (int32_t)tile->keys : (int32_t)place;
}

void tile_find_row_keys(attention_tile *tile) {
  for (int64_t r = 0; r < tile_panels(tile) * PRODUCT_COLUMNS; r++) {
    /* Padding does as the last row does: what it computes is finite and goes nowhere. */
    int64_t i = tile_query(tile, r < tile->rows ? r : tile->rows - 1);
    tile->row_keys[r] = r > 0 && i == tile_query(tile, r - 1)
                            ? tile->row_keys[r - 1]
                            : seqmix_keys_of_rows(tile->problem, &tile->sequence, i, i);
    seqmix_key_range *common = &tile->common[r / PRODUCT_COLUMNS], own = tile->row_keys[r];
    if (r % PRODUCT_COLUMNS == 0) *common = own;
    if (own.begin > common->begin) common->begin = own.begin;
    if (own.end < common->end) common->end = own.end;
  }
}

/* All rows of a panel see the same keys. */
static void set_live(attention_tile *tile, int64_t panel, tile_range live) {
  tile->live[panel] = live;
  tile->is_cut[panel] = 0;
  for (int64_t r = panel * PRODUCT_COLUMNS; r < (panel + 1) * PRODUCT_COLUMNS; r++) {
    tile->row_begin[r] = live.begin;
    tile->row_end[r] = live.end;
  }
}

/* Nothing is cut from the present block for any row of a panel: the common case. */
static int is_whole(const attention_tile *tile, int64_t panel) {
  seqmix_key_range common = tile->common[panel];
  return tile->first_key >= common.begin && tile->first_key + tile->keys <= common.end;
}

int tile_find_live(attention_tile *tile) {
  int any = 0;
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) {
    if (tile->problem->block_map.dtype && tile->is_hidden[panel]) {
      set_live(tile, panel, (tile_range){0, 0});
      continue;
    }
    if (is_whole(tile, panel)) {
      set_live(tile, panel, (tile_range){0, (int32_t)tile->keys});
      any |= tile->keys > 0;
      continue;
    }
    tile_range all = {(int32_t)tile->keys, 0}, common = {0, (int32_t)tile->keys};
    for (int64_t r = panel * PRODUCT_COLUMNS; r < (panel + 1) * PRODUCT_COLUMNS; r++) {
      tile_range row = {within_block(tile, tile->row_keys[r].begin),
                        within_block(tile, tile->row_keys[r].end)};
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

/* Whether the map leaves any of keys first .. first+count-1 to a row. */
static int sees_block(const attention_tile *tile, int64_t r, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  int64_t i = tile_query(tile, r), h = tile_head(tile, r);
  for (int64_t j = first; j < first + count; j++) {
    if (seqmix_block_is_live(p, &tile->sequence, h, i, j)) return 1;
    /* On to the last key of this block of the map. */
    j += p->block_map_keys - 1 - j % p->block_map_keys;
  }
  return 0;
}

int tile_any_block(attention_tile *tile, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  if (!p->block_map.dtype) return 1;
  int any = 0;
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) tile->is_hidden[panel] = 1;
  for (int64_t r = 0, next; r < tile->rows; r = next) {
    /* Without a group, neighbouring rows share a row of the map. */
    next = tile->group > 1
               ? r + 1
               : r + p->block_map_queries - (tile->first_row + r) % p->block_map_queries;
    if (!sees_block(tile, r, first, count)) continue;
    any = 1;
    for (int64_t seen = r; seen < next && seen < tile->rows; seen++)
      tile->is_hidden[seen / PRODUCT_COLUMNS] = 0;
  }
  return any;
}

int64_t tile_next_block(const seqmix_attention_problem *p, int64_t first) {
  if (!p->block_map.dtype || p->block_map_keys >= INT32_MAX)
    return (first / TILE_KEYS + 1) * TILE_KEYS;
  int64_t map_keys = p->block_map_keys;
  if (map_keys <= TILE_KEYS) {
    int64_t whole = TILE_KEYS / map_keys * map_keys;
    return (first / whole + 1) * whole;
  }
  int64_t pieces = (map_keys + TILE_KEYS - 1) / TILE_KEYS, piece = (map_keys + pieces - 1) / pieces;
  int64_t start = first / map_keys * map_keys, next = start + ((first - start) / piece + 1) * piece;
  return next < start + map_keys ? next : start + map_keys;
}

/* ---- scores ---------------------------------------------------------------------------------- */

static void raw_scores_of_panel(attention_tile *tile, int64_t panel) {
  tile_range live = tile->live[panel];
  product_tile product = {
      .a = tile->key_rows + live.begin * tile->key_step,
      .b = tile->queries + panel * PRODUCT_COLUMNS * tile->depth,
      .c = tile->scores + (int64_t)live.begin * TILE_STEP + panel * PRODUCT_COLUMNS,
      .a_row = tile->key_step,
      .c_row = TILE_STEP,
      .depth = tile->depth,
      .scale = (float)tile->problem->scale,
  };
  int64_t j = live.begin;
  for (; j + PRODUCT_ROWS <= live.end; j += PRODUCT_ROWS) {
    product_strided(&product);
    product.a += PRODUCT_ROWS * product.a_row;
    product.c += PRODUCT_ROWS * product.c_row;
  }
  if (j == live.end) return;
  if (live.end - live.begin < PRODUCT_ROWS) {
    product_strided_part(&product, live.end - j);
    return;
  }
  /* The last keys once more with those before them: whole tiles are faster than parts. */
  int64_t back = PRODUCT_ROWS - (live.end - j);
  product.a -= back * product.a_row;
  product.c -= back * product.c_row;
  product_strided(&product);
}

void tile_raw_scores(attention_tile *tile) {
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) raw_scores_of_panel(tile, panel);
}
