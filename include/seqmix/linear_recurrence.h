/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Linear recurrences of single channels, real and complex.
 */
#ifndef SEQMIX_LINEAR_RECURRENCE_H
#define SEQMIX_LINEAR_RECURRENCE_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Arguments of seqmix_linear_recurrence(); start from #SEQMIX_LINEAR_RECURRENCE_ARGS_INIT.
 *
 * N is the number of sequences: B, or the segments of `cu_seqlens`. Numbers are real, or with
 * `is_complex` pairs of a real and an imaginary part: all tensors but index tensors then have a
 * further last axis of length 2 and stride 1. "State" tensors are f32, f16 or bf16. "Index" tensors
 * are int32 or int64. Pointers left NULL are absent.
 */
typedef struct seqmix_linear_recurrence_args {
  uint64_t struct_size;                   /**< set by #SEQMIX_LINEAR_RECURRENCE_ARGS_INIT */
  const seqmix_tensor *a;                 /**< [C] or [B, T, C], f32 or b's type; required */
  const seqmix_tensor *b;                 /**< [B, T, C], f32, f16 or bf16; required */
  const seqmix_tensor *out;               /**< written: h, [B, T, C], b's type or f32; required */
  int32_t is_complex;                     /**< nonzero: all numbers are pairs (re, im) */
  int32_t reverse;                        /**< nonzero: time runs backwards */
  const seqmix_tensor *past_state;        /**< state [N, C]: h before the first token; absent: 0 */
  const seqmix_tensor *present_state;     /**< written, state [N, C]: h after the last token */
  const seqmix_tensor *state_indices;     /**< index [N]: rows of past_state to read */
  const seqmix_tensor *state_out_indices; /**< index [N]: rows of present_state to write */
  const seqmix_tensor *cu_seqlens;        /**< index [N+1]: packed sequences; then B is 1 */
  int64_t max_seqlen;                     /**< the longest of them, a hint; 0: unknown */
  void *workspace;          /**< NULL: the context's own memory; else aligned to 64 bytes */
  uint64_t workspace_bytes; /**< at least seqmix_linear_recurrence_workspace_size() */
} seqmix_linear_recurrence_args;

/** Initial value of a seqmix_linear_recurrence_args. */
#define SEQMIX_LINEAR_RECURRENCE_ARGS_INIT \
  { sizeof(seqmix_linear_recurrence_args), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * `h[t] = a[t] h[t-1] + b[t]` in every channel of every sequence; out is h.
 *
 * `a` is the factor itself, not its logarithm: constant in time (`[C]`) or of each token. Any
 * factor is computed as given, 0 and those beyond 1 too. Arithmetic is f32 or better whatever the
 * types, and long sequences lose nothing: while |a| <= 1, errors stay those of rounding h once
 * however many tokens there are. A state is rounded once, at the end.
 *
 * - **is_complex**: products are complex ones; nothing is conjugated.
 * - **reverse**: `h[t] = a[t] h[t+1] + b[t]`: past precedes the last token, present follows the
 *   first.
 * - **States**: absent past is zero. present_state may be exactly past_state (same memory and
 *   strides): updated in place.
 * - **Pools**: with state_indices, past_state has any number of rows, and sequence n begins with
 *   row state_indices[n]. -1: its outputs are 0, and no state of it is read or written.
 *   state_out_indices are rows of present_state, -1: the state is not kept; absent, they are
 *   state_indices. Two sequences do not write one row, and in place none writes what another reads.
 * - **Packing**: sequence n is rows cu_seqlens[n] to cu_seqlens[n+1]-1; the array starts at 0,
 *   never decreases and ends at T. A sequence without tokens copies its past to its present.
 * - **Strides**: any, 0 for inputs too; those of outputs are positive. Fast where channels are
 *   contiguous and where time is, so a caller with [B, C, T] in memory passes strides.
 *   Elements of an output are distinct, and outputs overlap neither inputs nor each other, but for
 *   a state in place.
 * - The same call gives the same bits, whatever the number of threads.
 * - On a GPU the call is asynchronous on the context's stream.
 *
 * @return INVALID_ARGUMENT for anything the above forbids, before an output byte is written, and
 *         for a workspace that is too small or misaligned; UNSUPPORTED if the device cannot do the
 *         combination; OUT_OF_MEMORY; DEVICE.
 *
 * Papers: Gu et al. 2022 (S4D), Smith et al. 2023 (S5), Orvieto et al. 2023 (LRU), Qin et al. 2023
 * (HGRN), Katsch 2023 (GateLoop), De et al. 2024 (RG-LRU), Feng et al. 2024 (minGRU).
 */
SEQMIX_EXPORT seqmix_status seqmix_linear_recurrence(seqmix_context *context,
                                                     const seqmix_linear_recurrence_args *args);

/** Bytes of workspace the same call needs now (with the context's present threads). */
SEQMIX_EXPORT seqmix_status seqmix_linear_recurrence_workspace_size(
    seqmix_context *context, const seqmix_linear_recurrence_args *args, uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
