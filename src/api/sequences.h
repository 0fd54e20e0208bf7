/* SPDX-License-Identifier: Apache-2.0 */
/* Operators along time: which sequences a call has, and where their states are read and written. */
#ifndef SEQMIX_API_SEQUENCES_H
#define SEQMIX_API_SEQUENCES_H

#include "api/argument.h"
#include "api/check.h"
#include "seqmix/backend.h"

/** The arguments about sequences and states that all these operators have. */
typedef struct seqmix_sequence_args {
  const seqmix_tensor *past_state;
  const seqmix_tensor *present_state;
  const seqmix_tensor *state_indices;
  const seqmix_tensor *state_out_indices;
  const seqmix_tensor *cu_seqlens;
  int64_t max_seqlen;
} seqmix_sequence_args;

/** They have the same names in every operator's struct. */
#define SEQMIX_SEQUENCE_ARGS(args)                                                               \
  {                                                                                              \
    (args)->past_state, (args)->present_state, (args)->state_indices, (args)->state_out_indices, \
        (args)->cu_seqlens, (args)->max_seqlen                                                   \
  }

/** Number and length of sequences, from the tensor [B, T, ...] called `name` and cu_seqlens. */
seqmix_status seqmix_take_sequences(const seqmix_checker *checker, const seqmix_sequence_args *args,
                                    const char *name, const seqmix_tensor *tokens,
                                    seqmix_sequences *at);

/** Rows that a past or a present tensor must have; -1: any number, for index arrays name them. */
int64_t seqmix_past_rows_expected(const seqmix_sequence_args *args, const seqmix_sequences *at);
int64_t seqmix_present_rows_expected(const seqmix_sequence_args *args, const seqmix_sequences *at);

/** state_indices and state_out_indices, but for what they contain. */
seqmix_status seqmix_take_row_indices(const seqmix_checker *checker,
                                      const seqmix_sequence_args *args, seqmix_sequences *at);

/**
 * Past and present states and the index arrays of their rows, for an operator with one state.
 * `state` describes them: rows are its first axis, of any length and without a symbol.
 */
seqmix_status seqmix_take_states(const seqmix_checker *checker, const seqmix_sequence_args *args,
                                 const seqmix_argument *state, seqmix_sequences *at,
                                 seqmix_view *past, seqmix_view *present);

/** Whether a present tensor, of the same shape but for rows, is the past one. */
int seqmix_is_in_place(const seqmix_view *past, int64_t past_rows, const seqmix_view *present,
                       int64_t present_rows);

/**
 * The contents of the index arrays, when all else is known: the longest sequence is taken from
 * them. In device memory, where they cannot be read now, this passes.
 */
seqmix_status seqmix_check_sequences(const seqmix_checker *checker,
                                     const seqmix_sequence_args *args, int is_in_place,
                                     seqmix_sequences *at);

/** The part of it that is about rows of states, in host memory. */
seqmix_status seqmix_check_state_rows(const seqmix_checker *checker,
                                      const seqmix_sequence_args *args, int is_in_place,
                                      const seqmix_sequences *at);

/**
 * Whether no output has an element. Then sizes that elements would have bounded are not, and no
 * backend should be asked to multiply them. Without tokens there may still be states to pass on.
 */
int seqmix_writes_nothing(const seqmix_sequences *at);

/**
 * Refuses states whose `count` sizes a backend could not multiply, with room for doubles: without
 * tokens nothing bounds them, and the caller may hold no copy. Passes if nothing is written.
 */
seqmix_status seqmix_check_state_size(const seqmix_checker *checker, const seqmix_sequences *at,
                                      const int64_t *sizes, int32_t count);

#endif
