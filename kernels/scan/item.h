/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens of which channels a work-item walks. */
#include "scan/kind.h"
#include "shared/sequences.h"

/* The call's memory. */
typedef struct scan_memory {
  const GLOBAL uint8_t *a, *x;
  GLOBAL uint8_t *out;
  sequence_arrays arrays;
  GLOBAL float *work;
  GLOBAL int32_t *faults;
} scan_memory;

/* Neighbouring channels, up to WIDTH times LANES of them; or, where lanes are pieces of one
 * channel, up to LANES pieces, of which the last may be shorter: it is left out from token `whole`
 * on. */
typedef struct item {
  sequence of;
  int64_t stream, channel, piece; /* of the first lane */
  int64_t tokens, whole;
  int32_t lanes;
  int32_t tile; /* tokens that are read before their results are written, at most */
  line a, x, out;
} item;

DEVICE int32_t bytes_of(int32_t dtype) { return dtype == TYPE_F32 ? 4 : 2; }
DEVICE int32_t a_type(const scan_arguments *s) { return s->a_is_f32 ? TYPE_F32 : TYPE; }
DEVICE int32_t out_type(const scan_arguments *s) { return s->out_is_f32 ? TYPE_F32 : TYPE; }

DEVICE int64_t pieces_of(const scan_arguments *s, int64_t tokens) {
  int64_t pieces = (tokens + s->piece - 1) / s->piece;
  return pieces > 0 ? pieces : 1;
}

DEVICE line line_of(const scan_arguments *s, const scan_plane *plane, int32_t dtype,
                    const item *i) {
  int64_t token = i->piece * s->piece, rest = i->stream / s->segments;
  int64_t step = s->is_reverse ? -plane->time : plane->time;
  line l;
  if (s->is_reverse) token = i->of.length - 1 - token;
  l.at = plane->byte_offset / bytes_of(dtype) + (i->of.first + token) * plane->time +
         i->channel * plane->channel;
  for (int32_t axis = s->axes - 1; axis >= 0; axis--) {
    l.at += rest % s->sizes[axis] * plane->axes[axis];
    rest /= s->sizes[axis];
  }
  l.time = step;
  l.lane = s->lanes_are_pieces ? s->piece * step : plane->channel;
  return l;
}

/* Items are counted with blocks of channels fastest, then groups of pieces. */
DEVICE int64_t channels_at_once(const scan_arguments *s) {
  return s->lanes_are_pieces ? 1 : (int64_t)s->width * LANES;
}

DEVICE int64_t blocks_of(const scan_arguments *s) {
  return (s->channels + channels_at_once(s) - 1) / channels_at_once(s);
}

DEVICE int64_t pieces_at_once(const scan_arguments *s) { return s->lanes_are_pieces ? LANES : 1; }

DEVICE int64_t groups_of(const scan_arguments *s) {
  return (s->pieces + pieces_at_once(s) - 1) / pieces_at_once(s);
}

/* Where the tokens of the item's piece lie. */
DEVICE void place_item(const scan_arguments *s, item *i) {
  int64_t last_piece = s->lanes_are_pieces ? i->piece + i->lanes - 1 : i->piece;
  int64_t last = i->of.length - last_piece * s->piece; /* tokens of the last lane, if not all */
  i->whole = last < s->piece ? last : s->piece;
  i->tokens = s->lanes_are_pieces && i->lanes > 1 ? s->piece : i->whole;
  i->a = line_of(s, &s->a, a_type(s), i);
  i->x = line_of(s, &s->x, TYPE, i);
  i->out = line_of(s, &s->out, out_type(s), i);
  /* Rows tend to lie whole pages apart, and a processor takes a load for one of what was just
   * stored as many pages away: only what is turned goes by tiles. */
  int turned = is_turned(i->x, LANES, LANES, PARTS) || is_turned(i->out, LANES, LANES, PARTS);
  i->tile = LANES == 1 || turned ? TILE : 1;
}

/* Item `number`; 0 if there is nothing for it to walk. An empty sequence has one item all the same,
 * for its state. */
DEVICE int find_item(const scan_arguments *s, const scan_memory *m, int64_t number, item *i) {
  int64_t blocks = blocks_of(s), groups = groups_of(s);
  i->stream = number / blocks / groups;
  if (i->stream >= s->streams) return 0;
  i->of = sequence_at(&s->at, m->arrays,
                      s->at.cu_seqlens.bits ? i->stream % s->segments : i->stream, m->faults);
  i->channel = number % blocks * channels_at_once(s);
  i->piece = number / blocks % groups * pieces_at_once(s);
  int64_t pieces = pieces_of(s, i->of.length), most = channels_at_once(s) * pieces_at_once(s);
  if (i->of.is_bad || i->piece >= pieces) return 0;
  int64_t left = s->lanes_are_pieces ? pieces - i->piece : s->channels - i->channel;
  i->lanes = (int32_t)(left < most ? left : most);
  place_item(s, i);
  return 1;
}

/* ---- its vectors of LANES ---------------------------------------------------------------------
 */

DEVICE int32_t vectors_of(const item *i) { return WIDTH == 1 ? 1 : (i->lanes + LANES - 1) / LANES; }

/* Lanes of vector v. */
DEVICE int32_t lanes_of(const item *i, int32_t v) {
  int32_t left = i->lanes - v * LANES;
  return left < LANES ? left : LANES;
}

/* Those that have a token number t. */
DEVICE int32_t lanes_at(const item *i, int32_t v, int64_t t) {
  return lanes_of(i, v) - (t >= i->whole);
}

DEVICE line line_from(line l, int32_t v, int64_t t) {
  l.at += t * l.time + v * LANES * l.lane;
  return l;
}

/* Tokens of a tile that begins with token t: it ends where a lane does. */
DEVICE int32_t tokens_at(const item *i, int64_t t) {
  int64_t left = (t < i->whole ? i->whole : i->tokens) - t;
  return left < i->tile ? (int32_t)left : i->tile;
}
