/* SPDX-License-Identifier: Apache-2.0 */
/* Random tensors for a linear_attention_case, and the tensors by number.
 *
 * Whatever the call must not read holds NaN (indices: numbers out of range): tokens of sequences
 * whose state_indices are -1, rows of a pool nobody begins with, gaps between strided elements. */
#ifndef SEQMIX_VERIFY_LINEAR_ATTENTION_DATA_H
#define SEQMIX_VERIFY_LINEAR_ATTENTION_DATA_H

#include "verify/harness.h"
#include "verify/linear_attention_cases.h"

typedef enum linear_slot {
  LINEAR_Q,
  LINEAR_K,
  LINEAR_V,
  LINEAR_DECAY,
  LINEAR_DECAY_REVERSE,
  LINEAR_BETA,
  LINEAR_ERASE,
  LINEAR_A,
  LINEAR_B,
  LINEAR_BONUS,
  LINEAR_INPUT_GATE,
  LINEAR_PAST_STATE,
  LINEAR_PAST_NORMALIZER,
  LINEAR_PAST_STABILIZER,
  LINEAR_STATE_INDICES,
  LINEAR_STATE_OUT_INDICES,
  LINEAR_CU_SEQLENS,
  LINEAR_OUT,
  LINEAR_PRESENT_STATE,
  LINEAR_PRESENT_NORMALIZER,
  LINEAR_PRESENT_STABILIZER,
  LINEAR_SLOTS
} linear_slot;

typedef struct linear_attention_data {
  linear_attention_case spec;        /* its defaults filled in */
  seqmix_linear_attention_args args; /* its numbers; tensors stand below */
  test_sequences sequences;
  test_tensor *tensors[LINEAR_SLOTS];
  double q_square, k_square; /* mean squares of rows of q and k, mapped */
} linear_attention_data;

/* Draws all tensors; the same spec and seed give the same. */
linear_attention_data linear_attention_draw(const linear_attention_case *spec, uint64_t seed);
void linear_attention_release(linear_attention_data *data);

/* Index [b, t] of token i of sequence n. */
void linear_attention_token(const linear_attention_data *data, int64_t n, int64_t i,
                            int64_t index[2]);

/* Shared by the files that draw: tokens' tensors, and states with their indices. */
void linear_attention_draw_tokens(linear_attention_data *data, random_state *random);
void linear_attention_draw_states(linear_attention_data *data, random_state *random);

#endif
