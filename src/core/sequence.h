/* SPDX-License-Identifier: Apache-2.0 */
/* The sequences of scans and convolutions: where their tokens lie, and which states are theirs. */
#ifndef SEQMIX_CORE_SEQUENCE_H
#define SEQMIX_CORE_SEQUENCE_H

#include "seqmix/backend.h"

typedef struct seqmix_sequence {
  int64_t number; /* along the batch axis; packed, that one has stride 0 */
  int64_t first;  /* its first token along the time axis */
  int64_t length; /* its tokens */
  int64_t from;   /* row of the past state; -1: it has no state, and its outputs are 0 */
  int64_t to;     /* row of the present state; -1: not kept */
} seqmix_sequence;

static inline seqmix_sequence seqmix_sequence_at(const seqmix_sequences *at, int64_t n) {
  seqmix_sequence s = {.number = n, .length = at->length, .from = n};
  if (at->cu_seqlens.bits) {
    s.first = seqmix_index_at(&at->cu_seqlens, n, 0);
    s.length = seqmix_index_at(&at->cu_seqlens, n + 1, 0) - s.first;
  }
  if (at->state_indices.bits) s.from = seqmix_index_at(&at->state_indices, n, 0);
  s.to = at->state_out_indices.bits ? seqmix_index_at(&at->state_out_indices, n, 0) : s.from;
  return s;
}

#endif
