/* SPDX-License-Identifier: Apache-2.0 */
/* What comes on top of the raw scores of a tile: softcap, bias, ALiBi, and the masks that are
 * tensors. (Lengths and windows are ranges of keys: see tile_find_live.) */
#include <math.h>

#include "core/element.h"
#include "cpu/attention/tile.h"
#include "cpu/simd/math.h"

void tile_apply_softcap(attention_tile *tile) {
  vec cap = vec_of((float)tile->problem->softcap), inverse = vec_of(1) / cap;
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) {
    float *scores = tile->scores + panel * PRODUCT_COLUMNS;
    for (int64_t j = tile->live[panel].begin; j < tile->live[panel].end; j++)
      for (int v = 0; v < PRODUCT_VECTORS; v++) {
        float *at = scores + j * TILE_STEP + v * LANES;
        vec_store(at, cap * vec_tanh(vec_load(at) * inverse));
      }
  }
}

/* The functions below work on one row: query i of head h, scores `step` apart; key j of the
 * sequence is at place j - first of the block. */
typedef struct tile_row {
  const seqmix_attention_problem *problem;
  const seqmix_sequence *sequence;
  int64_t h, i;
  int64_t first;
  int64_t begin, end; /* keys of the sequence */
  int64_t step;
  float *scores;
} tile_row;

static void add_bias(const tile_row *row) {
  const seqmix_view *bias = &row->problem->bias;
  for (int64_t j = row->begin; j < row->end; j++)
    row->scores[(j - row->first) * row->step] += seqmix_load(
        bias->data, bias->dtype, seqmix_score_at(bias, row->sequence->n, row->h, row->i, j));
}

static void add_alibi(const tile_row *row) {
  const seqmix_view *alibi = &row->problem->alibi;
  float slope = ((const float *)alibi->data)[row->h * alibi->stride[0]];
  int64_t position = row->i + row->sequence->offset;
  for (int64_t j = row->begin; j < row->end; j++) {
    int64_t distance = position < j ? j - position : position - j;
    row->scores[(j - row->first) * row->step] -= slope * (float)distance;
  }
}

static void apply_mask(const tile_row *row) {
  const seqmix_view *mask = &row->problem->mask;
  const uint8_t *bytes = mask->data;
  for (int64_t j = row->begin; j < row->end; j++)
    if (!bytes[seqmix_score_at(mask, row->sequence->n, row->h, row->i, j)])
      row->scores[(j - row->first) * row->step] = -INFINITY;
}

static void apply_block_map(const tile_row *row) {
  int64_t map_keys = row->problem->block_map_keys;
  for (int64_t j = row->begin, end; j < row->end; j = end) {
    int64_t left = map_keys - j % map_keys; /* to the end of this block of the map */
    end = left < row->end - j ? j + left : row->end;
    if (seqmix_block_is_live(row->problem, row->sequence, row->h, row->i, j)) continue;
    for (int64_t dead = j; dead < end; dead++)
      row->scores[(dead - row->first) * row->step] = -INFINITY;
  }
}

void tile_add_terms(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  if (!(p->header.features & (SEQMIX_ATTENTION_BIAS | SEQMIX_ATTENTION_ALIBI |
                              SEQMIX_ATTENTION_MASK | SEQMIX_ATTENTION_BLOCK_MAP)))
    return;
  for (int64_t r = 0; r < tile->rows; r++) {
    const tile_row row = {
        .problem = p,
        .sequence = &tile->sequence,
        .h = tile_head(tile, r),
        .i = tile_query(tile, r),
        .first = tile->first_key,
        .begin = tile->first_key + tile->row_begin[r],
        .end = tile->first_key + tile->row_end[r],
        .step = tile->score_step,
        .scores = tile->scores + r,
    };
    if (p->bias.dtype) add_bias(&row);
    if (p->alibi.dtype) add_alibi(&row);
    if (p->mask.dtype) apply_mask(&row);
    if (p->block_map.dtype) apply_block_map(&row);
  }
}
