/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/attention_tile.h"

#include <math.h>

#include "core/element.h"

/* ---- scratch ------------------------------------------------------------------------------- */

uint64_t attention_tile_floats(const seqmix_attention_problem *problem) {
  uint64_t per_dim = SEQMIX_TILE_ROWS + SEQMIX_TILE_KEYS; /* queries, keys; and values, sums */
  uint64_t dims, floats;
  if (__builtin_add_overflow((uint64_t)problem->head_dim, (uint64_t)problem->value_dim, &dims) ||
      __builtin_mul_overflow(dims, per_dim, &floats) ||
      __builtin_add_overflow(floats, SEQMIX_TILE_ROWS * (SEQMIX_TILE_KEYS + 3), &floats))
    return UINT64_MAX;
  return floats;
}

void attention_tile_place(attention_tile *tile, float *scratch) {
  int64_t d = tile->problem->head_dim, dv = tile->problem->value_dim;
  tile->queries = scratch;
  tile->keys_by_dim = tile->queries + SEQMIX_TILE_ROWS * d;
  tile->values = tile->keys_by_dim + SEQMIX_TILE_KEYS * d;
  tile->sums = tile->values + SEQMIX_TILE_KEYS * dv;
  tile->scores = tile->sums + SEQMIX_TILE_ROWS * dv;
  tile->largest = tile->scores + SEQMIX_TILE_ROWS * SEQMIX_TILE_KEYS;
  tile->denominators = tile->largest + SEQMIX_TILE_ROWS;
  tile->keep = tile->denominators + SEQMIX_TILE_ROWS;
}

/* ---- loading ------------------------------------------------------------------------------- */

/* Address of element `at` of a view. */
static const void *element(const seqmix_view *view, int64_t at) {
  return (const char *)view->data + at * (int64_t)seqmix_dtype_size(view->dtype);
}

void attention_tile_load_queries(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  for (int64_t r = 0; r < tile->rows; r++) {
    int64_t at = seqmix_row_at(&p->q, &tile->sequence, attention_tile_query(tile, r),
                               attention_tile_head(tile, r));
    tile->kernels->load(tile->queries + r * p->head_dim, element(&p->q, at), p->q.dtype,
                        p->head_dim);
  }
}

void attention_tile_load_keys(attention_tile *tile, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  /* D has no bound, the stack has: a key is converted in pieces on its way. */
  float piece[SEQMIX_TILE_KEYS];
  tile->first_key = first;
  tile->keys = count;
  for (int64_t j = 0; j < count; j++) {
    int64_t at = seqmix_key_at(p, &p->k, &tile->sequence, first + j, tile->kv_head);
    for (int64_t d = 0; d < p->head_dim; d += SEQMIX_TILE_KEYS) {
      int64_t length = p->head_dim - d < SEQMIX_TILE_KEYS ? p->head_dim - d : SEQMIX_TILE_KEYS;
      tile->kernels->load(piece, element(&p->k, at + d), p->k.dtype, length);
      for (int64_t i = 0; i < length; i++)
        tile->keys_by_dim[(d + i) * SEQMIX_TILE_KEYS + j] = piece[i];
    }
  }
}

void attention_tile_load_values(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  for (int64_t j = 0; j < tile->keys; j++) {
    int64_t at = seqmix_key_at(p, &p->v, &tile->sequence, tile->first_key + j, tile->kv_head);
    tile->kernels->load(tile->values + j * p->value_dim, element(&p->v, at), p->v.dtype,
                        p->value_dim);
  }
  tile->values_finite = tile->kernels->all_finite(tile->values, tile->keys * p->value_dim);
}

/* ---- scores -------------------------------------------------------------------------------- */

void attention_tile_raw_scores(attention_tile *tile) {
  int64_t d = tile->problem->head_dim;
  const seqmix_product scores = {
      .c = tile->scores,
      .a = tile->queries,
      .b = tile->keys_by_dim,
      .c_step = SEQMIX_TILE_KEYS,
      .a_step = d,
      .b_step = SEQMIX_TILE_KEYS,
      .rows = tile->rows,
      .columns = tile->keys,
      .depth = d,
  };
  tile->kernels->product(&scores);
  float scale = (float)tile->problem->scale;
  for (int64_t r = 0; r < tile->rows; r++)
    for (int64_t j = 0; j < tile->keys; j++) tile->scores[r * SEQMIX_TILE_KEYS + j] *= scale;
}

void attention_tile_softcap(attention_tile *tile) {
  float cap = (float)tile->problem->softcap;
  if (!(tile->problem->header.features & SEQMIX_ATTENTION_SOFTCAP)) return;
  for (int64_t r = 0; r < tile->rows; r++) {
    float *row = tile->scores + r * SEQMIX_TILE_KEYS;
    for (int64_t j = 0; j < tile->keys; j++) row[j] = cap * tanhf(row[j] / cap);
  }
}

/* The functions below work on one row: query i of head h; `row` is indexed by key, not by place in
 * the tile. */

static void add_bias(const seqmix_attention_problem *p, int64_t n, int64_t h, int64_t i,
                     seqmix_key_range keys, float *row) {
  for (int64_t j = keys.begin; j < keys.end; j++)
    row[j] += seqmix_load(p->bias.data, p->bias.dtype, seqmix_score_at(&p->bias, n, h, i, j));
}

static void add_alibi(const seqmix_attention_problem *p, int64_t h, int64_t position,
                      seqmix_key_range keys, float *row) {
  float slope = ((const float *)p->alibi.data)[h * p->alibi.stride[0]];
  for (int64_t j = keys.begin; j < keys.end; j++) {
    int64_t distance = position < j ? j - position : position - j;
    row[j] -= slope * (float)distance;
  }
}

static void apply_mask(const seqmix_attention_problem *p, int64_t n, int64_t h, int64_t i,
                       seqmix_key_range keys, float *row) {
  const uint8_t *mask = p->mask.data;
  for (int64_t j = keys.begin; j < keys.end; j++)
    if (!mask[seqmix_score_at(&p->mask, n, h, i, j)]) row[j] = -INFINITY;
}

static void apply_block_map(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                            int64_t i, seqmix_key_range keys, float *row) {
  for (int64_t j = keys.begin; j < keys.end; j++)
    if (!seqmix_block_is_live(p, s, h, i, j)) row[j] = -INFINITY;
}

/* Cuts the row's key range to the block and masks the rest of the block. */
static seqmix_key_range mask_outside(const attention_tile *tile, int64_t i, float *row) {
  int64_t first = tile->first_key, last = tile->first_key + tile->keys;
  seqmix_key_range keys = seqmix_keys_of_rows(tile->problem, &tile->sequence, i, i);
  if (keys.begin < first) keys.begin = first;
  if (keys.end > last) keys.end = last;
  if (keys.begin >= keys.end) keys = (seqmix_key_range){last, last};
  for (int64_t j = first; j < keys.begin; j++) row[j] = -INFINITY;
  for (int64_t j = keys.end; j < last; j++) row[j] = -INFINITY;
  return keys;
}

void attention_tile_terms_and_masks(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  const seqmix_sequence *s = &tile->sequence;
  for (int64_t r = 0; r < tile->rows; r++) {
    int64_t i = attention_tile_query(tile, r), h = attention_tile_head(tile, r);
    float *row = tile->scores + r * SEQMIX_TILE_KEYS - tile->first_key;
    seqmix_key_range keys = mask_outside(tile, i, row);
    if (p->bias.dtype) add_bias(p, s->n, h, i, keys, row);
    if (p->alibi.dtype) add_alibi(p, h, i + s->offset, keys, row);
    if (p->mask.dtype) apply_mask(p, s->n, h, i, keys, row);
    if (p->block_map.dtype) apply_block_map(p, s, h, i, keys, row);
  }
}

int attention_tile_any_block(const attention_tile *tile, int64_t first, int64_t count) {
  const seqmix_attention_problem *p = tile->problem;
  if (!p->block_map.dtype) return 1;
  for (int64_t r = 0; r < tile->rows; r++) {
    int64_t i = attention_tile_query(tile, r), h = attention_tile_head(tile, r);
    for (int64_t j = first; j < first + count; j++) {
      if (seqmix_block_is_live(p, &tile->sequence, h, i, j)) return 1;
      /* On to the last key of this block of the map. */
      j += p->block_map_keys - 1 - j % p->block_map_keys;
    }
  }
  return 0;
}
