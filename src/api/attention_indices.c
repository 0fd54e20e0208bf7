/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "api/attention.h"
#include "api/segments.h"
#include "core/error.h"

/* Rows of sequence n along an axis that may be packed. */
static int64_t rows_of(const seqmix_index_view *segments, int64_t length, int64_t n) {
  if (!segments->bits) return length;
  return seqmix_index_at(segments, n + 1, 0) - seqmix_index_at(segments, n, 0);
}

static seqmix_status check_lengths(const seqmix_checker *checker, const char *name,
                                   const seqmix_index_view *lengths,
                                   const seqmix_index_view *segments, int64_t length,
                                   int64_t sequences) {
  if (!lengths->bits) return SEQMIX_OK;
  for (int64_t n = 0; n < sequences; n++) {
    int64_t value = seqmix_index_at(lengths, n, 0), rows = rows_of(segments, length, n);
    if (value < 0 || value > rows)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: %s[%" PRId64 "] is %" PRId64 "; it must be 0 to %" PRId64,
                         checker->op, name, n, value, rows);
  }
  return SEQMIX_OK;
}

static seqmix_status check_offsets(const seqmix_checker *checker,
                                   const seqmix_attention_problem *problem) {
  if (!problem->query_offsets.bits) return SEQMIX_OK;
  for (int64_t n = 0; n < problem->sequences; n++) {
    int64_t value = seqmix_index_at(&problem->query_offsets, n, 0);
    if (value < -SEQMIX_POSITION_LIMIT || value > SEQMIX_POSITION_LIMIT)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: query_offsets[%" PRId64 "] is %" PRId64
                         "; it must be between -2^60 and 2^60",
                         checker->op, n, value);
  }
  return SEQMIX_OK;
}

static seqmix_status check_pages(const seqmix_checker *checker,
                                 const seqmix_attention_problem *problem) {
  if (!problem->page_size) return SEQMIX_OK;
  for (int64_t n = 0; n < problem->sequences; n++) {
    int64_t keys = seqmix_index_at(&problem->key_lengths, n, 0);
    if (keys > 0 && problem->key_total == 0)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: block_table has no page to name, because k has 0 pages; it must "
                         "have some, key_lengths[%" PRId64 "] being %" PRId64,
                         checker->op, n, keys);
    for (int64_t page = 0; page * problem->page_size < keys; page++) {
      int64_t value = seqmix_index_at(&problem->block_table, n, page);
      if (value < 0 || value >= problem->key_total)
        return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                           "%s: block_table[%" PRId64 ", %" PRId64 "] is %" PRId64
                           "; it must be 0 to %" PRId64 ", a page of k",
                           checker->op, n, page, value, problem->key_total - 1);
    }
  }
  return SEQMIX_OK;
}

seqmix_status seqmix_check_attention_indices(const seqmix_checker *checker,
                                             const seqmix_attention_args *args,
                                             seqmix_attention_problem *problem) {
  if (problem->cu_seqlens_q.bits)
    SEQMIX_TRY(seqmix_check_segments(
        checker, "cu_seqlens_q", "max_seqlen_q", &problem->cu_seqlens_q, problem->sequences,
        problem->query_total, args->max_seqlen_q, &problem->query_length));
  if (problem->cu_seqlens_k.bits)
    SEQMIX_TRY(seqmix_check_segments(checker, "cu_seqlens_k", "max_seqlen_k",
                                     &problem->cu_seqlens_k, problem->sequences, problem->key_total,
                                     args->max_seqlen_k, &problem->key_length));
  SEQMIX_TRY(check_lengths(checker, "query_lengths", &problem->query_lengths,
                           &problem->cu_seqlens_q, problem->query_length, problem->sequences));
  SEQMIX_TRY(check_lengths(checker, "key_lengths", &problem->key_lengths, &problem->cu_seqlens_k,
                           problem->key_length, problem->sequences));
  SEQMIX_TRY(check_offsets(checker, problem));
  return check_pages(checker, problem);
}
