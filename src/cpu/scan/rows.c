/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/rows.h"

#include <string.h>

#include "cpu/scan/squares.h"
#include "cpu/simd/convert.h"

/* Tokens of a channel that are turned around at a time, a few lines of memory of each. */
enum { RUN = 64 };

/* So few tokens hardly fill squares. */
enum { FEW = 8 };

/* Bytes that memory takes at a time. */
enum { LINE = 64 };

SEQMIX_INLINE int64_t bytes_of(int32_t dtype) { return dtype == SEQMIX_F32 ? 4 : 2; }

/* A plane whose time does not run backwards where it is contiguous, and the block in it. */
static scan_plane forward(const scan_plane *plane, const scan_block *block) {
  scan_plane from = *plane;
  int64_t bytes = bytes_of(plane->dtype);
  from.data += scan_offset(plane, block) * bytes;
  if (!scan_is_backward(plane)) return from;
  from.data += (block->tokens - 1) * plane->time * bytes;
  from.time = -plane->time;
  return from;
}

/* ---- to rows ----------------------------------------------------------------------------------
 */

SEQMIX_INLINE float element(const char *from, int32_t dtype) {
  if (dtype == SEQMIX_F32) return *(const float *)from;
  uint16_t half = *(const uint16_t *)from;
  return dtype == SEQMIX_BF16 ? seqmix_f32_from_bf16(half) : seqmix_f32_from_f16(half);
}

/* The channels that fill up the last vector. */
static void clear_filling(float *to, const scan_block *block, int64_t width) {
  if (block->channels == width) return;
  for (int64_t t = 0; t < block->tokens; t++, to += width)
    for (int64_t c = block->channels; c < width; c++) to[c] = 0;
}

/* Channels are contiguous. */
static void copy_rows(const scan_plane *plane, const scan_block *block, float *to, int64_t width) {
  const char *from = plane->data;
  int64_t step = plane->time * bytes_of(plane->dtype);
  for (int64_t t = 0; t < block->tokens; t++, from += step, to += width) {
    const float *row = load_row(to, from, plane->dtype, block->channels);
    if (row != to) memcpy(to, row, (size_t)block->channels * sizeof *to);
  }
}

/* What is turned next is fetched meanwhile: it begins a page of its own for each channel. */
static void fetch_ahead(const char *row, int64_t step, int64_t rows, int64_t bytes) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t b = 0; b < bytes; b += LINE) __builtin_prefetch(row + i * step + b);
}

/* Four elements as f32. `dtype` is a constant. */
SEQMIX_INLINE vec4 load_four(const char *from, int32_t dtype) {
  if (dtype == SEQMIX_F32) return vec4_load((const float *)from);
  vec4 x;
#if defined(__F16C__)
  if (dtype == SEQMIX_F16) return (vec4)_mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)from));
#endif
  for (int i = 0; i < 4; i++) x[i] = element(from + 2 * i, dtype);
  return x;
}

/* Up to four tokens of channels, four at a time; how many of these that were. Four tokens of each
 * are read: the surplus is the next channel's, which the last one does not have. */
SEQMIX_INLINE int64_t turn_fours(const char *from, int64_t step, int32_t dtype, int64_t channels,
                                 float *to, int64_t width, int64_t tokens) {
  int64_t c = 0, surplus = 4 - tokens;
  if (surplus > step) return 0;
  for (; c + 4 + (surplus > 0) <= channels; c += 4) {
    vec4 x[4];
    for (int k = 0; k < 4; k++) x[k] = load_four(from + (c + k) * step * bytes_of(dtype), dtype);
    turn_four(x);
    for (int k = 0; k < 4; k++)
      if (k < tokens) vec4_store(to + k * width + c, x[k]);
  }
  return c;
}

/* Time is contiguous and short, as in weights and states. */
static void turn_few(const scan_plane *plane, const scan_block *block, float *to, int64_t width) {
  int64_t bytes = bytes_of(plane->dtype), step = plane->channel;
  for (int64_t t = 0; t < block->tokens; t += 4, to += 4 * width) {
    const char *from = plane->data + t * bytes;
    int64_t left = block->tokens - t, tokens = left < 4 ? left : 4, c;
    if (plane->dtype == SEQMIX_F32)
      c = turn_fours(from, step, SEQMIX_F32, block->channels, to, width, tokens);
    else if (plane->dtype == SEQMIX_BF16)
      c = turn_fours(from, step, SEQMIX_BF16, block->channels, to, width, tokens);
    else
      c = turn_fours(from, step, SEQMIX_F16, block->channels, to, width, tokens);
    for (; c < block->channels; c++)
      for (int64_t i = 0; i < tokens; i++)
        to[i * width + c] = element(from + (c * step + i) * bytes, plane->dtype);
  }
}

/* Time is contiguous. */
static void turn_rows(const scan_plane *plane, const scan_block *block, float *to, int64_t width) {
  int64_t bytes = bytes_of(plane->dtype), step = plane->channel * bytes;
  float run[SIDE][RUN] = {{0}};
  for (int64_t t = 0; t < block->tokens; t += RUN, to += RUN * width) {
    int64_t count = block->tokens - t < RUN ? block->tokens - t : RUN;
    for (int64_t c = 0; c < block->channels; c += SIDE) {
      int64_t rows = block->channels - c < SIDE ? block->channels - c : SIDE;
      const char *at = plane->data + c * step + t * bytes;
      if (count == RUN) fetch_ahead(at + RUN * bytes, step, rows, RUN * bytes);
      if (plane->dtype == SEQMIX_F32 && rows == SIDE) {
        turn((const float *)at, plane->channel, to + c, width, count);
        continue;
      }
      for (int64_t i = 0; i < rows; i++) {
        const float *row = load_row(run[i], at + i * step, plane->dtype, count);
        if (row != run[i]) memcpy(run[i], row, (size_t)count * sizeof *row);
      }
      turn(run[0], RUN, to + c, width, count);
    }
  }
}

/* Element (0, c) of a plane. */
SEQMIX_INLINE char *channel_at(const scan_plane *plane, int64_t c) {
  int64_t part = c & plane->is_complex;
  return plane->data + ((c >> plane->is_complex) * plane->channel + part) * bytes_of(plane->dtype);
}

/* Complex numbers whose tokens are contiguous. */
static int are_turned_pairs(const scan_plane *plane) {
  return plane->is_complex && plane->time == 2 && plane->dtype == SEQMIX_F32;
}

static void turn_pair_rows(const scan_plane *plane, const scan_block *block, float *to,
                           int64_t width) {
  for (int64_t t = 0; t < block->tokens; t += RUN) {
    int64_t count = block->tokens - t < RUN ? block->tokens - t : RUN;
    turn_pairs((const float *)plane->data + 2 * t, plane->channel, to + t * width, width,
               block->channels / 2, count);
  }
}

/* Anything else, a few rows at a time, as they fit the cache. */
static void gather_rows(const scan_plane *plane, const scan_block *block, float *to,
                        int64_t width) {
  int64_t step = plane->time * bytes_of(plane->dtype);
  for (int64_t t = 0; t < block->tokens; t += RUN) {
    int64_t end = t + RUN < block->tokens ? t + RUN : block->tokens;
    for (int64_t c = 0; c < block->channels; c++) {
      const char *from = channel_at(plane, c);
      for (int64_t i = t; i < end; i++) to[i * width + c] = element(from + i * step, plane->dtype);
    }
  }
}

scan_rows scan_fetch(const scan_plane *plane, const scan_block *block, float *buffer) {
  int64_t width = scan_width(block->channels), parts = 1 + plane->is_complex;
  if (scan_is_direct(plane, block))
    return (scan_rows){(float *)plane->data + scan_offset(plane, block), plane->time};
  const scan_plane from = forward(plane, block);
  if (plane->channel == parts)
    copy_rows(&from, block, buffer, width);
  else if (from.time == 1 && parts == 1 && block->tokens <= FEW)
    turn_few(&from, block, buffer, width);
  else if (from.time == 1 && parts == 1)
    turn_rows(&from, block, buffer, width);
  else if (are_turned_pairs(&from))
    turn_pair_rows(&from, block, buffer, width);
  else
    gather_rows(&from, block, buffer, width);
  clear_filling(buffer, block, width);
  if (scan_is_backward(plane)) return (scan_rows){buffer + (block->tokens - 1) * width, -width};
  return (scan_rows){buffer, width};
}

/* ---- from rows --------------------------------------------------------------------------------
 */

SEQMIX_INLINE void put_element(char *to, int32_t dtype, float x) {
  if (dtype == SEQMIX_F32)
    *(float *)to = x;
  else
    *(uint16_t *)to = dtype == SEQMIX_BF16 ? seqmix_bf16_from_f32(x) : seqmix_f16_from_f32(x);
}

SEQMIX_INLINE void put_row_of(char *to, int32_t dtype, const float *from, int64_t count) {
  int64_t bytes = bytes_of(dtype), i = 0;
  for (; i + LANES <= count; i += LANES) store_vector(to + i * bytes, dtype, vec_load(from + i));
  for (; i < count; i++) put_element(to + i * bytes, dtype, from[i]);
}

/* The type is a constant in each of the loops. */
static void put_row(char *to, int32_t dtype, const float *from, int64_t count) {
  if (dtype == SEQMIX_F32)
    put_row_of(to, SEQMIX_F32, from, count);
  else if (dtype == SEQMIX_BF16)
    put_row_of(to, SEQMIX_BF16, from, count);
  else
    put_row_of(to, SEQMIX_F16, from, count);
}

static void scatter_rows(const scan_plane *plane, const scan_block *block, const float *from,
                         int64_t width) {
  int64_t step = plane->time * bytes_of(plane->dtype);
  for (int64_t t = 0; t < block->tokens; t += RUN) {
    int64_t end = t + RUN < block->tokens ? t + RUN : block->tokens;
    for (int64_t c = 0; c < block->channels; c++) {
      char *to = channel_at(plane, c);
      for (int64_t i = t; i < end; i++)
        put_element(to + i * step, plane->dtype, from[i * width + c]);
    }
  }
}

/* Whole lines. */
static void stream_row(float *to, const float *from, int64_t count) {
  for (int64_t i = 0; i < count; i += LANES) vec_stream(to + i, vec_load(from + i));
}

/* Whether channels have their tokens in lines of memory of their own. */
static int has_whole_lines(const scan_plane *plane, const float *at, int64_t count) {
  return plane->is_streamed && (uintptr_t)at % LINE == 0 &&
         plane->channel * (int64_t)sizeof *at % LINE == 0 &&
         count * (int64_t)sizeof *at % LINE == 0;
}

/* Time is contiguous. */
static void turn_rows_back(const scan_plane *plane, const scan_block *block, const float *from,
                           int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  float run[SIDE][RUN];
  for (int64_t t = 0; t < block->tokens; t += RUN, from += RUN * width) {
    int64_t count = block->tokens - t < RUN ? block->tokens - t : RUN;
    for (int64_t c = 0; c < block->channels; c += SIDE) {
      int64_t rows = block->channels - c < SIDE ? block->channels - c : SIDE;
      char *at = plane->data + (c * plane->channel + t) * bytes;
      float *to = (float *)at;
      int is_streamed = plane->dtype == SEQMIX_F32 && has_whole_lines(plane, to, count);
      if (plane->dtype == SEQMIX_F32 && rows == SIDE && !is_streamed) {
        turn_tokens(from + c, width, to, plane->channel, count);
        continue;
      }
      turn_tokens(from + c, width, run[0], RUN, count);
      for (int64_t i = 0; i < rows; i++)
        is_streamed ? stream_row(to + i * plane->channel, run[i], count)
                    : put_row(at + i * plane->channel * bytes, plane->dtype, run[i], count);
    }
  }
}

/* The same of complex numbers. */
static void turn_pair_rows_back(const scan_plane *plane, const scan_block *block, const float *from,
                                int64_t width) {
  float run[PAIR_SIDE][2 * RUN];
  for (int64_t t = 0; t < block->tokens; t += RUN, from += RUN * width) {
    int64_t tokens = block->tokens - t < RUN ? block->tokens - t : RUN;
    for (int64_t c = 0; c < block->channels / 2; c += PAIR_SIDE) {
      int64_t left = block->channels / 2 - c, channels = left < PAIR_SIDE ? left : PAIR_SIDE;
      float *to = (float *)plane->data + c * plane->channel + 2 * t;
      if (!has_whole_lines(plane, to, 2 * tokens)) {
        turn_pairs(from + 2 * c, width, to, plane->channel, tokens, channels);
        continue;
      }
      turn_pairs(from + 2 * c, width, run[0], 2 * RUN, tokens, channels);
      for (int64_t i = 0; i < channels; i++)
        stream_row(to + i * plane->channel, run[i], 2 * tokens);
    }
  }
}

void scan_deliver(const scan_plane *plane, const scan_block *block, const float *buffer) {
  int64_t width = scan_width(block->channels), parts = 1 + plane->is_complex;
  if (scan_is_direct(plane, block)) return;
  const scan_plane to = forward(plane, block);
  int64_t step = to.time * bytes_of(to.dtype);
  if (plane->channel == parts) {
    for (int64_t t = 0; t < block->tokens; t++)
      put_row(to.data + t * step, to.dtype, buffer + t * width, block->channels);
  } else if (to.time == 1 && parts == 1) {
    turn_rows_back(&to, block, buffer, width);
  } else if (are_turned_pairs(&to)) {
    turn_pair_rows_back(&to, block, buffer, width);
  } else {
    scatter_rows(&to, block, buffer, width);
  }
}
