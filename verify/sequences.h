/* SPDX-License-Identifier: Apache-2.0 */
/* The sequences of a call, packed or not, and the rows of state tensors they begin with and end
 * in: what operators with states have in common. */
#ifndef SEQMIX_VERIFY_SEQUENCES_H
#define SEQMIX_VERIFY_SEQUENCES_H

#include <stdint.h>

#include "verify/random.h"
#include "verify/tensors.h"

/* Bits: which states there are. */
enum { STATES_PAST = 1, STATES_PRESENT = 2, STATES_BOTH = 3 };

typedef enum state_layout {
  STATE_CONTIGUOUS,
  STATE_TRANSPOSED, /* the last two axes in the other order */
  STATE_PADDED,     /* gaps after every axis, the last one too */
  STATE_REVERSED,   /* the past backwards along every axis; the present padded */
  STATE_SHARED,     /* every row of the past is one */
  STATE_LAYOUTS
} state_layout;

typedef enum state_pool {
  POOL_ABSENT,
  POOL_SAME_ROWS,  /* state_indices serve both */
  POOL_OTHER_ROWS, /* state_out_indices too */
  POOL_OUT_ONLY,   /* only state_out_indices */
  POOLS
} state_pool;

typedef struct sequence_options {
  int64_t batch, t;                  /* batch is N; packed: t bounds lengths */
  int packed, empty_ends;            /* cu_seqlens; the first and last empty */
  int in_place;                      /* the present is the past's memory */
  state_pool pool;                   /* whose rows are chosen by index */
  int pool_absences;                 /* some indices are -1 */
  int pool_readers;                  /* some sequences begin with the same row */
  int wide_indices, strided_indices; /* int64; stride 3 */
  int skew;                          /* elements index tensors are away from 64-byte alignment */
} sequence_options;

/* Where the tokens of a sequence lie and which rows of the state tensors are its own. */
typedef struct test_sequence {
  int64_t start, length;
  int64_t past_row, present_row; /* -1: none */
} test_sequence;

typedef struct test_sequences {
  sequence_options options;
  test_sequence *each;
  int64_t total;                   /* tokens along the time axis */
  int64_t longest;                 /* of the sequences */
  int64_t past_rows, present_rows; /* of the state tensors */
  unsigned char *kept;             /* per row of the present: whether it is written */
} test_sequences;

test_sequences sequences_draw(const sequence_options *options, random_state *random);
void sequences_release(test_sequences *sequences);

/* Index [b, t] of token i of sequence n. */
void sequences_token(const test_sequences *sequences, int64_t n, int64_t i, int64_t index[2]);

/* The index tensors; NULL where the options have none. */
test_tensor *sequences_cu_seqlens(const test_sequences *sequences);
test_tensor *sequences_state_indices(const test_sequences *sequences);
test_tensor *sequences_state_out_indices(const test_sequences *sequences);

/* Strides of a state of these axes, rows first: of the past, or of a present not in place. */
void state_strides(state_layout layout, int is_past, const int64_t *shape, int axes,
                   int64_t *stride);

#endif
