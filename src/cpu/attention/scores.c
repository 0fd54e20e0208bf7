/* SPDX-License-Identifier: Apache-2.0 */
/* The scores output: a second walk over the keys, after the softmax of the rows is known. It costs
 * the product q.k again, and keeps the way without scores free of it. */
#include <math.h>

#include "core/element.h"
#include "cpu/attention/tile.h"

/* Raw and capped scores are those of all keys, so no row's range is cut and no block hidden. */
static void take_all_keys(attention_tile *tile) {
  for (int64_t panel = 0; panel < tile_panels(tile); panel++)
    tile->live[panel] = (tile_range){0, (int32_t)tile->keys};
}

static void compute_block(attention_tile *tile) {
  int32_t mode = tile->problem->scores_mode;
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) tile->is_hidden[panel] = 0;
  tile_find_live(tile);
  take_all_keys(tile);
  tile_raw_scores(tile);
  if (mode >= SEQMIX_SCORES_SOFTCAP && tile->problem->softcap > 0) tile_apply_softcap(tile);
  if (mode >= SEQMIX_SCORES_BIAS) tile_add_terms(tile);
}

/* The score of key j of the block for row r, as the mode has it. */
static float score_of(const attention_tile *tile, int64_t r, int64_t j) {
  float score = tile->scores[j * TILE_STEP + r];
  int32_t mode = tile->problem->scores_mode;
  if (mode <= SEQMIX_SCORES_SOFTCAP) return score;
  if (j < tile->row_begin[r] || j >= tile->row_end[r]) score = -INFINITY;
  if (mode == SEQMIX_SCORES_BIAS) return score;
  /* Not exp(-inf - -inf) for a row without keys: what is masked is 0. */
  return score == -INFINITY ? 0 : expf(score - tile->largest[r]) / tile->denominators[r];
}

static void write_row(const attention_tile *tile, int64_t r, int64_t first, int64_t live,
                      int64_t count) {
  const seqmix_view *scores = &tile->problem->scores;
  float absent = tile->problem->scores_mode == SEQMIX_SCORES_PROBABILITIES ? 0 : -INFINITY;
  int64_t at =
      seqmix_score_at(scores, tile->sequence.n, tile_head(tile, r), tile_query(tile, r), first);
  for (int64_t j = 0; j < count; j++)
    seqmix_store(scores->data, scores->dtype, at + j, j < live ? score_of(tile, r, j) : absent);
}

void tile_write_scores(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  const seqmix_sequence *s = &tile->sequence;
  for (int64_t first = 0; first < p->key_length; first += TILE_KEYS) {
    int64_t count = p->key_length - first < TILE_KEYS ? p->key_length - first : TILE_KEYS;
    int64_t live = s->k_live - first;
    live = live < 0 ? 0 : live < count ? live : count;
    tile_load_keys(tile, first, live);
    if (live > 0) compute_block(tile);
    for (int64_t r = 0; r < tile->rows; r++)
      write_row(tile, r, first, tile_query(tile, r) < s->q_live ? live : 0, count);
  }
}
