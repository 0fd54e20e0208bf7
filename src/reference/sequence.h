/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences of the scans and the convolution: where their tokens lie, and which states are theirs.
 */
#ifndef SEQMIX_REFERENCE_SEQUENCE_H
#define SEQMIX_REFERENCE_SEQUENCE_H

#include "core/element.h"
#include "seqmix/backend.h"

typedef struct reference_sequence {
  int64_t number; /* along the batch axis; packed, that one has stride 0 */
  int64_t first;  /* its first token along the time axis */
  int64_t length; /* its tokens */
  int64_t from;   /* row of the past state; -1: it has no state, and its outputs are 0 */
  int64_t to;     /* row of the present state; -1: not kept */
} reference_sequence;

static inline reference_sequence reference_sequence_at(const seqmix_sequences *at, int64_t n) {
  reference_sequence s = {.number = n, .length = at->length, .from = n};
  if (at->cu_seqlens.bits) {
    s.first = seqmix_index_at(&at->cu_seqlens, n, 0);
    s.length = seqmix_index_at(&at->cu_seqlens, n + 1, 0) - s.first;
  }
  if (at->state_indices.bits) s.from = seqmix_index_at(&at->state_indices, n, 0);
  s.to = at->state_out_indices.bits ? seqmix_index_at(&at->state_out_indices, n, 0) : s.from;
  return s;
}

/** Where a tensor [n, t, i, j] holds element (i, j) of token t, counted from the sequence's start.
 */
static inline int64_t reference_token_at(const reference_sequence *s, const seqmix_view *view,
                                         int64_t t, int64_t i, int64_t j) {
  return s->number * view->stride[0] + (s->first + t) * view->stride[1] + i * view->stride[2] +
         j * view->stride[3];
}

static inline double reference_load(const seqmix_view *view, int64_t at) {
  return (double)seqmix_load(view->data, view->dtype, at);
}

/** Rounds `value`. */
static inline void reference_store(const seqmix_view *view, int64_t at, double value) {
  seqmix_store(view->data, view->dtype, at, (float)value);
}

/** Zeros as channel `c` of all tokens of `out`, `parts` numbers of each. */
static inline void reference_write_zeros(const reference_sequence *s, const seqmix_view *out,
                                         int64_t c, int64_t parts) {
  for (int64_t t = 0; t < s->length; t++)
    for (int64_t part = 0; part < parts; part++)
      reference_store(out, reference_token_at(s, out, t, c, 0) + part, 0);
}

#endif
