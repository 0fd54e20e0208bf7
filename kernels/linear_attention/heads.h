/* SPDX-License-Identifier: Apache-2.0 */
/* Weights where decay is per head, or there is none: matrix products times P(s, t). */
#include "linear_attention/weights.h"

/* P(s, t) for s <= t: [t, s]. An item has some tokens s. */
DEVICE void make_pairs(const weigher *w) {
  FOR_ITEMS(i, CHUNK / LANES) {
    int64_t s = i * LANES;
    lane row = lane_of(0.0f);
    for (int64_t t = 0; t < w->rows; t++) {
      row = with_number(within_f32(lane_of(w->alphas[t]) * row), t - s, 1.0f);
      lane_to_array(w->pairs + t * CHUNK + s, row);
    }
  }
}

/* P(0, t) and P(t, end of the chunk). */
DEVICE void make_products(const weigher *w) {
  if (item_number() != 0) return;
  float product = 1.0f;
  for (int64_t t = 0; t < w->rows; t++) {
    product = product * w->alphas[t];
    if (product > LARGEST) product = LARGEST;
    w->prefix[t] = product;
  }
  product = 1.0f;
  for (int64_t t = w->rows - 1; t >= 0; t--) {
    w->passing[t] = product;
    product = product * w->alphas[t];
    if (product > LARGEST) product = LARGEST;
  }
}

/* Tiles right of the diagonal are left out; what they would hold nobody reads. */
DEVICE void multiply_rows(const weigher *w, int64_t reader, int32_t writer) {
  const linear_call *c = w->c;
  const GLOBAL float *rows = reader_rows(w, reader), *turned = turned_rows(w, writer);
  GLOBAL float *weights = weights_of(w, reader, writer);
  int64_t across = CHUNK / LANES;
  int is_early = is_early_reader(w, reader);
  FOR_ITEMS(i, w->rows / TILE * across) {
    int64_t t = i / across * TILE, s = i % across * LANES;
    if (s >= t + TILE) continue;
    tile_sums sums = no_sums();
    add_product(&sums, rows + t * c->dims, c->dims, 1, turned + s, CHUNK, c->head_dim);
    UNROLL for (int32_t j = 0; j < TILE; j++) {
      int64_t seen = t + j - is_early;
      lane pair = c->decay_kind == DECAY_NONE || seen < 0
                      ? lane_of(1.0f)
                      : lane_from_array(w->pairs + seen * CHUNK + s);
      lane_to_array(weights + (t + j) * CHUNK + s, sums.at[j] * pair);
    }
  }
}

DEVICE void weigh_products(const weigher *w) {
  for (int32_t writer = 0; writer < w->c->writers; writer++)
    for (int64_t reader = first_reader(w); reader < end_of_readers(w); reader++)
      multiply_rows(w, reader, writer);
}

/* Rows of readers times P(0, t), those of writers times P(t, end). */
DEVICE void decay_rows_of_head(const weigher *w) {
  const linear_call *c = w->c;
  int64_t across = c->dims / LANES;
  for (int64_t reader = first_reader(w); reader < end_of_readers(w); reader++) {
    int is_early = is_early_reader(w, reader);
    FOR_ITEMS(i, w->rows * across) {
      int64_t seen = i / across - is_early;
      GLOBAL float *at = reader_rows(w, reader) + i * LANES;
      if (seen >= 0) lane_to_array(at, grown(lane_from_array(at), lane_of(w->prefix[seen])));
    }
  }
  for (int32_t writer = 0; writer < c->writers; writer++) FOR_ITEMS(i, w->rows * across) {
      GLOBAL float *at = writer_rows(&w->k, writer) + i * LANES;
      lane_to_array(at, lane_from_array(at) * lane_of(w->passing[i / across]));
    }
}
