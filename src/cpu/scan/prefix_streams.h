/* SPDX-License-Identifier: Apache-2.0 */
/* A prefix scan as sequences of channels: one of the axes that are not scanned gives the channels;
 * each index of the others, in each segment, is a sequence of its own. */
#ifndef SEQMIX_CPU_SCAN_PREFIX_STREAMS_H
#define SEQMIX_CPU_SCAN_PREFIX_STREAMS_H

#include "seqmix/backend.h"

typedef struct prefix_streams {
  int axis;         /* of channels: the one that is contiguous; if none is, the longest */
  int64_t count;    /* sequences */
  int64_t channels; /* of each */
} prefix_streams;

/** One of them, in elements from the tensors' beginnings. In reverse, steps go backwards from the
 * last token. */
typedef struct prefix_stream {
  int64_t tokens, channels;
  int64_t x, x_step, x_channel;
  int64_t out, out_step, out_channel;
} prefix_stream;

static inline prefix_streams prefix_streams_of(const seqmix_prefix_scan_problem *p) {
  prefix_streams s = {0, p->segments, 0};
  for (int i = 1; i < p->axes && p->x_strides[s.axis] != 1; i++)
    if (p->x_strides[i] == 1 || p->sizes[i] > p->sizes[s.axis]) s.axis = i;
  for (int i = 0; i < p->axes; i++)
    if (i != s.axis) s.count *= p->sizes[i];
  s.channels = p->sizes[s.axis];
  return s;
}

static inline prefix_stream prefix_stream_at(const seqmix_prefix_scan_problem *p, int64_t number) {
  int channels = prefix_streams_of(p).axis;
  int64_t segment = number % p->segments, rest = number / p->segments, first = 0;
  prefix_stream s = {.tokens = p->length,
                     .channels = p->sizes[channels],
                     .x_step = p->x_step,
                     .x_channel = p->x_strides[channels],
                     .out_step = p->out_step,
                     .out_channel = p->out_strides[channels]};
  for (int i = p->axes - 1; i >= 0; i--) {
    if (i == channels) continue;
    s.x += rest % p->sizes[i] * p->x_strides[i];
    s.out += rest % p->sizes[i] * p->out_strides[i];
    rest /= p->sizes[i];
  }
  if (p->cu_seqlens.bits) {
    first = seqmix_index_at(&p->cu_seqlens, segment, 0);
    s.tokens = seqmix_index_at(&p->cu_seqlens, segment + 1, 0) - first;
  }
  int is_reverse = (p->header.features & SEQMIX_PREFIX_SCAN_REVERSE) != 0;
  if (is_reverse && s.tokens > 0) first += s.tokens - 1;
  s.x += first * s.x_step;
  s.out += first * s.out_step;
  if (is_reverse) s.x_step = -s.x_step, s.out_step = -s.out_step;
  return s;
}

#endif
