/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one head of one sequence: how it begins, changes with a token and ends. Private to
 * the reference's linear_attention.
 *
 * What normalises is kept as one more column of S, that of a value which is always 1: it is then
 * changed and read exactly as the definition says, with no line of its own. */
#ifndef SEQMIX_REFERENCE_LINEAR_ATTENTION_STATE_H
#define SEQMIX_REFERENCE_LINEAR_ATTENTION_STATE_H

#include "seqmix/backend.h"

typedef struct linear_state {
  const seqmix_linear_attention_problem *problem;
  int64_t sequence;         /* for strides along the batch axis */
  int64_t head;             /* of the state */
  int64_t first;            /* the sequence's first token along the time axis */
  int64_t length;           /* its tokens */
  int64_t columns;          /* Dv, and one more with normalize */
  const seqmix_view *decay; /* of the pass under way */
  double *matrix;           /* S exp(-stabilizer), [D, columns] */
  double stabilizer;        /* m; always 0 without an input gate */
  double *query, *key;      /* rows of the token under way, mapped: [D] */
  double *alpha;            /* its factors of the rows of S: [D] */
  double *value;            /* its v, then 1 with normalize: [columns] */
} linear_state;

/** Doubles that seqmix_linear_state_place() shares out; nonzero if their number overflows. */
int seqmix_linear_state_doubles(const seqmix_linear_attention_problem *p, uint64_t *doubles);

/** Points the arrays into `memory` and returns what lies behind them. */
double *seqmix_linear_state_place(linear_state *state, double *memory);

/** S = 0 of no past. */
void seqmix_linear_state_clear(linear_state *state);

/** S before the first token: row `row` of the past tensors, or no past. */
void seqmix_linear_state_begin(linear_state *state, int64_t row);

/** Loads key and value of token t (from the sequence's start). */
void seqmix_linear_state_load_token(linear_state *state, int64_t t);

/** Loads a query of token t. */
void seqmix_linear_state_load_query(linear_state *state, int64_t t, int64_t query_head);

/** Changes S by token t, which has been loaded. */
void seqmix_linear_state_update(linear_state *state, int64_t t);

/** Rounds S, once, into row `row` of the present tensors. */
void seqmix_linear_state_end(const linear_state *state, int64_t row);

/** The log of what token t's k v^T is multiplied by: 0 without an input gate. */
double seqmix_linear_state_input_gate(const linear_state *state, int64_t t);

/** exp(log - m), where everything is 0 as long as m is -inf. */
double seqmix_linear_state_factor(double log, double m);

#endif
