/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence and prefix_scan: what is carried from token to token is a KIND, the rest knows
 * no kind.
 *
 * A work-item walks the tokens of LANES channels. Where there are few channels, sequences are cut
 * into pieces of time, in three kernels (the association depends on the shape alone):
 *
 *   scan_summarize   each piece from nothing: what it does to whatever comes before it
 *   scan_carry       per channel, piece after piece: the state before each of them
 *   scan_results     each piece from that state: its results
 *
 * An uncut sequence is one piece, and needs the last kernel alone. With very few channels, lanes
 * are pieces of one channel instead.
 *
 * Constants: KIND, TYPE (of x), LANES, ITEMS. Memory bounds all of it: a token is read once, or
 * twice where it is in a piece, and its result written once. States and transfers are sums of two
 * floats, so that a scan of any length is as good as the rounding of its results. */
#include "scan/arguments.h"
#include "shared/lane.h"
#include "shared/sequences.h"

#define PARTS (KIND == KIND_COMPLEX ? 2 : 1)

/* What lanes without a token take in, and do not change by it. */
#if KIND == KIND_PRODUCT
#define NOTHING 1.0f
#elif KIND == KIND_MAX || KIND == KIND_LOGSUMEXP
#define NOTHING (-INFINITY)
#else
#define NOTHING 0.0f
#endif

typedef struct token {
  lane a, a_im, x, x_im;
} token;

#if KIND == KIND_RECURRENCE
#include "scan/recurrence.h"
#elif KIND == KIND_COMPLEX
#include "scan/complex.h"
#elif KIND == KIND_SUM
#include "scan/sum.h"
#elif KIND == KIND_PRODUCT
#include "scan/product.h"
#elif KIND == KIND_MAX
#include "scan/max.h"
#else
#include "scan/logsumexp.h"
#endif

/* ---- items ----------------------------------------------------------------------------------- */

/* The call's memory. */
typedef struct scan_memory {
  const GLOBAL uint8_t *a, *x;
  GLOBAL uint8_t *out;
  sequence_arrays arrays;
  GLOBAL float *work;
  GLOBAL int32_t *faults;
} scan_memory;

/* A tensor from an item's first token on, in elements. */
typedef struct line {
  int64_t at;
  int64_t time; /* from token to token */
  int64_t lane; /* from lane to lane */
} line;

/* What an item walks: `tokens` tokens of `lanes` lanes. Where lanes are pieces, the last one may be
 * shorter, and is left out from token `whole` on. */
typedef struct item {
  sequence of;
  int64_t stream, channel, piece; /* of the first lane */
  int64_t tokens, whole;
  int32_t lanes;
  line a, x, out;
} item;

DEVICE int64_t pieces_of(const scan_arguments *s, int64_t tokens) {
  int64_t pieces = (tokens + s->piece - 1) / s->piece;
  return pieces > 0 ? pieces : 1;
}

DEVICE line line_of(const scan_arguments *s, const scan_plane *plane, int32_t bytes,
                    const item *i) {
  int64_t token = i->piece * s->piece, rest = i->stream / s->segments;
  int64_t step = s->is_reverse ? -plane->time : plane->time;
  line l;
  if (s->is_reverse) token = i->of.length - 1 - token;
  l.at = plane->byte_offset / bytes + (i->of.first + token) * plane->time +
         i->channel * plane->channel;
  for (int32_t axis = s->axes - 1; axis >= 0; axis--) {
    l.at += rest % s->sizes[axis] * plane->axes[axis];
    rest /= s->sizes[axis];
  }
  l.time = step;
  l.lane = s->lanes_are_pieces ? s->piece * step : plane->channel;
  return l;
}

DEVICE int32_t bytes_of(int32_t dtype) { return dtype == TYPE_F32 ? 4 : 2; }
DEVICE int32_t a_type(const scan_arguments *s) { return s->a_is_f32 ? TYPE_F32 : TYPE; }
DEVICE int32_t out_type(const scan_arguments *s) { return s->out_is_f32 ? TYPE_F32 : TYPE; }

/* Items are counted with channels, or blocks of LANES of them, fastest. */
DEVICE int64_t blocks_of(const scan_arguments *s) {
  return s->lanes_are_pieces ? s->channels : (s->channels + LANES - 1) / LANES;
}

DEVICE int64_t groups_of(const scan_arguments *s) {
  return s->lanes_are_pieces ? (s->pieces + LANES - 1) / LANES : s->pieces;
}

/* Where the tokens of the item's piece lie. */
DEVICE void place_item(const scan_arguments *s, item *i) {
  int64_t last_piece = s->lanes_are_pieces ? i->piece + i->lanes - 1 : i->piece;
  int64_t last = i->of.length - last_piece * s->piece; /* tokens of the last lane, if not all */
  i->whole = last < s->piece ? last : s->piece;
  i->tokens = s->lanes_are_pieces && i->lanes > 1 ? s->piece : i->whole;
  i->a = line_of(s, &s->a, bytes_of(a_type(s)), i);
  i->x = line_of(s, &s->x, bytes_of(TYPE), i);
  i->out = line_of(s, &s->out, bytes_of(out_type(s)), i);
}

/* Item `number`; 0 if there is nothing for it to walk. An empty sequence has one item all the same,
 * for its state. */
DEVICE int find_item(const scan_arguments *s, const scan_memory *m, int64_t number, item *i) {
  int64_t blocks = blocks_of(s), groups = groups_of(s);
  int64_t block = number % blocks, group = number / blocks % groups;
  i->stream = number / blocks / groups;
  if (i->stream >= s->streams) return 0;
  i->of = sequence_at(&s->at, m->arrays,
                      s->at.cu_seqlens.bits ? i->stream % s->segments : i->stream, m->faults);
  int64_t pieces = pieces_of(s, i->of.length);
  i->channel = s->lanes_are_pieces ? block : block * LANES;
  i->piece = s->lanes_are_pieces ? group * LANES : group;
  if (i->of.is_bad || i->piece >= pieces) return 0;
  int64_t left = s->lanes_are_pieces ? pieces - i->piece : s->channels - i->channel;
  i->lanes = left < LANES ? (int32_t)left : LANES;
  place_item(s, i);
  return 1;
}

/* Lanes that have a token number t. */
DEVICE int32_t lanes_at(const item *i, int64_t t) { return i->lanes - (t >= i->whole); }

/* ---- tokens ---------------------------------------------------------------------------------- */

DEVICE token load_token(const scan_arguments *s, const scan_memory *m, const item *i, int64_t t) {
  int32_t lanes = lanes_at(i, t);
  int64_t x = i->x.at + t * i->x.time, a = i->a.at + t * i->a.time;
  token k;
  k.a = k.a_im = k.x_im = lane_of(0.0f);
  k.x = load_lanes(m->x, TYPE, x, i->x.lane, lanes, NOTHING);
#if KIND == KIND_RECURRENCE || KIND == KIND_COMPLEX
  k.a = load_lanes(m->a, a_type(s), a, i->a.lane, lanes, 1.0f);
#endif
#if KIND == KIND_COMPLEX
  k.x_im = load_lanes(m->x, TYPE, x + 1, i->x.lane, lanes, 0.0f);
  k.a_im = load_lanes(m->a, a_type(s), a + 1, i->a.lane, lanes, 0.0f);
#endif
  return k;
}

DEVICE void store_parts(const scan_arguments *s, const scan_memory *m, const item *i, int64_t t,
                        const lane *parts) {
  for (int32_t part = 0; part < PARTS; part++)
    store_lanes(m->out, out_type(s), i->out.at + t * i->out.time + part, i->out.lane,
                lanes_at(i, t), parts[part]);
}

DEVICE void store_result(const scan_arguments *s, const scan_memory *m, const item *i, int64_t t,
                         state h) {
  lane parts[PARTS];
  state_result(h, parts);
  store_parts(s, m, i, t, parts);
}

/* ---- states of callers ----------------------------------------------------------------------- */

DEVICE state load_past(const scan_arguments *s, const GLOBAL uint8_t *past, const item *i) {
  const scan_states *of = &s->past;
  lane parts[PARTS];
  if (!of->dtype) return state_first();
  int64_t at =
      of->byte_offset / bytes_of(of->dtype) + i->of.from * of->row + i->channel * of->channel;
  for (int32_t part = 0; part < PARTS; part++)
    parts[part] = load_lanes(past, of->dtype, at + part, of->channel, i->lanes, 0.0f);
  return state_past(parts);
}

DEVICE void store_present(const scan_arguments *s, GLOBAL uint8_t *present, const item *i,
                          state h) {
  const scan_states *of = &s->present;
  lane parts[PARTS];
  if (!of->dtype || i->of.to < 0) return;
  int64_t at =
      of->byte_offset / bytes_of(of->dtype) + i->of.to * of->row + i->channel * of->channel;
  state_result(h, parts);
  for (int32_t part = 0; part < PARTS; part++)
    store_lanes(present, of->dtype, at + part, of->channel, i->lanes, parts[part]);
}

/* ---- spans and carries, in workspace: [number][stream][piece][channel] ------------------------
 */

DEVICE int64_t work_size(const scan_arguments *s) { return s->streams * s->pieces * s->channels; }

DEVICE int64_t work_at(const scan_arguments *s, const item *i, int64_t piece) {
  return (i->stream * s->pieces + piece) * s->channels + i->channel;
}

DEVICE void load_floats(const scan_arguments *s, const scan_memory *m, const item *i, int64_t piece,
                        int64_t stride, int32_t count, lane *floats) {
  for (int32_t f = 0; f < count; f++)
    floats[f] = load_lanes((const GLOBAL uint8_t *)m->work, TYPE_F32,
                           f * work_size(s) + work_at(s, i, piece), stride, i->lanes, 0.0f);
}

DEVICE void store_floats(const scan_arguments *s, const scan_memory *m, const item *i,
                         int64_t piece, int64_t stride, int32_t count, const lane *floats) {
  for (int32_t f = 0; f < count; f++)
    store_lanes((GLOBAL uint8_t *)m->work, TYPE_F32, f * work_size(s) + work_at(s, i, piece),
                stride, i->lanes, floats[f]);
}

/* From lane to lane of an item. */
DEVICE int64_t work_stride(const scan_arguments *s) {
  return s->lanes_are_pieces ? s->channels : 1;
}

/* ---- kernels --------------------------------------------------------------------------------- */

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
  item i;
  if (!find_item(&s, &m, own_number(), &i) || i.of.from < 0) return;
  span all = span_first();
  for (int64_t t = 0; t < i.tokens; t++) all = span_step(all, load_token(&s, &m, &i, t));
  span_to_floats(all, floats);
  store_floats(&s, &m, &i, i.piece, work_stride(&s), SPAN_FLOATS, floats);
}

/* A state taken through a piece token by token. */
DEVICE state walk(const scan_arguments *s, const scan_memory *m, const item *i, state h) {
  for (int64_t t = 0; t < i->tokens; t++) h = state_step(h, load_token(s, m, i, t));
  return h;
}

/* The state after the piece that item i is at. */
DEVICE state pass_piece(const scan_arguments *s, const scan_memory *m, item *i, state h) {
  lane floats[SPAN_FLOATS];
  load_floats(s, m, i, i->piece, 1, SPAN_FLOATS, floats);
  span all = span_from_floats(floats);
  state joined = span_join(h, all);
  lane_int is_unsteady = !span_is_steady(all);
  if (!lane_any(is_unsteady)) return joined;
  lane walked[STATE_FLOATS], jumped[STATE_FLOATS];
  place_item(s, i);
  state_to_floats(walk(s, m, i, h), walked);
  state_to_floats(joined, jumped);
  for (int32_t f = 0; f < STATE_FLOATS; f++)
    jumped[f] = lane_select(is_unsteady, walked[f], jumped[f]);
  return state_from_floats(jumped);
}

/* Lanes are channels here, whatever they are elsewhere; an item is a block of them. */
KERNEL void scan_carry(SCAN_PARAMETERS) {
  const scan_memory m = SCAN_MEMORY;
  s.lanes_are_pieces = 0;
  int64_t blocks = blocks_of(&s), block = own_number() % blocks, stream = own_number() / blocks;
  lane floats[STATE_FLOATS];
  item i;
  if (!find_item(&s, &m, stream * s.pieces * blocks + block, &i) || i.of.from < 0) return;
  int64_t pieces = pieces_of(&s, i.of.length);
  state h = load_past(&s, past, &i);
  for (i.piece = 0; i.piece < pieces; i.piece++) {
    state_to_floats(h, floats);
    h = pass_piece(&s, &m, &i, h);
    store_floats(&s, &m, &i, i.piece, 1, STATE_FLOATS, floats);
  }
  store_present(&s, present, &i, h);
}

DEVICE void write_zeros(const scan_arguments *s, const scan_memory *m, const item *i) {
  lane zeros[PARTS];
  for (int32_t part = 0; part < PARTS; part++) zeros[part] = lane_of(0.0f);
  for (int64_t t = 0; t < i->tokens; t++) store_parts(s, m, i, t, zeros);
}

KERNEL void scan_results(SCAN_PARAMETERS) {
  const scan_memory m = SCAN_MEMORY;
  lane floats[STATE_FLOATS];
  item i;
  state h;
  if (!find_item(&s, &m, own_number(), &i)) return;
  if (i.of.from < 0) {
    write_zeros(&s, &m, &i);
    return;
  }
  if (s.pieces > 1) {
    load_floats(&s, &m, &i, i.piece, work_stride(&s), STATE_FLOATS, floats);
    h = state_from_floats(floats);
  } else {
    h = load_past(&s, past, &i);
  }
  for (int64_t t = 0; t < i.tokens; t++) {
    token k = load_token(&s, &m, &i, t);
    if (s.is_exclusive) store_result(&s, &m, &i, t, h);
    h = state_step(h, k);
    if (!s.is_exclusive) store_result(&s, &m, &i, t, h);
  }
  if (s.pieces == 1) store_present(&s, present, &i, h);
}
