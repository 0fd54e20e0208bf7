/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of [time, channel] as rows of f32, whatever their layout and type in memory: kernels see
 * rows whose channels are contiguous and a whole number of vectors. */
#ifndef SEQMIX_CPU_SCAN_ROWS_H
#define SEQMIX_CPU_SCAN_ROWS_H

#include "cpu/simd/level.h"
#include "cpu/simd/vector.h"
#include "seqmix/backend.h"

/** The numbers of one sequence: that of token t and channel c lies t * time + c * channel elements
 * from `data`. A stride may be 0 or negative. Complex numbers are two elements, and two channels
 * of a block. */
typedef struct scan_plane {
  char *data;
  int64_t time;
  int64_t channel;
  int32_t dtype;       /* f32, f16 or bf16; 0: absent */
  int32_t is_complex;  /* channels of blocks are counted in real numbers */
  int32_t is_streamed; /* what is written is not read soon: past the cache where that can be */
} scan_plane;

/** A rectangle of a plane: tokens t .. t+tokens-1, channels c .. c+channels-1. */
typedef struct scan_block {
  int64_t t, tokens;
  int64_t c, channels;
} scan_block;

/** Rows in f32: that of the block's token i begins at `at + i * step`. */
typedef struct scan_rows {
  float *at;
  int64_t step;
} scan_rows;

/** Channels of a row of a buffer: `channels`, filled up to whole vectors. */
SEQMIX_INLINE int64_t scan_width(int64_t channels) {
  return (channels + LANES - 1) / LANES * LANES;
}

/**
 * The plane of a view [n, t, c] whose token 0 is token `first` of batch row n (packed: of row 0).
 * With `reverse`, token 0 is the last of `length` tokens, and time runs backwards.
 */
SEQMIX_INLINE scan_plane scan_plane_of(const seqmix_view *view, int64_t n, int64_t first,
                                       int64_t length, int reverse) {
  scan_plane plane = {0};
  if (!view->dtype) return plane;
  int64_t bytes = view->dtype == SEQMIX_F32 ? 4 : 2;
  int64_t token = first + (reverse && length > 0 ? length - 1 : 0);
  plane.data = view->data;
  if (plane.data) plane.data += (n * view->stride[0] + token * view->stride[1]) * bytes;
  plane.time = reverse ? -view->stride[1] : view->stride[1];
  plane.channel = view->stride[2];
  plane.dtype = view->dtype;
  return plane;
}

/** Whether rows of the block are memory itself: f32, channels contiguous, whole vectors. */
SEQMIX_INLINE int scan_is_direct(const scan_plane *plane, const scan_block *block) {
  return plane->dtype == SEQMIX_F32 && plane->channel == 1 + plane->is_complex &&
         block->channels % LANES == 0;
}

/** Elements from token 0 and channel 0 of the plane to those of the block. */
SEQMIX_INLINE int64_t scan_offset(const scan_plane *plane, const scan_block *block) {
  return block->t * plane->time + (block->c >> plane->is_complex) * plane->channel;
}

/** Whether time is contiguous and runs backwards: rows of a buffer are then last to first. */
SEQMIX_INLINE int scan_is_backward(const scan_plane *plane) {
  return plane->time == -1 - plane->is_complex;
}

/**
 * The block's rows to read: memory itself where scan_is_direct(), else copied and converted into
 * `buffer`, rows of scan_width(channels) with zeros after the channels. The buffer has room for
 * all tokens; none of it is read before it is written.
 */
scan_rows LEVEL(scan_fetch)(const scan_plane *plane, const scan_block *block, float *buffer);

/** Rows to write the block's results to: memory itself where scan_is_direct(), else `buffer`. */
SEQMIX_INLINE scan_rows scan_target(const scan_plane *plane, const scan_block *block,
                                    float *buffer) {
  int64_t width = scan_width(block->channels);
  if (scan_is_direct(plane, block))
    return (scan_rows){(float *)plane->data + scan_offset(plane, block), plane->time};
  if (scan_is_backward(plane)) return (scan_rows){buffer + (block->tokens - 1) * width, -width};
  return (scan_rows){buffer, width};
}

/** After the rows of scan_target() are written: brings them to memory, if they are not there. */
void LEVEL(scan_deliver)(const scan_plane *plane, const scan_block *block, const float *buffer);

#define scan_fetch LEVEL(scan_fetch)
#define scan_deliver LEVEL(scan_deliver)

#endif
