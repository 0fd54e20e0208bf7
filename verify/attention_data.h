/* SPDX-License-Identifier: Apache-2.0 */
/* Random tensors for an attention_case, and the calls of seqmix_attention() on them.
 *
 * Whatever the call must not read holds NaN (indices: numbers out of range): keys beyond the live
 * ones, unused pages and slots, queries beyond query_lengths, gaps between strided elements. */
#ifndef SEQMIX_VERIFY_ATTENTION_DATA_H
#define SEQMIX_VERIFY_ATTENTION_DATA_H

#include "verify/attention_cases.h"
#include "verify/harness.h"

typedef enum attention_slot {
  SLOT_Q,
  SLOT_K,
  SLOT_V,
  SLOT_OUT,
  SLOT_LSE,
  SLOT_SCORES,
  SLOT_QUERY_OFFSETS,
  SLOT_KEY_LENGTHS,
  SLOT_QUERY_LENGTHS,
  SLOT_MASK,
  SLOT_BIAS,
  SLOT_ALIBI,
  SLOT_SINKS,
  SLOT_BLOCK_MAP,
  SLOT_CU_Q,
  SLOT_CU_K,
  SLOT_BLOCK_TABLE,
  ATTENTION_SLOTS
} attention_slot;

/* Where a sequence lies and how much of it is alive. */
typedef struct attention_sequence {
  int64_t q_start, q_length, q_live;
  int64_t k_start, k_length, k_live;
  int64_t offset; /* of its query 0 */
} attention_sequence;

typedef struct attention_data {
  attention_case spec;
  seqmix_attention_args args; /* its numbers; tensors stand below */
  attention_sequence *sequences;
  int64_t query_total, key_total; /* rows along the time axes; paged: pages */
  int64_t query_extent;           /* what mask, bias, scores and block map call Tq and Tk */
  int64_t key_extent;
  int64_t max_pages;
  test_tensor *tensors[ATTENTION_SLOTS];
  double score_limit; /* largest |score| to be expected */
} attention_data;

/* Draws all tensors; the same spec and seed give the same. */
attention_data attention_draw(const attention_case *spec, uint64_t seed);
void attention_release(attention_data *data);

/* The call on these tensors. It refers to `data`. */
operator_call attention_call(const attention_data *data);

/* The same inputs with outputs of the judge's own: contiguous and f32. `own` receives the
 * tensors, to be freed with tensor_free(). */
operator_call attention_judge_call(const attention_data *data, test_tensor *own[ATTENTION_SLOTS]);

/* The bound for an output slot. */
test_bound attention_bound(const attention_data *data, attention_slot slot);

/* Index [b, t, h, d] of element d of head h of a query (an output) or key (a value). */
void attention_query_index(const attention_data *data, int64_t n, int64_t i, int64_t index[4]);
void attention_key_index(const attention_data *data, int64_t n, int64_t j, int64_t index[4]);

/* Shared by attention_data.c and attention_tables.c: the tensors of masks, bias, slopes, sinks
 * and block map, and what they add to the largest score. */
void attention_draw_tables(attention_data *data, random_state *random);

#endif
