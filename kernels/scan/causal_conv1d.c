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
#include "shared/indices.h"
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

/* Types other than x's are f32. */
DEVICE int32_t type_of(const conv_plane *plane) {
  return plane->dtype == TYPE_F32 ? TYPE_F32 : TYPE;
}

DEVICE int64_t width_of(const conv_arguments *s) { return TAPS ? TAPS : s->width; }

/* Where a token of the place's sequence lies, in x or out; before the first one, in the past. */
DEVICE int64_t token_at(const conv_plane *plane, const place *p, int64_t t) {
  return plane->at + p->number * plane->row + (p->of.first + t) * plane->time +
         p->channel * plane->channel;
}

DEVICE int64_t past_at(const conv_arguments *s, const place *p, int64_t t) {
  const conv_plane *past = &s->past;
  return past->at + p->of.from * past->row + (width_of(s) - 1 + t) * past->time +
         p->channel * past->channel;
}

/* The way from lane to lane. */
DEVICE int64_t stride_of(const conv_arguments *s, const conv_plane *plane) {
  return s->lanes_are_time ? plane->time : plane->channel;
}

/* ---- weights --------------------------------------------------------------------------------- */

DEVICE lane load_tap(const conv_plane *plane, const GLOBAL uint8_t *data, const conv_arguments *s,
                     int64_t channel, int64_t tap) {
  int64_t at = plane->at + channel * plane->channel + tap * plane->time;
  if (s->lanes_are_time) return lane_of(load_element(data, type_of(plane), at));
  return load_lanes(data, type_of(plane), at, plane->channel,
                    (int32_t)least(s->channels - channel, LANES), 0.0f);
}

/* Whether the taps of neighbouring channels are neighbours in memory: vectors of them are sorted
 * rather than gathered. */
DEVICE int is_sorted(const conv_arguments *s, int64_t channel) {
  return LANES > 1 && TAPS == 4 && !s->lanes_are_time && s->weight.time == 1 &&
         s->weight.channel == 4 && channel + LANES <= s->channels;
}

DEVICE void load_sorted(const conv_arguments *s, const conv_memory *m, int64_t channel,
                        lane *weight) {
  lane four[4];
  for (int32_t i = 0; i < 4; i++)
    four[i] =
        load_neighbours(m->weight, type_of(&s->weight), s->weight.at + channel * 4 + i * LANES);
  lane first = lane_even(four[0], four[1]), second = lane_even(four[2], four[3]);
  weight[0] = lane_even(first, second);
  weight[2] = lane_odd(first, second);
  first = lane_odd(four[0], four[1]);
  second = lane_odd(four[2], four[3]);
  weight[1] = lane_even(first, second);
  weight[3] = lane_odd(first, second);
}

DEVICE void load_taps(const conv_arguments *s, const conv_memory *m, int64_t channel,
                      int64_t vectors, taps *held) {
  for (int64_t v = 0; v < vectors; v++) {
    int64_t c = channel + v * LANES;
    held->bias[v] = s->bias.dtype ? load_tap(&s->bias, m->bias, s, c, 0) : lane_of(0.0f);
    if (is_sorted(s, c)) {
      load_sorted(s, m, c, held->weight[v]);
      continue;
    }
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

/* Whether vectors of inputs and outputs are neighbours in memory, and weights are held. */
DEVICE int is_plain(const conv_arguments *s) {
  return stride_of(s, &s->x) == 1 && stride_of(s, &s->out) == 1 && width_of(s) <= HELD;
}

DEVICE lane activated(const conv_arguments *s, lane sum) {
  return s->is_silu ? lane_silu(sum) : sum;
}

/* Whole vectors side by side whose inputs are all in x: from element `x` on, of the first tap. */
DEVICE void write_plain(const conv_arguments *s, const conv_memory *m, int64_t x, int64_t out,
                        int64_t vectors, const taps *held) {
  for (int64_t v = 0; v < vectors; v++, x += LANES, out += LANES) {
    int64_t own = s->lanes_are_time ? 0 : v;
    lane sum = held->bias[own];
    for (int64_t k = 0; k < width_of(s); k++)
      sum = lane_fma(held->weight[own][k], load_neighbours(m->x, TYPE, x + k * s->x.time), sum);
    store_neighbours(m->out, type_of(&s->out), out, activated(s, sum));
  }
}

/* Any vector, with the weights of vector v; its first lane is token t of the place's channel. */
DEVICE lane output_of(const conv_arguments *s, const conv_memory *m, const place *p, int64_t t,
                      int32_t lanes, const taps *held, int64_t v) {
  lane sum = held->bias[v];
  if (p->of.from < 0) return lane_of(0.0f);
  for (int64_t k = 0; k < width_of(s); k++) {
    int64_t from = t - (width_of(s) - 1) + k;
    lane weight = k < HELD ? held->weight[v][k] : load_tap(&s->weight, m->weight, s, p->channel, k);
    lane x = s->lanes_are_time ? load_tokens(s, m, p, from, lanes) : load_row(s, m, p, from, lanes);
    sum = lane_fma(weight, x, sum);
  }
  return activated(s, sum);
}

DEVICE void write_vector(const conv_arguments *s, const conv_memory *m, const place *p, int64_t t,
                         int64_t lanes, const taps *held, int64_t v) {
  int32_t count = (int32_t)least(lanes, LANES);
  lane y = output_of(s, m, p, t, count, held, v);
  store_lanes(m->out, type_of(&s->out), token_at(&s->out, p, t), stride_of(s, &s->out), count, y);
}

/* Tokens from .. to-1 of a sequence, `channels` from p's on. */
DEVICE void write_rows(const conv_arguments *s, const conv_memory *m, const place *start,
                       int64_t from, int64_t to, int64_t channels, const taps *held) {
  for (int64_t t = from; t < to; t++) {
    int64_t first = t - (width_of(s) - 1);
    int64_t whole = first >= 0 && start->of.from >= 0 && is_plain(s) ? channels / LANES : 0;
    place p = *start;
    write_plain(s, m, token_at(&s->x, &p, first), token_at(&s->out, &p, t), whole, held);
    for (int64_t v = whole; v * LANES < channels; v++) {
      p.channel = start->channel + v * LANES;
      write_vector(s, m, &p, t, channels - v * LANES, held, v);
    }
  }
}

/* The same with lanes of time. */
DEVICE void write_times(const conv_arguments *s, const conv_memory *m, const place *start,
                        int64_t from, int64_t to, int64_t channels, taps *held) {
  place p = *start;
  for (int64_t c = 0; c < channels; c++, p.channel++) {
    int64_t before = width_of(s) - 1, t = from;
    load_taps(s, m, p.channel, 1, held);
    for (; t < to && t < before; t += LANES) write_vector(s, m, &p, t, to - t, held, 0);
    int64_t whole = t < to && p.of.from >= 0 && is_plain(s) ? (to - t) / LANES : 0;
    write_plain(s, m, token_at(&s->x, &p, t - before), token_at(&s->out, &p, t), whole, held);
    for (t += whole * LANES; t < to; t += LANES) write_vector(s, m, &p, t, to - t, held, 0);
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
  int64_t number = group_number() * ITEMS + item_number();
  if (number >= s.token_items * s.channel_items) return;
  /* Neighbours in a group take neighbours in memory. */
  int64_t fast = take_index(&number, s.lanes_are_time ? s.token_items : s.channel_items);
  int64_t part = s.lanes_are_time ? fast : number, block = s.lanes_are_time ? number : fast;
  place p;
  p.channel = block * s.item_channels;
  int64_t channels = least(s.channels - p.channel, s.item_channels);
  int64_t token = part * s.item_tokens, end = least(token + s.item_tokens, s.tokens);
  taps held;
  if (!s.lanes_are_time) load_taps(&s, &m, p.channel, (channels + LANES - 1) / LANES, &held);
  for (p.number = sequence_of(&s, &m, token); token < end && p.number < s.at.count; p.number++) {
    p.of = sequence_at(&s.at, m.arrays, p.number, faults);
    if (p.of.is_bad) continue;
    int64_t first = s.at.cu_seqlens.bits ? p.of.first : p.number * s.at.length;
    int64_t from = most(token - first, 0), to = least(end - first, p.of.length);
    if (from >= to) continue;
    if (s.lanes_are_time)
      write_times(&s, &m, &p, from, to, channels, &held);
    else
      write_rows(&s, &m, &p, from, to, channels, &held);
    token = first + to;
  }
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Bits are copied, so that even a NaN stays the one it was. */
DEVICE void copy_element(GLOBAL uint8_t *to, int64_t to_at, const GLOBAL uint8_t *from,
                         int64_t from_at) {
  if (TYPE == TYPE_F32)
    ((GLOBAL uint32_t *)to)[to_at] = ((const GLOBAL uint32_t *)from)[from_at];
  else
    ((GLOBAL uint16_t *)to)[to_at] = ((const GLOBAL uint16_t *)from)[from_at];
}

DEVICE void copy_neighbours(GLOBAL uint8_t *to, int64_t to_at, const GLOBAL uint8_t *from,
                            int64_t from_at) {
  if (TYPE == TYPE_F32)
    lane_store_f32(to, to_at, lane_load_f32(from, from_at));
  else
    lane_store_u16(to, to_at, lane_load_u16(from, from_at));
}

/* A token's channels, or zeros. */
DEVICE void copy_token(GLOBAL uint8_t *to, int64_t to_at, int64_t to_stride,
                       const GLOBAL uint8_t *from, int64_t from_at, int64_t from_stride,
                       int64_t channels) {
  int64_t c = 0;
  if (to_stride == 1 && from_stride == 1)
    for (; c + LANES <= channels; c += LANES) copy_neighbours(to, to_at + c, from, from_at + c);
  for (; c < channels; c++)
    copy_element(to, to_at + c * to_stride, from, from_at + c * from_stride);
}

DEVICE void clear_token(GLOBAL uint8_t *to, int64_t to_at, int64_t to_stride, int64_t channels) {
  for (int64_t c = 0; c < channels; c++) store_element(to, TYPE, to_at + c * to_stride, 0.0f);
}

/* The last tokens of channels. Upwards: in place, one is read before it is written. */
DEVICE void keep_channels(const conv_arguments *s, const conv_memory *m, GLOBAL uint8_t *present,
                          const place *p, int64_t channels) {
  const conv_plane *to = &s->present;
  int64_t rows = width_of(s) - 1;
  int64_t at = to->at + p->of.to * to->row + p->channel * to->channel;
  for (int64_t k = 0; k < rows; k++, at += to->time) {
    int64_t t = p->of.length - rows + k;
    if (t >= 0)
      copy_token(present, at, to->channel, m->x, token_at(&s->x, p, t), s->x.channel, channels);
    else if (s->past.dtype)
      copy_token(present, at, to->channel, m->past, past_at(s, p, t), s->past.channel, channels);
    else
      clear_token(present, at, to->channel, channels);
  }
}

/* A block of channels of a sequence. */
KERNEL void conv_states(CONV_PARAMETERS) {
  const conv_memory m = CONV_MEMORY;
  int64_t number = group_number() * ITEMS + item_number();
  place p;
  p.channel = take_index(&number, s.channel_items) * s.item_channels;
  p.number = number;
  if (number >= s.at.count) return;
  p.of = sequence_at(&s.at, m.arrays, number, faults);
  if (p.of.is_bad || p.of.from < 0 || p.of.to < 0 || !s.present.dtype) return;
  keep_channels(&s, &m, present, &p, least(s.channels - p.channel, s.item_channels));
}
