/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d, in two kernels:
 *
 *   conv_outputs   all tokens of all sequences, from x and the past states
 *   conv_states    the present states, when no token needs the past any more: they may be in place
 *
 * Tokens are counted over all sequences, so that an item serves many short ones or a part of a long
 * one. Lanes are channels; or tokens, where those are contiguous, and then a tap's inputs lie one
 * element further on than those of the tap before. Both add taps in one order, oldest first, to the
 * bias: a token has the same bits however it is computed.
 *
 * Constants: TYPE (of x), TAPS (the width, if it is one that most models have; 0: any), STRIP
 * (vectors of lanes that an item takes side by side), LANES, ITEMS. Memory bounds it: what is read
 * again for the next tap is in the first-level cache. */
#include "scan/causal_conv1d_arguments.h"
#include "shared/activations.h"
#include "shared/lane.h"
#include "shared/sequences.h"

/* Weights that an item keeps; those of later taps are read when they are needed. */
#define HELD (TAPS ? TAPS : 8)

/* The call's memory. */
typedef struct conv_memory {
  const GLOBAL uint8_t *x, *weight, *bias, *past;
  GLOBAL uint8_t *out;
  sequence_arrays arrays;
  GLOBAL int32_t *faults;
} conv_memory;

/* What an item is at: a sequence, and vectors of lanes from a channel on. */
typedef struct place {
  sequence of;
  int64_t number; /* of the sequence */
  int64_t channel;
} place;

/* Weights and bias of the item's vectors; where lanes are time, of its channel. */
typedef struct taps {
  lane weight[STRIP][HELD], bias[STRIP];
} taps;

DEVICE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
DEVICE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Types other than x's are f32. */
DEVICE int32_t type_of(const conv_plane *plane) {
  return plane->dtype == TYPE_F32 ? TYPE_F32 : TYPE;
}

DEVICE int64_t start_of(const conv_plane *plane) {
  return plane->byte_offset / (plane->dtype == TYPE_F32 ? 4 : 2);
}

DEVICE int64_t width_of(const conv_arguments *s) { return TAPS ? TAPS : s->width; }

/* Where a token of the place's sequence lies, in x or out; before the first one, in the past. */
DEVICE int64_t token_at(const conv_plane *plane, const place *p, int64_t t) {
  return start_of(plane) + p->number * plane->row + (p->of.first + t) * plane->time +
         p->channel * plane->channel;
}

DEVICE int64_t past_at(const conv_arguments *s, const place *p, int64_t t) {
  const conv_plane *past = &s->past;
  return start_of(past) + p->of.from * past->row + (width_of(s) - 1 + t) * past->time +
         p->channel * past->channel;
}

/* ---- weights --------------------------------------------------------------------------------- */

DEVICE lane load_tap(const conv_plane *plane, const GLOBAL uint8_t *data, const conv_arguments *s,
                     int64_t channel, int64_t tap) {
  int64_t at = start_of(plane) + channel * plane->channel + tap * plane->time;
  if (s->lanes_are_time) return lane_of(load_element(data, type_of(plane), at));
  return load_lanes(data, type_of(plane), at, plane->channel,
                    (int32_t)least(s->channels - channel, LANES), 0.0f);
}

DEVICE void load_taps(const conv_arguments *s, const conv_memory *m, int64_t channel,
                      int32_t vectors, taps *held) {
  for (int32_t v = 0; v < vectors; v++) {
    int64_t c = channel + v * LANES;
    held->bias[v] = s->bias.dtype ? load_tap(&s->bias, m->bias, s, c, 0) : lane_of(0.0f);
    for (int32_t k = 0; k < HELD; k++)
      if (k < width_of(s)) held->weight[v][k] = load_tap(&s->weight, m->weight, s, c, k);
  }
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* Lanes of channels: a token before the first is the past's, or 0. */
DEVICE lane load_row(const conv_arguments *s, const conv_memory *m, const place *p, int64_t t,
                     int32_t lanes) {
  if (t >= 0) return load_lanes(m->x, TYPE, token_at(&s->x, p, t), s->x.channel, lanes, 0.0f);
  if (!s->past.dtype) return lane_of(0.0f);
  return load_lanes(m->past, TYPE, past_at(s, p, t), s->past.channel, lanes, 0.0f);
}

/* Lanes of tokens, of which the first ones are before the sequence. */
DEVICE lane load_first_tokens(const conv_arguments *s, const conv_memory *m, const place *p,
                              int64_t t, int32_t lanes) {
  float each[LANES];
  for (int32_t i = 0; i < LANES; i++) {
    each[i] = 0.0f;
    if (i < lanes && t + i >= 0)
      each[i] = load_element(m->x, TYPE, token_at(&s->x, p, t + i));
    else if (i < lanes && s->past.dtype)
      each[i] = load_element(m->past, TYPE, past_at(s, p, t + i));
  }
  return lane_from_array(each);
}

DEVICE lane load_tokens(const conv_arguments *s, const conv_memory *m, const place *p, int64_t t,
                        int32_t lanes) {
  if (t < 0) return load_first_tokens(s, m, p, t, lanes);
  return load_lanes(m->x, TYPE, token_at(&s->x, p, t), s->x.time, lanes, 0.0f);
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* Lanes of time or of channels, of which some are before the sequence's first token. */
DEVICE lane load_early(const conv_arguments *s, const conv_memory *m, const place *p, int64_t t,
                       int32_t lanes) {
  return s->lanes_are_time ? load_tokens(s, m, p, t, lanes) : load_row(s, m, p, t, lanes);
}

/* The way from lane to lane. */
DEVICE int64_t stride_of(const conv_arguments *s, const conv_plane *plane) {
  return s->lanes_are_time ? plane->time : plane->channel;
}

DEVICE lane weight_of(const conv_arguments *s, const conv_memory *m, const place *p,
                      const taps *held, int32_t v, int64_t k) {
  return k < HELD ? held->weight[v][k] : load_tap(&s->weight, m->weight, s, p->channel, k);
}

/* The vector whose first lane is token t of the place's channel, with the weights of vector v. */
DEVICE lane output_of(const conv_arguments *s, const conv_memory *m, const place *p, int64_t t,
                      int32_t lanes, const taps *held, int32_t v) {
  lane sum = held->bias[v];
  int64_t first = t - (width_of(s) - 1), stride = stride_of(s, &s->x);
  int64_t at = token_at(&s->x, p, first);
  if (first < 0) {
    for (int64_t k = 0; k < width_of(s); k++)
      sum = lane_fma(weight_of(s, m, p, held, v, k), load_early(s, m, p, first + k, lanes), sum);
  } else if (stride == 1 && lanes == LANES) {
    for (int64_t k = 0; k < width_of(s); k++, at += s->x.time)
      sum = lane_fma(weight_of(s, m, p, held, v, k), load_neighbours(m->x, TYPE, at), sum);
  } else {
    for (int64_t k = 0; k < width_of(s); k++, at += s->x.time)
      sum = lane_fma(weight_of(s, m, p, held, v, k),
                     load_lanes(m->x, TYPE, at, stride, lanes, 0.0f), sum);
  }
  return s->is_silu ? lane_silu(sum) : sum;
}

DEVICE void write_vector(const conv_arguments *s, const conv_memory *m, const place *p, int64_t t,
                         int32_t lanes, const taps *held, int32_t v) {
  lane y = lane_of(0.0f); /* of a sequence without a state */
  if (p->of.from >= 0) y = output_of(s, m, p, t, lanes, held, v);
  store_lanes(m->out, type_of(&s->out), token_at(&s->out, p, t), stride_of(s, &s->out), lanes, y);
}

/* Tokens from .. to-1 of a sequence, `vectors` of channels from p's on. */
DEVICE void write_rows(const conv_arguments *s, const conv_memory *m, place p, int64_t from,
                       int64_t to, int32_t vectors, const taps *held) {
  int64_t channel = p.channel;
  for (int64_t t = from; t < to; t++)
    for (int32_t v = 0; v < vectors; v++) {
      p.channel = channel + v * LANES;
      write_vector(s, m, &p, t, (int32_t)least(s->channels - p.channel, LANES), held, v);
    }
}

/* The same with lanes of time, of `channels` channels. */
DEVICE void write_times(const conv_arguments *s, const conv_memory *m, place p, int64_t from,
                        int64_t to, int64_t channels, taps *held) {
  for (int64_t c = 0; c < channels; c++, p.channel++) {
    load_taps(s, m, p.channel, 1, held);
    for (int64_t t = from; t < to; t += LANES)
      write_vector(s, m, &p, t, (int32_t)least(to - t, LANES), held, 0);
  }
}

/* ---- items ----------------------------------------------------------------------------------- */

/* The last sequence that begins at or before a token. */
DEVICE int64_t sequence_of(const conv_arguments *s, const conv_memory *m, int64_t token) {
  if (!s->at.cu_seqlens.bits) return token / s->at.length;
  int64_t low = 0, high = s->at.count;
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (load_index(m->arrays.cu_seqlens, &s->at.cu_seqlens, middle) <= token)
      low = middle;
    else
      high = middle;
  }
  return low;
}

#define CONV_PARAMETERS                                                             \
  GLOBAL int32_t *faults, const GLOBAL uint8_t *x, const GLOBAL uint8_t *weight,    \
      const GLOBAL uint8_t *bias, GLOBAL uint8_t *out, const GLOBAL uint8_t *past,  \
      GLOBAL uint8_t *present, const GLOBAL uint8_t *cu_seqlens,                    \
      const GLOBAL uint8_t *state_indices, const GLOBAL uint8_t *state_out_indices, \
      conv_arguments s
#define CONV_MEMORY \
  { x, weight, bias, past, out, {cu_seqlens, state_indices, state_out_indices}, faults }

KERNEL void conv_outputs(CONV_PARAMETERS) {
  const conv_memory m = CONV_MEMORY;
  int64_t number = group_number() * ITEMS + item_number(), part, block;
  if (number >= s.token_items * s.channel_items) return;
  /* Neighbours in a group take neighbours in memory. */
  part = s.lanes_are_time ? number % s.token_items : number / s.channel_items;
  block = s.lanes_are_time ? number / s.token_items : number % s.channel_items;
  place p;
  p.channel = block * s.item_channels;
  int64_t channels = least(s.channels - p.channel, s.item_channels);
  int32_t vectors = (int32_t)((channels + LANES - 1) / LANES);
  int64_t token = part * s.item_tokens, end = least(token + s.item_tokens, s.tokens);
  taps held;
  if (!s.lanes_are_time) load_taps(&s, &m, p.channel, vectors, &held);
  for (p.number = sequence_of(&s, &m, token); token < end && p.number < s.at.count; p.number++) {
    p.of = sequence_at(&s.at, m.arrays, p.number, faults);
    if (p.of.is_bad) continue;
    int64_t first = s.at.cu_seqlens.bits ? p.of.first : p.number * s.at.length;
    int64_t from = most(token - first, 0), to = least(end - first, p.of.length);
    if (from >= to) continue;
    if (s.lanes_are_time)
      write_times(&s, &m, p, from, to, channels, &held);
    else
      write_rows(&s, &m, p, from, to, vectors, &held);
    token = first + to;
  }
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Bits are copied, so that even a NaN stays the one it was. */
DEVICE void copy_element(GLOBAL uint8_t *to, int64_t to_at, const GLOBAL uint8_t *from,
                         int64_t from_at) {
  if (TYPE == TYPE_F32)
    ((GLOBAL uint32_t *)to)[to_at] = from ? ((const GLOBAL uint32_t *)from)[from_at] : 0;
  else
    ((GLOBAL uint16_t *)to)[to_at] = from ? ((const GLOBAL uint16_t *)from)[from_at] : 0;
}

/* The last tokens of a channel. Upwards: in place, one is read before it is written. */
DEVICE void keep_channel(const conv_arguments *s, const conv_memory *m, GLOBAL uint8_t *present,
                         const place *p) {
  const conv_plane *to = &s->present;
  int64_t rows = width_of(s) - 1;
  int64_t to_at = start_of(to) + p->of.to * to->row + p->channel * to->channel;
  for (int64_t k = 0; k < rows; k++) {
    int64_t t = p->of.length - rows + k;
    if (t >= 0)
      copy_element(present, to_at + k * to->time, m->x, token_at(&s->x, p, t));
    else
      copy_element(present, to_at + k * to->time, s->past.dtype ? m->past : 0, past_at(s, p, t));
  }
}

/* A block of channels of a sequence. */
KERNEL void conv_states(CONV_PARAMETERS) {
  const conv_memory m = CONV_MEMORY;
  int64_t number = group_number() * ITEMS + item_number();
  place p;
  p.number = number / s.channel_items;
  if (p.number >= s.at.count) return;
  p.of = sequence_at(&s.at, m.arrays, p.number, faults);
  if (p.of.is_bad || p.of.from < 0 || p.of.to < 0 || !s.present.dtype) return;
  p.channel = number % s.channel_items * s.item_channels;
  int64_t end = least(p.channel + s.item_channels, s.channels);
  for (; p.channel < end; p.channel++) keep_channel(&s, &m, present, &p);
}
