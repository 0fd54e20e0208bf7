/* SPDX-License-Identifier: Apache-2.0 */
/* Weights where decay is per key channel: reader_t . (P(s, t) writer_s), P a vector.
 *
 * The chunk is cut into tiles of SQUARE tokens. Within a tile P(s, t) k_s is carried from token to
 * token by one multiplication, and the reader takes its dot product with it. Between tiles the
 * decay is split at the later tile's beginning b,
 *
 *     reader_t . P(s, t) k_s = (P(b, t) reader_t) . (P(s, b) k_s),
 *
 * which is a product on tensor cores: k of earlier tiles is in local memory, times the decay of
 * each tile that has passed. */
#include "linear_attention/weights_mma.h"

#define FACTOR_FLOATS (DIM + SQUARE * ROW)
DEVICE LOCAL float *prefix_of(const weigher *w) { return w->factors; }     /* P(0, b) */
DEVICE LOCAL float *tile_of(const weigher *w) { return w->factors + DIM; } /* P(b, t) reader_t */

/* exp of decays in their place, when the decay of the state over the chunk has been made of them:
 * see exp_in_two(). An item has a channel. */
DEVICE void split_decays(const weigher *w) {
  GLOBAL float *decays = w->k.slot + w->c->decays_at, *keep = w->k.slot + w->c->keep_at;
  FOR_ITEMS(d, DIM) {
    float sum = 0.0f, whole;
    for (int32_t t = 0; t < CHUNK; t++) {
      float x = decays[t * DIM + d];
      sum += t < w->k.count ? x : 0.0f;
      decays[t * DIM + d] = within_f32(number_exp(x));
    }
    keep[DIM + d] = within_f32(exp_in_two(sum, &whole));
    keep[d] = whole;
    prefix_of(w)[d] = 1.0f;
  }
}

DEVICE float alpha_of(const weigher *w, int32_t t, int32_t d) {
  return w->k.slot[w->c->decays_at + t * DIM + d];
}

DEVICE INLINE float sum_of_warp(float x) {
  UNROLL for (int32_t apart = WARP_ITEMS / 2; apart > 0; apart /= 2) x +=
      __shfl_xor_sync(0xffffffffu, x, apart);
  return x;
}

/* Of tokens s and s + 1 of the tile at `first` for those from s on; a warp's items share channels.
 */
DEVICE void weigh_pair(weigher *w, int32_t reader, int32_t first, int32_t s) {
  const GLOBAL float *rows = reader_rows(w, reader);
  float p[2][DIM / WARP_ITEMS];
  for (int32_t t = first; t < first + SQUARE; t++) {
    float sums[2] = {0.0f, 0.0f};
    UNROLL for (int32_t i = 0; i < 2 * (DIM / WARP_ITEMS) && t >= s; i++) {
      int32_t token = s + i % 2, d = i / 2 * WARP_ITEMS + warp_item();
      float *x = &p[i % 2][i / 2];
      *x = t == token ? w->keys[token * ROW + d] : *x * alpha_of(w, t, d);
      if (t >= token) sums[i % 2] = fmaf(*x, rows[t * DIM + d], sums[i % 2]);
    }
    UNROLL for (int32_t i = 0; i < 2; i++) sums[i] = sum_of_warp(sums[i]);
    if (warp_item() == 0) store_weights(w, reader, t, s, sums[0], sums[1]);
  }
}

DEVICE void weigh_own_tile(weigher *w, int32_t first) {
  for (int32_t i = warp_number(); i < readers_of(w) * (SQUARE / 2); i += WARPS)
    weigh_pair(w, i / (SQUARE / 2), first, first + i % (SQUARE / 2) * 2);
}

/* The reader's rows of the tile, times P(b, t). */
DEVICE void decay_tile(const weigher *w, int32_t reader, int32_t first) {
  const GLOBAL float *rows = reader_rows(w, reader) + first * DIM;
  FOR_ITEMS(d, DIM) {
    float product = 1.0f;
    UNROLL for (int32_t i = 0; i < SQUARE; i++) {
      product = within_f32(product * alpha_of(w, first + i, (int32_t)d));
      tile_of(w)[i * ROW + d] = grown(rows[i * DIM + d], product);
    }
  }
}

DEVICE void weigh_earlier_tile(weigher *w, int32_t reader, int32_t t, int32_t s) {
  float sums[2][4];
  multiply_by_keys(sums, tile_of(w), ROW, w->keys + s * ROW);
  UNROLL for (int32_t i = 0; i < 8; i += 2)
      store_weights(w, reader, t + fragment_row() + i / 2 % 2 * 8,
                    s + fragment_column() + i / 4 * 8, sums[i / 4][i % 4], sums[i / 4][i % 4 + 1]);
}

/* Its rows times P(0, t): as the walk over chunks reads them, but of an eraser, which is solved for
 * first. */
DEVICE void finish_tile(weigher *w, int32_t reader, int32_t first) {
  GLOBAL float *rows = reader_rows(w, reader) + first * DIM;
  for (int32_t i = (int32_t)item_number() * 2; i < SQUARE * DIM; i += ITEMS * 2) {
    int32_t t = i / DIM, d = i % DIM;
    float x = grown(tile_of(w)[t * ROW + d], prefix_of(w)[d]);
    float y = grown(tile_of(w)[t * ROW + d + 1], prefix_of(w)[d + 1]);
    w->probe = probed(probed(w->probe, x), y);
    if (is_eraser(w, reader)) {
      rows[i] = x;
      rows[i + 1] = y;
    } else {
      store_split_pair((GLOBAL uint16_t *)(rows + t * DIM), DIM, d, x, y);
    }
  }
}

/* k times P(s, end of the tile), of the tile and those before it. */
DEVICE void pass_tile(const weigher *w, int32_t first) {
  FOR_ITEMS(d, DIM) {
    float product = 1.0f;
    for (int32_t t = first + SQUARE - 1; t >= 0; t--) {
      w->keys[t * ROW + d] *= product;
      if (t >= first) product = within_f32(product * alpha_of(w, t, (int32_t)d));
    }
    prefix_of(w)[d] = within_f32(prefix_of(w)[d] * product);
  }
}

/* What they are when all tiles have passed: P(s, end) k_s. */
DEVICE void finish_keys(weigher *w) {
  int32_t first = warp_item() * (DIM / WARP_ITEMS);
  for (int32_t t = warp_number(); t < CHUNK; t += WARPS) {
    float numbers[DIM / WARP_ITEMS];
    UNROLL for (int32_t i = 0; i < DIM / WARP_ITEMS; i++) numbers[i] = w->keys[t * ROW + first + i];
    store_row(w, w->k.slot + w->c->keys_at + t * DIM, numbers);
  }
}

/* Barriers are between steps that need what others have left. */
DEVICE void weigh_chunk(weigher *w) {
  load_keys(w, w->k.slot + w->c->keys_at);
  split_decays(w);
  group_barrier();
  for (int32_t first = 0; first < w->tiles * SQUARE; first += SQUARE) {
    weigh_own_tile(w, first);
    for (int32_t reader = 0; reader < readers_of(w); reader++) {
      group_barrier();
      decay_tile(w, reader, first);
      group_barrier();
      for (int32_t s = warp_number() * SQUARE; s < first; s += WARPS * SQUARE)
        weigh_earlier_tile(w, reader, first, s);
      finish_tile(w, reader, first);
    }
    group_barrier();
    pass_tile(w, first);
    group_barrier();
  }
  finish_keys(w);
}

/* E, which has its decays, in the place of k. */
DEVICE void load_eraser(weigher *w) { load_keys(w, w->k.slot + w->c->eraser_at); }
