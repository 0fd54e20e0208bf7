/* SPDX-License-Identifier: Apache-2.0 */
/* Valid linear_attention calls for the tables of wrong and of odd ones to change in one place. */
#ifndef SEQMIX_TESTS_LINEAR_ATTENTION_CALL_H
#define SEQMIX_TESTS_LINEAR_ATTENTION_CALL_H

#include "tensors.h"

/* B=2 T=3 Hs=4 D=4 Dv=3 where nothing else is said. */
enum linear_attention_base {
  GATED, /* Hq=4 Hk=2, input gate, abs_max, exp; pools: rows 2 and 0 of 3 to 1 and 3 of 4 */
  DELTA, /* Hq=2 Hk=2, gated_delta, l2norm, tiled; every gate per channel; bf16 past, f32 present */
  DPLR,  /* Hq=8 Hk=4, constant decay, reverse, present only */
  TWO_WAYS, /* Hq=4 Hk=2, gated, bidirectional, a decay for each way, sum, elu1 */
  PACKED, /* Hq=4 Hk=2, linear, tokens of 2 and 3 in one row, bonus, sum, relu, past and present */
  LINEAR_ATTENTION_BASES
};

/* Which cell of the arena each tensor lies in. */
enum linear_attention_tensor {
  Q,
  K,
  V,
  OUT,
  DECAY,
  DECAY_REVERSE,
  BETA,
  ERASE,
  VECTOR_A,
  VECTOR_B,
  BONUS,
  INPUT_GATE,
  PAST_STATE,
  PAST_NORMALIZER,
  PAST_STABILIZER,
  PRESENT_STATE,
  PRESENT_NORMALIZER,
  PRESENT_STABILIZER,
  STATE_INDICES,
  STATE_OUT_INDICES,
  CU_SEQLENS,
  LINEAR_ATTENTION_TENSORS
};

/* As a later version would pass its arguments, with members this one does not know. */
typedef struct longer_linear_attention_args {
  seqmix_linear_attention_args known;
  uint64_t unknown[4];
} longer_linear_attention_args;

typedef struct linear_attention_call {
  seqmix_context *context;
  seqmix_linear_attention_args args;
  seqmix_linear_attention_args *passed; /* what the call is made with, by default &args */
  longer_linear_attention_args longer;
  seqmix_tensor q, k, v, out, decay, decay_reverse, beta, erase, a, b, bonus, input_gate,
      past_state, past_normalizer, past_stabilizer, present_state, present_normalizer,
      present_stabilizer, state_indices, state_out_indices, cu_seqlens;
} linear_attention_call;

/* Fills the arena and the call, the same each time. */
void linear_attention_call_make(linear_attention_call *call, seqmix_context *context, int base);

/* seqmix_linear_attention() on it; for expect_refusal(). */
seqmix_status linear_attention_call_run(void *call);

/* Describes tensor number `which`; `member` points to NULL if the base leaves it out. */
subject linear_attention_call_subject(linear_attention_call *call, int which);

/* Gives the call tensor number `which`, of these sizes, in its own cell. */
void give(linear_attention_call *call, int which, seqmix_tensor sizes);

/* Gives it state_indices or state_out_indices of two rows. */
void name_rows(linear_attention_call *call, int which, int32_t first, int32_t second);

/* Takes the past or the present tensors out. */
void drop_past(linear_attention_call *call);
void drop_present(linear_attention_call *call);

/* Sets the number of rows of the past or of the present tensors. */
void set_past_rows(linear_attention_call *call, int64_t rows);
void set_present_rows(linear_attention_call *call, int64_t rows);

/* Makes the present tensors the past ones. */
void update_in_place(linear_attention_call *call);

/* Makes of GATED one of 100 sequences without tokens, which all read row 0 and keep nothing. */
void make_many(linear_attention_call *call);

/* Takes all tokens away: T = 0. */
void drop_tokens(linear_attention_call *call);

/* Passes the arguments in a longer struct whose unknown member `which` is `value`. */
void pass_longer(linear_attention_call *call, int which, uint64_t value);

/* Passes a workspace that starts `misalignment` bytes from where it should and is `shortfall`
 * bytes smaller than asked for. */
void pass_workspace(linear_attention_call *call, int misalignment, uint64_t shortfall);

#endif
