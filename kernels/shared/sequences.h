/* SPDX-License-Identifier: Apache-2.0 */
/* Where a sequence's tokens lie and which states are its own, from index arrays that nobody has
 * checked: what is wrong is told in `faults`, and whoever asked leaves the sequence out. */
#include "shared/arguments.h"
#include "shared/dialect.h"

typedef struct sequence {
  int64_t first;  /* token, along the time axis */
  int64_t length; /* its tokens */
  int64_t from;   /* row of the past state; -1: it has no state, and its outputs are 0 */
  int64_t to;     /* row of the present state; -1: not kept */
  int32_t is_bad;
} sequence;

/* The index arrays' memory. */
typedef struct sequence_arrays {
  const GLOBAL uint8_t *cu_seqlens, *state_indices, *state_out_indices;
} sequence_arrays;

DEVICE int64_t load_index(const GLOBAL uint8_t *data, const index_argument *index, int64_t i) {
  const GLOBAL uint8_t *start = data + index->byte_offset;
  if (index->bits == 64) return ((const GLOBAL int64_t *)start)[i * index->stride];
  return ((const GLOBAL int32_t *)start)[i * index->stride];
}

DEVICE void find_tokens(sequence *s, const sequences_argument *of, sequence_arrays arrays,
                        int64_t n, GLOBAL int32_t *faults) {
  int64_t first = load_index(arrays.cu_seqlens, &of->cu_seqlens, n);
  int64_t end = load_index(arrays.cu_seqlens, &of->cu_seqlens, n + 1);
  int is_bad = first < 0 || end < first || end > of->total;
  if (is_bad || (n == 0 && first != 0) || (n == of->count - 1 && end != of->total))
    keep_largest(faults, of->cu_seqlens.fault);
  if (!is_bad && end - first > of->length) {
    keep_largest(faults, of->fault_of_length);
    is_bad = 1;
  }
  s->first = first;
  s->length = end - first;
  s->is_bad = is_bad;
}

/* An index's row of `rows`; of none, only whether it is -1 matters. */
DEVICE int64_t find_row(sequence *s, const index_argument *index, const GLOBAL uint8_t *array,
                        int64_t n, int64_t rows, GLOBAL int32_t *faults) {
  int64_t row = load_index(array, index, n);
  if (row < -1 || (rows > 0 && row >= rows)) {
    keep_largest(faults, index->fault);
    s->is_bad = 1;
  }
  return row;
}

DEVICE sequence sequence_at(const sequences_argument *of, sequence_arrays arrays, int64_t n,
                            GLOBAL int32_t *faults) {
  sequence s = {0, of->length, n, n, 0};
  if (of->cu_seqlens.bits) find_tokens(&s, of, arrays, n, faults);
  if (of->state_indices.bits)
    s.from = find_row(&s, &of->state_indices, arrays.state_indices, n, of->past_rows, faults);
  s.to = s.from;
  if (of->state_out_indices.bits)
    s.to =
        find_row(&s, &of->state_out_indices, arrays.state_out_indices, n, of->present_rows, faults);
  return s;
}
