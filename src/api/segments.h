/* SPDX-License-Identifier: Apache-2.0 */
/* Index arrays with one element per sequence, or one more: packed sequences and what is said of
 * each. */
#ifndef SEQMIX_API_SEGMENTS_H
#define SEQMIX_API_SEGMENTS_H

#include "api/check.h"

/** The N+1 offsets of a packed axis: takes N, and refuses a batch beside it, the first axis of
 * `packed` (NULL: there is none). */
seqmix_status seqmix_take_segments(const seqmix_checker *checker, const char *name,
                                   const seqmix_tensor *segments, const char *packed_name,
                                   const seqmix_tensor *packed, int64_t *sequences);

/**
 * The contents of such offsets, in host memory: gives the longest segment. `hint` is the caller's
 * argument `hint_name`, 0 if it was not given.
 */
seqmix_status seqmix_check_segments(const seqmix_checker *checker, const char *name,
                                    const char *hint_name, const seqmix_index_view *view,
                                    int64_t sequences, int64_t total, int64_t hint,
                                    int64_t *longest);

/** An index array [N] as a view; absent if `tensor` is NULL. */
seqmix_status seqmix_take_per_sequence(const seqmix_checker *checker, const char *name,
                                       const seqmix_tensor *tensor, int64_t sequences,
                                       seqmix_index_view *view);

#endif
