/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/rows.h"

#include <string.h>

#include "cpu/simd/convert.h"

/* Tokens of a channel that are turned around at a time. */
enum { RUN = 64 };

/* ---- to rows ----------------------------------------------------------------------------------
 */

SEQMIX_INLINE float element(const char *from, int32_t dtype) {
  if (dtype == SEQMIX_F32) return *(const float *)from;
  uint16_t half = *(const uint16_t *)from;
  return dtype == SEQMIX_BF16 ? seqmix_f32_from_bf16(half) : seqmix_f32_from_f16(half);
}

SEQMIX_INLINE int64_t bytes_of(int32_t dtype) { return dtype == SEQMIX_F32 ? 4 : 2; }

/* Channels are contiguous. */
static void copy_rows(const char *from, int64_t step, int32_t dtype, const scan_block *block,
                      float *to, int64_t width) {
  for (int64_t t = 0; t < block->tokens; t++, from += step, to += width) {
    const float *row = load_row(to, from, dtype, block->channels);
    if (row != to) memcpy(to, row, (size_t)block->channels * sizeof *to);
    for (int64_t c = block->channels; c < width; c++) to[c] = 0;
  }
}

/* Four by four, in registers. */
SEQMIX_INLINE void turn_square(const float *const from[4], float *const to[4]) {
  vec4 a = vec4_load(from[0]), b = vec4_load(from[1]);
  vec4 c = vec4_load(from[2]), d = vec4_load(from[3]);
  vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  vec4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  vec4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  vec4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  vec4_store(to[0], __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  vec4_store(to[1], __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  vec4_store(to[2], __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  vec4_store(to[3], __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

/* to[j][i] = from[i][j]: four rows of `count` into a column of squares, and back. */
static void turn(const float *from, int64_t from_step, float *to, int64_t to_step, int64_t rows,
                 int64_t count) {
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) {
      const float *in[4];
      float *out[4];
      for (int k = 0; k < 4; k++) in[k] = from + (i + k) * from_step + j;
      for (int k = 0; k < 4; k++) out[k] = to + (j + k) * to_step + i;
      turn_square(in, out);
    }
    for (; j < count; j++)
      for (int k = 0; k < 4; k++) to[j * to_step + i + k] = from[(i + k) * from_step + j];
  }
  for (; i < rows; i++)
    for (int64_t j = 0; j < count; j++) to[j * to_step + i] = from[i * from_step + j];
}

static void gather_rows(const char *from, const scan_plane *plane, const scan_block *block,
                        float *to, int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  for (int64_t t = 0; t < block->tokens; t++, to += width) {
    const char *row = from + t * plane->time * bytes;
    for (int64_t c = 0; c < block->channels; c++)
      to[c] = element(row + c * plane->channel * bytes, plane->dtype);
    for (int64_t c = block->channels; c < width; c++) to[c] = 0;
  }
}

/* Time is contiguous, forwards. */
static void turn_rows_to_tokens(const char *from, const scan_plane *plane, const scan_block *block,
                                float *to, int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  float run[4][RUN];
  for (int64_t t = 0; t < block->tokens; t += RUN, to += RUN * width) {
    int64_t count = block->tokens - t < RUN ? block->tokens - t : RUN;
    for (int64_t c = 0; c < block->channels; c += 4) {
      int64_t rows = block->channels - c < 4 ? block->channels - c : 4;
      const char *at = from + (c * plane->channel + t) * bytes;
      if (plane->dtype == SEQMIX_F32) {
        turn((const float *)at, plane->channel, to + c, width, rows, count);
        continue;
      }
      for (int64_t i = 0; i < rows; i++)
        load_row(run[i], at + i * plane->channel * bytes, plane->dtype, count);
      turn(run[0], RUN, to + c, width, rows, count);
    }
    for (int64_t i = 0; i < count; i++)
      for (int64_t c = block->channels; c < width; c++) to[i * width + c] = 0;
  }
}

scan_rows scan_fetch(const scan_plane *plane, const scan_block *block, float *buffer) {
  int64_t width = scan_width(block->channels), bytes = bytes_of(plane->dtype);
  char *from = plane->data + (block->t * plane->time + block->c * plane->channel) * bytes;
  if (scan_is_direct(plane, block)) return (scan_rows){(float *)from, plane->time};
  if (plane->channel == 1)
    copy_rows(from, plane->time * bytes, plane->dtype, block, buffer, width);
  else if (plane->time == 1)
    turn_rows_to_tokens(from, plane, block, buffer, width);
  else
    gather_rows(from, plane, block, buffer, width);
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

static void scatter_rows(char *to, const scan_plane *plane, const scan_block *block,
                         const float *from, int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  for (int64_t t = 0; t < block->tokens; t++, from += width) {
    char *row = to + t * plane->time * bytes;
    for (int64_t c = 0; c < block->channels; c++)
      put_element(row + c * plane->channel * bytes, plane->dtype, from[c]);
  }
}

static void turn_tokens_to_rows(char *to, const scan_plane *plane, const scan_block *block,
                                const float *from, int64_t width) {
  int64_t bytes = bytes_of(plane->dtype);
  float run[4][RUN];
  for (int64_t t = 0; t < block->tokens; t += RUN, from += RUN * width) {
    int64_t count = block->tokens - t < RUN ? block->tokens - t : RUN;
    for (int64_t c = 0; c < block->channels; c += 4) {
      int64_t rows = block->channels - c < 4 ? block->channels - c : 4;
      char *at = to + (c * plane->channel + t) * bytes;
      if (plane->dtype == SEQMIX_F32) {
        turn(from + c, width, (float *)at, plane->channel, count, rows);
        continue;
      }
      turn(from + c, width, run[0], RUN, count, rows);
      for (int64_t i = 0; i < rows; i++)
        put_row(at + i * plane->channel * bytes, plane->dtype, run[i], count);
    }
  }
}

void scan_deliver(const scan_plane *plane, const scan_block *block, const float *buffer) {
  int64_t width = scan_width(block->channels), bytes = bytes_of(plane->dtype);
  char *to = plane->data + (block->t * plane->time + block->c * plane->channel) * bytes;
  if (scan_is_direct(plane, block)) return;
  if (plane->channel == 1) {
    for (int64_t t = 0; t < block->tokens; t++, to += plane->time * bytes, buffer += width)
      put_row(to, plane->dtype, buffer, block->channels);
  } else if (plane->time == 1) {
    turn_tokens_to_rows(to, plane, block, buffer, width);
  } else {
    scatter_rows(to, plane, block, buffer, width);
  }
}
