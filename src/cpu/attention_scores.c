/* SPDX-License-Identifier: Apache-2.0 */
/* The scores output: a second walk over the keys, after the softmax of the rows is known. It costs
 * the product q.k again, and keeps the way without scores free of it. */
#include <math.h>

#include "core/element.h"
#include "cpu/attention_tile.h"

/* exp(s - lse) from the tile's statistics, which the sink has entered already. */
static void to_probabilities(attention_tile *tile) {
  for (int64_t r = 0; r < tile->rows; r++) {
    float *row = tile->scores + r * SEQMIX_TILE_KEYS;
    for (int64_t j = 0; j < tile->keys; j++)
      /* Not 0 * inf or inf - inf for rows without keys: what is masked is 0. */
      row[j] = row[j] == -INFINITY ? 0 : expf(row[j] - tile->largest[r]) / tile->denominators[r];
  }
}

static void compute_block(attention_tile *tile) {
  int32_t mode = tile->problem->scores_mode;
  attention_tile_raw_scores(tile);
  if (mode >= SEQMIX_SCORES_SOFTCAP) attention_tile_softcap(tile);
  if (mode >= SEQMIX_SCORES_BIAS) attention_tile_terms_and_masks(tile);
  if (mode >= SEQMIX_SCORES_PROBABILITIES) to_probabilities(tile);
}

/* Writes keys first .. first+count-1 of a row, from `from` or, where it is NULL, `value`. */
static void write_row(const attention_tile *tile, int64_t r, int64_t first, int64_t count,
                      const float *from, float value) {
  const seqmix_view *scores = &tile->problem->scores;
  int64_t at = seqmix_score_at(scores, tile->sequence.n, attention_tile_head(tile, r),
                               attention_tile_query(tile, r), first);
  for (int64_t j = 0; j < count; j++)
    seqmix_store(scores->data, scores->dtype, at + j * scores->stride[3], from ? from[j] : value);
}

void attention_tile_write_scores(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  const seqmix_sequence *s = &tile->sequence;
  float absent = p->scores_mode == SEQMIX_SCORES_PROBABILITIES ? 0 : -INFINITY;
  for (int64_t first = 0; first < p->key_length; first += SEQMIX_TILE_KEYS) {
    int64_t count =
        p->key_length - first < SEQMIX_TILE_KEYS ? p->key_length - first : SEQMIX_TILE_KEYS;
    int64_t live = s->k_live - first < 0       ? 0
                   : s->k_live - first < count ? s->k_live - first
                                               : count;
    attention_tile_load_keys(tile, first, live);
    if (live > 0) compute_block(tile);
    for (int64_t r = 0; r < tile->rows; r++) {
      int64_t known = attention_tile_query(tile, r) < s->q_live ? live : 0;
      write_row(tile, r, first, known, tile->scores + r * SEQMIX_TILE_KEYS, 0);
      write_row(tile, r, first + known, count - known, NULL, absent);
    }
  }
}
