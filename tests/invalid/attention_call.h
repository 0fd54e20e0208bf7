/* SPDX-License-Identifier: Apache-2.0 */
/* Valid attention calls for the tables of wrong and of odd ones to change in one place. */
#ifndef SEQMIX_TESTS_ATTENTION_CALL_H
#define SEQMIX_TESTS_ATTENTION_CALL_H

#include "tensors.h"

enum attention_base {
  DENSE,  /* B=2 Tq=3 Tk=5 Hq=4 Hkv=2 D=8 Dv=6, with every option that goes with it */
  PACKED, /* queries of 2 and 3, keys of 3 and 4, with every option that goes with it */
  PAGED,  /* the same queries, 4 pages of 3 keys, 2 per sequence, with 5 and 2 live keys */
  ATTENTION_BASES
};

/* Which cell of the arena each tensor lies in. */
enum attention_tensor {
  Q,
  K,
  V,
  OUT,
  LSE,
  SCORES,
  MASK,
  BIAS,
  SLOPES,
  SINKS,
  BLOCK_MAP,
  CU_Q,
  CU_K,
  KEY_LENGTHS,
  QUERY_LENGTHS,
  QUERY_OFFSETS,
  BLOCK_TABLE,
  ATTENTION_TENSORS
};

/* As a later version would pass its arguments, with members this one does not know. */
typedef struct longer_attention_args {
  seqmix_attention_args known;
  uint64_t unknown[4];
} longer_attention_args;

typedef struct attention_call {
  seqmix_context *context;
  seqmix_attention_args args;
  seqmix_attention_args *passed; /* what the call is made with, by default &args */
  longer_attention_args longer;
  seqmix_tensor q, k, v, out, lse, scores, mask, bias, slopes, sinks, block_map, cu_q, cu_k,
      key_lengths, query_lengths, query_offsets, block_table;
} attention_call;

/* Fills the arena and the call, the same each time. */
void attention_call_make(attention_call *call, seqmix_context *context, int base);

/* seqmix_attention() on it; for expect_refusal(). */
seqmix_status attention_call_run(void *call);

/* Describes tensor number `which`; `member` points to NULL if the base leaves it out. */
subject attention_call_subject(attention_call *call, int which);

/* Takes all optional arguments out but lse, cu_seqlens and block_table with its key_lengths. */
void drop_options(attention_call *call);

/* Lays q, k and v (of as many rows as q then) into one tensor of [B, T, Hq*D + Hkv*(D + Dv)]. */
void join_qkv(attention_call *call);

/* Puts `out` into the gaps of a q whose heads lie D + Dv apart, `shift` elements off its place. */
void put_out_into_q(attention_call *call, int shift);

/* Passes the arguments in a longer struct whose unknown member `which` is `value`. */
void pass_longer(attention_call *call, int which, uint64_t value);

/* Passes a workspace that starts `misalignment` bytes from where it should and is `shortfall`
 * bytes smaller than asked for. */
void pass_workspace(attention_call *call, int misalignment, uint64_t shortfall);

#endif
