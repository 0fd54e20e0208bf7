/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence and prefix_scan: what is carried from token to token is a KIND, the rest knows
 * no kind.
 *
 * A work-item walks the tokens of some channels, LANES at a time, row by row. Where there are few
 * channels, sequences are cut into pieces of time, in three kernels (the association depends on the
 * shape alone):
 *
 *   scan_summarize   each piece from nothing: what it does to whatever comes before it
 *   scan_carry       per channel, piece after piece: the state before each of them
 *   scan_results     each piece from that state: its results
 *
 * An uncut sequence is one piece, and needs the last kernel alone. With very few channels, lanes
 * are pieces of one channel instead.
 *
 * A thread of a GPU is one lane: it has TILE tokens on their way at once, so that some hundred
 * threads of a multiprocessor suffice, and few sequences need be cut.
 *
 * Constants: KIND, TYPE (of x), LANES, WIDTH (vectors of lanes that an item takes at most), ITEMS.
 * Memory bounds all of it: a token is read once, or twice where it is in a piece, and its result
 * written once. States and transfers are sums of two floats, so that a scan of any length is as
 * good as the rounding of its results. */
#include "scan/states.h"
#include "scan/tokens.h"

#define SCAN_PARAMETERS                                                                         \
  GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *a, const GLOBAL uint8_t *x, \
      GLOBAL uint8_t *out, const GLOBAL uint8_t *past, GLOBAL uint8_t *present,                 \
      const GLOBAL uint8_t *cu_seqlens, const GLOBAL uint8_t *state_indices,                    \
      const GLOBAL uint8_t *state_out_indices, scan_arguments s
#define SCAN_MEMORY \
  { a, x, out, {cu_seqlens, state_indices, state_out_indices}, work, faults }

DEVICE int64_t own_number(void) { return group_number() * ITEMS + item_number(); }

KERNEL void scan_summarize(SCAN_PARAMETERS) {
  const scan_memory m = SCAN_MEMORY;
  lane floats[SPAN_FLOATS];
  span all[WIDTH];
  tile k;
  item i;
  if (!find_item(&s, &m, own_number(), &i) || i.of.from < 0) return;
  for (int32_t v = 0; v < vectors_of(&i); v++) all[v] = span_first();
  for (int64_t t = 0; t < i.tokens; t += tokens_at(&i, t)) {
    int32_t whole = whole_vectors_of(&i);
    int64_t a_at = line_from(i.a, 0, t).at, x_at = line_from(i.x, 0, t).at;
    for (int32_t v = 0; v < whole; v++)
      all[v] = span_step(all[v], load_whole(&s, &m, a_at, x_at, v));
    for (int32_t v = whole; v < vectors_of(&i); v++) {
      load_tokens(&s, &m, &i, v, t, &k);
      EACH_TOKEN (j, tokens_at(&i, t)) all[v] = span_step(all[v], token_of(&k, j));
    }
  }
  for (int32_t v = 0; v < vectors_of(&i); v++) {
    span_to_floats(all[v], floats);
    store_floats(&s, &m, &i, v, SPAN_FLOATS, floats);
  }
}

/* ---- carries --------------------------------------------------------------------------------- */

/* A state taken through the item's piece token by token. */
DEVICE state walk_piece(const scan_arguments *s, const scan_memory *m, item *i, state h) {
  tile k;
  place_item(s, i);
  for (int64_t t = 0; t < i->tokens; t += tokens_at(i, t)) {
    load_tokens(s, m, i, 0, t, &k);
    EACH_TOKEN (j, tokens_at(i, t)) h = state_step(h, token_of(&k, j));
  }
  return h;
}

/* The state after the item's piece. */
DEVICE state pass_piece(const scan_arguments *s, const scan_memory *m, item *i, state h) {
  lane floats[SPAN_FLOATS], walked[STATE_FLOATS], joined[STATE_FLOATS];
  load_floats(s, m, i, 0, SPAN_FLOATS, floats);
  span all = span_from_floats(floats);
  lane_int is_unsteady = !span_is_steady(all);
  state after = span_join(h, all);
  if (!lane_any(is_unsteady)) return after;
  state_to_floats(walk_piece(s, m, i, h), walked);
  state_to_floats(after, joined);
  for (int32_t f = 0; f < STATE_FLOATS; f++)
    joined[f] = lane_select(is_unsteady, walked[f], joined[f]);
  return state_from_floats(joined);
}

/* Items are LANES channels of all pieces here, whatever they are elsewhere: the launch says so.
 * Carries take the place of what was read of their piece. */
KERNEL void scan_carry(SCAN_PARAMETERS) {
  const scan_memory m = SCAN_MEMORY;
  item i;
  int64_t blocks = blocks_of(&s), block = own_number() % blocks, stream = own_number() / blocks;
  if (!find_item(&s, &m, stream * s.pieces * blocks + block, &i) || i.of.from < 0) return;
  int64_t pieces = pieces_of(&s, i.of.length);
  state h = load_past(&s, past, &i, 0);
  for (i.piece = 0; i.piece < pieces; i.piece++) {
    state before = h;
    h = pass_piece(&s, &m, &i, h);
    store_carry(&s, &m, &i, 0, before);
  }
  store_present(&s, present, &i, 0, h);
}

/* ---- results --------------------------------------------------------------------------------- */

DEVICE void write_zeros(const scan_arguments *s, const scan_memory *m, const item *i) {
  lane zeros[2] = {lane_of(0.0f), lane_of(0.0f)};
  tile k;
  EACH_TOKEN (j, TILE) keep_parts(&k, j, zeros);
  for (int64_t t = 0; t < i->tokens; t += tokens_at(i, t))
    for (int32_t v = 0; v < vectors_of(i); v++) store_tokens(s, m, i, v, t, &k);
}

/* One tile: returns the state after it. */
DEVICE state write_results(const scan_arguments *s, const scan_memory *m, const item *i, int32_t v,
                           int64_t t, state h) {
  lane parts[PARTS];
  tile k;
  load_tokens(s, m, i, v, t, &k);
  EACH_TOKEN (j, tokens_at(i, t)) {
    state before = h;
    h = state_step(h, token_of(&k, j));
    state_result(s->is_exclusive ? before : h, parts);
    keep_parts(&k, j, parts);
  }
  store_tokens(s, m, i, v, t, &k);
  return h;
}

/* The same of one token's vectors that lie side by side; returns how many there are. */
DEVICE int32_t write_whole(const scan_arguments *s, const scan_memory *m, const item *i, int64_t t,
                           state *h) {
  int32_t whole = whole_vectors_of(i);
  int64_t a = line_from(i->a, 0, t).at, x = line_from(i->x, 0, t).at;
  int64_t out = line_from(i->out, 0, t).at;
  for (int32_t v = 0; v < whole; v++) {
    lane parts[PARTS];
    state before = h[v];
    h[v] = state_step(before, load_whole(s, m, a, x, v));
    state_result(s->is_exclusive ? before : h[v], parts);
    store_whole(s, m, out, v, parts);
  }
  return whole;
}

KERNEL void scan_results(SCAN_PARAMETERS) {
  const scan_memory m = SCAN_MEMORY;
  item i;
  state h[WIDTH];
  if (!find_item(&s, &m, own_number(), &i)) return;
  if (i.of.from < 0) {
    write_zeros(&s, &m, &i);
    return;
  }
  for (int32_t v = 0; v < vectors_of(&i); v++)
    h[v] = s.pieces > 1 ? load_carry(&s, &m, &i, v) : load_past(&s, past, &i, v);
  for (int64_t t = 0; t < i.tokens; t += tokens_at(&i, t))
    for (int32_t v = write_whole(&s, &m, &i, t, h); v < vectors_of(&i); v++)
      h[v] = write_results(&s, &m, &i, v, t, h[v]);
  for (int32_t v = 0; v < vectors_of(&i) && s.pieces == 1; v++)
    store_present(&s, present, &i, v, h[v]);
}
