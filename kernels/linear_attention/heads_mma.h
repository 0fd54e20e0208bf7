/* SPDX-License-Identifier: Apache-2.0 */
/* Weights where decay is per head, or there is none: products times P(s, t). */
#include "linear_attention/weights_mma.h"

#define FACTOR_FLOATS (3 * CHUNK)
DEVICE LOCAL float *alphas_of(const weigher *w) { return w->factors; }
DEVICE LOCAL float *prefix_of(const weigher *w) { return w->factors + CHUNK; }      /* P(0, t) */
DEVICE LOCAL float *passing_of(const weigher *w) { return w->factors + 2 * CHUNK; } /* P(t, end) */

/* The decay of the state over the chunk: see exp_in_two(). */
DEVICE void split_decays(const weigher *w) {
  const GLOBAL float *decays = w->k.slot + w->c->decays_at;
  float sum = 0.0f, whole;
  for (int32_t t = 0; t < w->k.count && w->c->decay_kind != DECAY_NONE; t++) sum += decays[t];
  float part = within_f32(exp_in_two(sum, &whole));
  FOR_ITEMS(i, 2 * DIM) { w->k.slot[w->c->keep_at + i] = i < DIM ? whole : part; }
}

/* P(s, t) for s <= t: [t, s]; an item has a token s. And two more the others. */
DEVICE void multiply_decays(const weigher *w) {
  const LOCAL float *alphas = alphas_of(w);
  FOR_ITEMS(s, CHUNK + 2) {
    float product = s == CHUNK ? 1.0f : 0.0f;
    for (int32_t t = 0; t < CHUNK && s <= CHUNK; t++) {
      product = t == s ? 1.0f : within_f32(alphas[t] * product);
      LOCAL float *to = s == CHUNK ? prefix_of(w) + t : w->inverse + t * SQUARE_ROW + s;
      *to = product;
    }
    product = 1.0f;
    for (int32_t t = CHUNK - 1; t >= 0 && s > CHUNK; t--) {
      passing_of(w)[t] = product;
      product = within_f32(product * alphas[t]);
    }
  }
}

DEVICE void weigh_square(weigher *w, int32_t reader, int32_t t, int32_t s) {
  float sums[2][4];
  multiply_by_keys(sums, reader_rows(w, reader) + t * DIM, DIM, w->keys + s * ROW);
  UNROLL for (int32_t i = 0; i < 8; i += 2) {
    int32_t row = t + fragment_row() + i / 2 % 2 * 8, column = s + fragment_column() + i / 4 * 8;
    const LOCAL float *pairs = w->inverse + row * SQUARE_ROW + column;
    store_weights(w, reader, row, column, sums[i / 4][i % 4] * pairs[0],
                  sums[i / 4][i % 4 + 1] * pairs[1]);
  }
}

/* Warps take turns on squares on and left of the diagonal. */
DEVICE void weigh_squares(weigher *w) {
  int32_t number = 0;
  for (int32_t reader = 0; reader < readers_of(w); reader++)
    for (int32_t t = 0; t < w->tiles; t++)
      for (int32_t s = 0; s <= t; s++)
        if (number++ % WARPS == warp_number()) weigh_square(w, reader, t * SQUARE, s * SQUARE);
}

/* Queries times P(0, t) and k times P(t, end), as the walk over chunks reads them. */
DEVICE void finish_rows(weigher *w) {
  int32_t first = warp_item() * (DIM / WARP_ITEMS);
  for (int32_t row = warp_number(); row < (w->c->queries + 1) * CHUNK; row += WARPS) {
    int32_t t = row % CHUNK;
    int is_key = row / CHUNK == w->c->queries;
    GLOBAL float *to = is_key ? w->k.slot + w->c->keys_at + t * DIM : w->k.slot + row * DIM;
    float numbers[DIM / WARP_ITEMS];
    UNROLL for (int32_t i = 0; i < DIM / WARP_ITEMS; i++) numbers[i] =
        is_key ? w->keys[t * ROW + first + i] * passing_of(w)[t]
               : grown(to[first + i], prefix_of(w)[t]);
    store_row(w, to, numbers);
  }
}

DEVICE void weigh_chunk(weigher *w) {
  const GLOBAL float *decays = w->k.slot + w->c->decays_at;
  load_keys(w, w->k.slot + w->c->keys_at);
  split_decays(w);
  FOR_ITEMS(t, CHUNK) { alphas_of(w)[t] = within_f32(number_exp(decays[t])); }
  group_barrier();
  multiply_decays(w);
  group_barrier();
  weigh_squares(w);
  group_barrier();
  finish_rows(w);
}

/* E times P(0, t), in the place of k. */
DEVICE void load_eraser(weigher *w) {
  const GLOBAL float *rows = w->k.slot + w->c->eraser_at;
  FOR_ITEMS(i, CHUNK * DIM) {
    float x = grown(rows[i], prefix_of(w)[i / DIM]);
    w->keys[i / DIM * ROW + i % DIM] = x;
    w->probe = probed(w->probe, x);
  }
}
