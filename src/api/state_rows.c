/* SPDX-License-Identifier: Apache-2.0 */
/* What state_indices and state_out_indices may contain. */
#include <inttypes.h>
#include <stdlib.h>

#include "api/sequences.h"
#include "core/error.h"
#include "core/memory.h"

/* A row of the present tensors and the sequence that writes it. */
typedef struct writer {
  int64_t row;
  int64_t sequence;
} writer;

/* Writers of few sequences fit here and need no allocation. */
enum { WRITERS_ON_STACK = 64 };

/* Without state_indices a sequence reads the row of its own number. */
static int64_t row_read(const seqmix_sequences *at, int64_t n) {
  return at->state_indices.bits ? seqmix_index_at(&at->state_indices, n, 0) : n;
}

static seqmix_status check_rows(const seqmix_checker *checker, const char *name,
                                const seqmix_index_view *view, int64_t sequences, int64_t rows,
                                const char *of) {
  for (int64_t n = 0; n < sequences; n++) {
    int64_t row = seqmix_index_at(view, n, 0);
    if (row < -1 || row >= rows)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: %s[%" PRId64 "] is %" PRId64
                         "; it must be -1, or less than the %" PRId64 " rows of %s",
                         checker->op, name, n, row, rows, of);
  }
  return SEQMIX_OK;
}

static seqmix_status check_all_rows(const seqmix_checker *checker, const seqmix_sequence_args *args,
                                    const seqmix_sequences *at) {
  if (args->state_indices && args->past_state)
    SEQMIX_TRY(check_rows(checker, "state_indices", &at->state_indices, at->count, at->past_rows,
                          "past_state"));
  if (args->state_indices && args->present_state && !args->state_out_indices)
    SEQMIX_TRY(check_rows(checker, "state_indices", &at->state_indices, at->count, at->present_rows,
                          "present_state"));
  if (!args->state_out_indices) return SEQMIX_OK;
  /* Then state_indices names no row of anything, but -1 still means what it does. */
  if (args->state_indices && !args->past_state)
    SEQMIX_TRY(check_rows(checker, "state_indices", &at->state_indices, at->count, INT64_MAX,
                          "an absent past_state"));
  return check_rows(checker, "state_out_indices", &at->state_out_indices, at->count,
                    at->present_rows, "present_state");
}

/* ---- who writes which row --------------------------------------------------------------------
 */

static int compare_writers(const void *left, const void *right) {
  const writer *a = left, *b = right;
  if (a->row != b->row) return a->row < b->row ? -1 : 1;
  return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* Sorted by row; gives how many there are. */
static int64_t list_writers(const seqmix_sequences *at, writer *writers) {
  int64_t count = 0;
  for (int64_t n = 0; n < at->count; n++) {
    int64_t row = seqmix_index_at(&at->state_out_indices, n, 0);
    if (row >= 0 && row_read(at, n) >= 0) writers[count++] = (writer){row, n};
  }
  qsort(writers, (size_t)count, sizeof *writers, compare_writers);
  return count;
}

static seqmix_status check_single_writers(const seqmix_checker *checker, const char *name,
                                          const writer *writers, int64_t count) {
  for (int64_t i = 1; i < count; i++)
    if (writers[i].row == writers[i - 1].row)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: %s[%" PRId64 "] and %s[%" PRId64 "] are both %" PRId64
                         "; no two sequences must write one row",
                         checker->op, name, writers[i - 1].sequence, name, writers[i].sequence,
                         writers[i].row);
  return SEQMIX_OK;
}

static const writer *writer_of(const writer *writers, int64_t count, int64_t row) {
  int64_t low = 0, high = count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (writers[middle].row < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && writers[low].row == row ? &writers[low] : NULL;
}

static seqmix_status check_readers(const seqmix_checker *checker, const char *name,
                                   const seqmix_sequences *at, const writer *writers,
                                   int64_t count) {
  for (int64_t n = 0; n < at->count; n++) {
    int64_t row = row_read(at, n);
    const writer *other = row >= 0 ? writer_of(writers, count, row) : NULL;
    if (other && other->sequence != n)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: %s[%" PRId64 "] is %" PRId64 ", the row that sequence %" PRId64
                         " reads; it must be another where states are updated in place",
                         checker->op, name, other->sequence, row, n);
  }
  return SEQMIX_OK;
}

static seqmix_status check_writers(const seqmix_checker *checker, const seqmix_sequence_args *args,
                                   int is_in_place, const seqmix_sequences *at) {
  writer few[WRITERS_ON_STACK], *writers = few;
  const char *name = args->state_out_indices ? "state_out_indices" : "state_indices";
  if (at->count > WRITERS_ON_STACK) {
    uint64_t bytes;
    int overflows = __builtin_mul_overflow((uint64_t)at->count, sizeof *writers, &bytes);
    writers = overflows ? NULL : seqmix_memory_allocate(bytes);
    if (!writers)
      return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY,
                         "%s: no memory to compare the %" PRId64 " elements of %s", checker->op,
                         at->count, name);
  }
  int64_t count = list_writers(at, writers);
  seqmix_status status = check_single_writers(checker, name, writers, count);
  if (status == SEQMIX_OK && is_in_place) status = check_readers(checker, name, at, writers, count);
  if (writers != few) seqmix_memory_free(writers);
  return status;
}

seqmix_status seqmix_check_state_rows(const seqmix_checker *checker,
                                      const seqmix_sequence_args *args, int is_in_place,
                                      const seqmix_sequences *at) {
  SEQMIX_TRY(check_all_rows(checker, args, at));
  return args->present_state && at->state_out_indices.bits
             ? check_writers(checker, args, is_in_place, at)
             : SEQMIX_OK;
}
