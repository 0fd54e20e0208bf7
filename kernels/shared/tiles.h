/* SPDX-License-Identifier: Apache-2.0 */
/* Up to TILE tokens of LANES channels at once: as many tokens as lanes, so that tiles can be
 * turned.
 *
 * Programs say what TILE is where an item is a single lane: all loads of a tile are then on their
 * way at once, and as loops over its tokens are unrolled, what they bring stays in registers. */
#include "shared/lane.h"

#if LANES > 1
#define TILE LANES
#define EACH_TOKEN(t, tokens) for (int32_t t = 0; t < (tokens); t++)
#else
#define EACH_TOKEN(t, tokens) UNROLL for (int32_t t = 0; t < TILE; t++) if (t < (tokens))
#endif

/* Whether a tile is rows of contiguous tokens, of `parts` numbers each, better turned than
 * gathered. */
DEVICE int is_turned(line l, int32_t lanes, int32_t tokens, int32_t parts) {
  return LANES > 1 && lanes == LANES && tokens == LANES && l.lane != parts &&
         (l.time == parts || l.time == -parts);
}

#if LANES == 1

/* Reads its last token again in place of those that it has not; it has one. */
DEVICE INLINE void load_tile(const GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes,
                             int32_t tokens, float rest, lane *tile) {
  if (dtype == TYPE_F32) {
    UNROLL for (int32_t t = 0; t < TILE; t++) tile[t] =
        load_element(data, TYPE_F32, l.at + (t < tokens ? t : tokens - 1) * l.time);
  } else {
    UNROLL for (int32_t t = 0; t < TILE; t++) tile[t] =
        load_element(data, dtype, l.at + (t < tokens ? t : tokens - 1) * l.time);
  }
}

DEVICE INLINE void store_tile(GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes,
                              int32_t tokens, const lane *tile) {
  if (dtype == TYPE_F32) {
    EACH_TOKEN (t, tokens) store_element(data, TYPE_F32, l.at + t * l.time, tile[t]);
  } else {
    EACH_TOKEN (t, tokens) store_element(data, dtype, l.at + t * l.time, tile[t]);
  }
}

/* The same of complex numbers: the imaginary part is the element after the real one. */
DEVICE INLINE void load_tile_pairs(const GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes,
                                   int32_t tokens, float rest, lane *re, lane *im) {
  line imaginary = {l.at + 1, l.time, l.lane};
  load_tile(data, dtype, l, lanes, tokens, rest, re);
  load_tile(data, dtype, imaginary, lanes, tokens, rest, im);
}

DEVICE INLINE void store_tile_pairs(GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes,
                                    int32_t tokens, const lane *re, const lane *im) {
  line imaginary = {l.at + 1, l.time, l.lane};
  store_tile(data, dtype, l, lanes, tokens, re);
  store_tile(data, dtype, imaginary, lanes, tokens, im);
}

#else

/* Turned tiles lie in the order of memory: where that begins, and the row of token t. */
DEVICE int64_t tile_start(line l) { return l.time < 0 ? l.at + (LANES - 1) * l.time : l.at; }
DEVICE int32_t tile_row(line l, int32_t t) { return l.time < 0 ? LANES - 1 - t : t; }

DEVICE void turn_in(line l, lane *rows, lane *tile) {
  turn(rows);
  for (int32_t t = 0; t < LANES; t++) tile[t] = rows[tile_row(l, t)];
}

DEVICE void turn_out(line l, const lane *tile, lane *rows) {
  for (int32_t t = 0; t < LANES; t++) rows[tile_row(l, t)] = tile[t];
  turn(rows);
}

DEVICE void load_tile(const GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes,
                      int32_t tokens, float rest, lane *tile) {
  if (is_turned(l, lanes, tokens, 1)) {
    lane rows[LANES];
    for (int32_t i = 0; i < LANES; i++)
      rows[i] = load_neighbours(data, dtype, tile_start(l) + i * l.lane);
    turn_in(l, rows, tile);
    return;
  }
  for (int32_t t = 0; t < tokens; t++)
    tile[t] = load_lanes(data, dtype, l.at + t * l.time, l.lane, lanes, rest);
}

DEVICE void store_tile(GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes, int32_t tokens,
                       const lane *tile) {
  if (is_turned(l, lanes, tokens, 1)) {
    lane rows[LANES];
    turn_out(l, tile, rows);
    for (int32_t i = 0; i < LANES; i++)
      store_neighbours(data, dtype, tile_start(l) + i * l.lane, rows[i]);
    return;
  }
  for (int32_t t = 0; t < tokens; t++)
    store_lanes(data, dtype, l.at + t * l.time, l.lane, lanes, tile[t]);
}

DEVICE void load_tile_pairs(const GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes,
                            int32_t tokens, float rest, lane *re, lane *im) {
  if (is_turned(l, lanes, tokens, 2)) {
    lane re_rows[LANES], im_rows[LANES];
    for (int32_t i = 0; i < LANES; i++)
      load_pairs(data, dtype, tile_start(l) + i * l.lane, 2, LANES, rest, &re_rows[i], &im_rows[i]);
    turn_in(l, re_rows, re);
    turn_in(l, im_rows, im);
    return;
  }
  for (int32_t t = 0; t < tokens; t++)
    load_pairs(data, dtype, l.at + t * l.time, l.lane, lanes, rest, &re[t], &im[t]);
}

DEVICE void store_tile_pairs(GLOBAL uint8_t *data, int32_t dtype, line l, int32_t lanes,
                             int32_t tokens, const lane *re, const lane *im) {
  if (is_turned(l, lanes, tokens, 2)) {
    lane re_rows[LANES], im_rows[LANES];
    turn_out(l, re, re_rows);
    turn_out(l, im, im_rows);
    for (int32_t i = 0; i < LANES; i++)
      store_pairs(data, dtype, tile_start(l) + i * l.lane, 2, LANES, re_rows[i], im_rows[i]);
    return;
  }
  for (int32_t t = 0; t < tokens; t++)
    store_pairs(data, dtype, l.at + t * l.time, l.lane, lanes, re[t], im[t]);
}

#endif
