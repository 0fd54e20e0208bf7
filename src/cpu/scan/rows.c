/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/rows.h"

#include <string.h>

#include "cpu/simd/convert.h"

/* Tokens of a channel that are turned around at a time. */
enum { RUN = 64 };

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

/* ---- squares of 4 tokens and 4 channels, in registers ---------------------------------------- */

SEQMIX_INLINE void turn_square(vec4 x[4]) {
  vec4 ab_low = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
  vec4 ab_high = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
  vec4 cd_low = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
  vec4 cd_high = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
  x[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  x[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  x[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  x[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

SEQMIX_INLINE void put_four(float *to, vec4 x, int is_streamed) {
#if defined(__SSE__)
  if (is_streamed) {
    _mm_stream_ps(to, (__m128)x);
    return;
  }
#endif
  (void)is_streamed;
  vec4_store(to, x);
}

/* to[j][i] = from[i][j] for 4 rows. Streamed rows begin at whole lines. */
SEQMIX_INLINE void turn_four(const float *from, int64_t from_step, float *to, int64_t to_step,
                             int64_t count) {
  int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    vec4 x[4];
    for (int k = 0; k < 4; k++) x[k] = vec4_load(from + k * from_step + j);
    turn_square(x);
    for (int k = 0; k < 4; k++) vec4_store(to + (j + k) * to_step, x[k]);
  }
  for (; j < count; j++)
    for (int k = 0; k < 4; k++) to[j * to_step + k] = from[k * from_step + j];
}

/* to[k][i] = from[i][k] for 4 columns: whole lines of each at a time. */
SEQMIX_INLINE void turn_back_four(const float *from, int64_t from_step, float *to, int64_t to_step,
                                  int64_t count, int is_streamed) {
  enum { SQUARES = LINE / 16 };
  int64_t i = 0;
  for (; i + 4 * SQUARES <= count; i += 4 * SQUARES) {
    vec4 x[SQUARES][4];
    for (int q = 0; q < SQUARES; q++) {
      for (int k = 0; k < 4; k++) x[q][k] = vec4_load(from + (i + 4 * q + k) * from_step);
      turn_square(x[q]);
    }
    for (int k = 0; k < 4; k++)
      for (int q = 0; q < SQUARES; q++)
        put_four(to + k * to_step + i + 4 * q, x[q][k], is_streamed);
  }
  for (; i < count; i++)
    for (int k = 0; k < 4; k++) to[k * to_step + i] = from[i * from_step + k];
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

/* Time is contiguous. */
static void turn_rows(const scan_plane *plane, const scan_block *block, float *to, int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  float run[4][RUN];
  for (int64_t t = 0; t < block->tokens; t += RUN, to += RUN * width) {
    int64_t count = block->tokens - t < RUN ? block->tokens - t : RUN;
    for (int64_t c = 0; c < block->channels; c += 4) {
      int64_t rows = block->channels - c < 4 ? block->channels - c : 4;
      const char *at = plane->data + (c * plane->channel + t) * bytes;
      if (plane->dtype == SEQMIX_F32 && rows == 4) {
        turn_four((const float *)at, plane->channel, to + c, width, count);
        continue;
      }
      for (int64_t i = 0; i < rows; i++) {
        const float *row = load_row(run[i], at + i * plane->channel * bytes, plane->dtype, count);
        if (row != run[i]) memcpy(run[i], row, (size_t)count * sizeof *row);
      }
      if (rows == 4) {
        turn_four(run[0], RUN, to + c, width, count);
        continue;
      }
      for (int64_t j = 0; j < count; j++)
        for (int64_t i = 0; i < rows; i++) to[j * width + c + i] = run[i][j];
    }
  }
}

/* Anything else. Numbers are moved in the order of time where that is the closer one. */
static void gather_rows(const scan_plane *plane, const scan_block *block, float *to,
                        int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  int part_mask = plane->is_complex;
  for (int64_t c = 0; c < block->channels; c++) {
    const char *from = plane->data + ((c >> part_mask) * plane->channel + (c & part_mask)) * bytes;
    for (int64_t t = 0; t < block->tokens; t++)
      to[t * width + c] = element(from + t * plane->time * bytes, plane->dtype);
  }
}

scan_rows scan_fetch(const scan_plane *plane, const scan_block *block, float *buffer) {
  int64_t width = scan_width(block->channels), parts = 1 + plane->is_complex;
  if (scan_is_direct(plane, block))
    return (scan_rows){(float *)plane->data + scan_offset(plane, block), plane->time};
  const scan_plane from = forward(plane, block);
  if (plane->channel == parts)
    copy_rows(&from, block, buffer, width);
  else if (from.time == 1 && parts == 1)
    turn_rows(&from, block, buffer, width);
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
  int64_t bytes = bytes_of(plane->dtype);
  int part_mask = plane->is_complex;
  for (int64_t c = 0; c < block->channels; c++) {
    char *to = plane->data + ((c >> part_mask) * plane->channel + (c & part_mask)) * bytes;
    for (int64_t t = 0; t < block->tokens; t++)
      put_element(to + t * plane->time * bytes, plane->dtype, from[t * width + c]);
  }
}

/* Four channels that have their tokens in lines of memory of their own. */
static int has_whole_lines(const scan_plane *plane, const float *at) {
  return plane->is_streamed && (uintptr_t)at % LINE == 0 &&
         plane->channel * (int64_t)sizeof *at % LINE == 0;
}

/* Time is contiguous. */
static void turn_rows_back(const scan_plane *plane, const scan_block *block, const float *from,
                           int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  float run[4][RUN];
  for (int64_t t = 0; t < block->tokens; t += RUN, from += RUN * width) {
    int64_t count = block->tokens - t < RUN ? block->tokens - t : RUN;
    for (int64_t c = 0; c < block->channels; c += 4) {
      int64_t rows = block->channels - c < 4 ? block->channels - c : 4;
      char *at = plane->data + (c * plane->channel + t) * bytes;
      float *to = (float *)at;
      if (plane->dtype == SEQMIX_F32 && rows == 4) {
        has_whole_lines(plane, to) ? turn_back_four(from + c, width, to, plane->channel, count, 1)
                                   : turn_back_four(from + c, width, to, plane->channel, count, 0);
        continue;
      }
      /* Rows of a buffer are whole vectors, of four channels at least. */
      turn_back_four(from + c, width, run[0], RUN, count, 0);
      for (int64_t i = 0; i < rows; i++)
        put_row(at + i * plane->channel * bytes, plane->dtype, run[i], count);
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
  } else {
    scatter_rows(&to, block, buffer, width);
  }
}
