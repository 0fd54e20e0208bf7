/* SPDX-License-Identifier: Apache-2.0 */
/* A small attention call with a known answer, for tests of what is around operators. */
#ifndef SEQMIX_TESTS_SMALL_CALL_H
#define SEQMIX_TESTS_SMALL_CALL_H

#include <seqmix/seqmix.h>

enum { SMALL_TIME = 70, SMALL_HEADS = 4, SMALL_DIM = 16 };
enum { SMALL_ELEMENTS = SMALL_TIME * SMALL_HEADS * SMALL_DIM };

/* B=1, causal, f32. Owns its data; `args` points into the struct, which must not be moved. */
typedef struct small_call {
  float q_data[SMALL_ELEMENTS], k_data[SMALL_ELEMENTS], v_data[SMALL_ELEMENTS];
  float out_data[SMALL_ELEMENTS];
  seqmix_tensor q, k, v, out;
  seqmix_attention_args args;
} small_call;

/* Random inputs; calls with the same seed are the same. */
void small_call_make(small_call *call, uint64_t seed);

/* Poisons `out` and runs the call. */
seqmix_status small_call_run(small_call *call, seqmix_context *context);

/* Nonzero if `out` is the answer, computed here in double precision. */
int small_call_is_right(const small_call *call);

#endif
