/* SPDX-License-Identifier: Apache-2.0 */
/* Valid calls of scans and the causal convolution, for the tables of wrong and of odd ones to
 * change in one place. */
#ifndef SEQMIX_TESTS_SCAN_CALL_H
#define SEQMIX_TESTS_SCAN_CALL_H

#include <stddef.h>

#include "tensors.h"

/* Which cell of the arena each tensor lies in, by the same name where operators share it. */
enum scan_tensor {
  TOKENS, /* b, u or x */
  OUT,
  PAST_STATE,
  PRESENT_STATE,
  STATE_INDICES,
  STATE_OUT_INDICES,
  CU_SEQLENS,
  OF_OPERATOR, /* and those only one has */
  FACTOR = OF_OPERATOR,
  STEP = OF_OPERATOR,
  MATRIX_A,
  MATRIX_B,
  MATRIX_C,
  VECTOR_D,
  GATE,
  STEP_BIAS,
  WEIGHT = OF_OPERATOR,
  BIAS,
  SCAN_TENSORS = STEP_BIAS + 1
};

/* B=2 T=3, 4 channels where nothing else is said; selective_scan has 2 groups of 3 states, the
 * convolution a width of 4. */
enum scan_base {
  POOL,    /* every option; rows 2 and 0 of 3 to 1 and 3 of 4 */
  STATES,  /* past bf16 where its type is free, present f32 */
  PACKED,  /* tokens of 2 and 3 in one row, past and present */
  PLAIN,   /* no option; the recurrence's factor is constant */
  COMPLEX, /* past and present; not of the convolution */
  SCAN_BASES
};

/* The same for prefix_scan. */
enum prefix_scan_base {
  SUMS,     /* [2, 3, 4] along the second axis */
  SEGMENTS, /* products, exclusive, segments of 2 and 3 of the first axis of [5, 3] */
  HALVES,   /* bf16 to f32, logsumexp, reverse, along the last axis of [3, 2, 4] */
  PREFIX_SCAN_BASES
};

/* A tensor argument of an operator. */
typedef struct scan_place {
  const char *name;
  size_t member;   /* of the args */
  int kind;        /* a sum of subject_kind */
  int is_per_time; /* its first axes are batch and time */
  int is_number;   /* complex if the call is */
} scan_place;

typedef struct scan_call scan_call;

typedef struct scan_operator {
  const char *name;
  int tensors;
  int bases;
  const scan_place *places;
  const void *initial; /* args */
  uint64_t args_bytes;
  size_t workspace; /* member of the args, followed by workspace_bytes */
  void (*make)(scan_call *call, int base);
  seqmix_status (*run)(seqmix_context *context, const void *args);
  seqmix_status (*workspace_size)(seqmix_context *context, const void *args, uint64_t *bytes);
} scan_operator;

extern const scan_operator linear_recurrence_calls, selective_scan_calls, prefix_scan_calls,
    causal_conv1d_calls;

struct scan_call {
  const scan_operator *of;
  seqmix_context *context;
  union {
    uint64_t struct_size;
    seqmix_linear_recurrence_args linear_recurrence;
    seqmix_selective_scan_args selective_scan;
    seqmix_prefix_scan_args prefix_scan;
    seqmix_causal_conv1d_args causal_conv1d;
    uint64_t room[64]; /* for members of a later version */
  } args, longer;
  void *passed; /* what the call is made with, by default &args */
  int is_complex;
  seqmix_tensor t[SCAN_TENSORS];
};

/* Fills the arena and the call, the same each time. */
void scan_call_make(scan_call *call, const scan_operator *of, seqmix_context *context, int base);

/* Calls the operator; for expect_refusal(). */
seqmix_status scan_call_run(void *call);

/* Describes tensor number `which`; `member` points to NULL if the base leaves it out. */
subject scan_call_subject(scan_call *call, int which);

/* Gives the call tensor number `which`, f32 and dense, in its own cell; sizes end with 0. In a
 * complex call pairs are added where the tensor has them. */
void give(scan_call *call, int which, int64_t n0, int64_t n1, int64_t n2, int64_t n3);

/* Gives it an index array. */
void give_indices(scan_call *call, int which, int count, const int32_t *values);

/* Gives it state_indices or state_out_indices of two rows. */
void name_rows(scan_call *call, int which, int32_t first, int32_t second);

/* Takes a tensor out. */
void drop(scan_call *call, int which);

/* Makes the present state the past one. */
void update_in_place(scan_call *call);

/* Sets the batch or the number of tokens of all tensors that have them. */
void set_batch(scan_call *call, int64_t batch);
void set_time(scan_call *call, int64_t time);

/* Makes of POOL one of 100 sequences without tokens, which all read row 0 and keep nothing. */
void make_many(scan_call *call);

/* Passes the arguments in a longer struct whose unknown member `which` is `value`. */
void pass_longer(scan_call *call, int which, uint64_t value);

/* Passes a workspace of the bytes asked for, and more, that starts `misalignment` bytes from where
 * it should. */
void pass_workspace(scan_call *call, int misalignment, uint64_t more);

#endif
