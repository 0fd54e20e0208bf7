/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The selective scan: Mamba's state-space recurrence.
 */
#ifndef SEQMIX_SELECTIVE_SCAN_H
#define SEQMIX_SELECTIVE_SCAN_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Arguments of seqmix_selective_scan(); start from #SEQMIX_SELECTIVE_SCAN_ARGS_INIT.
 *
 * N is the number of sequences: B, or the segments of `cu_seqlens`; Din the number of channels, S
 * that of states per channel, G that of groups of B and C: channel c reads group c / (Din / G).
 * "Gate" tensors are f32 or u's type. "State" tensors are f32, f16 or bf16. "Index" tensors are
 * int32 or int64. Pointers left NULL are absent.
 *
 * With `is_complex`, A, B, C and the states are pairs of a real and an imaginary part: they have a
 * further last axis of length 2 and stride 1.
 */
typedef struct seqmix_selective_scan_args {
  uint64_t struct_size;                   /**< set by #SEQMIX_SELECTIVE_SCAN_ARGS_INIT */
  const seqmix_tensor *u;                 /**< [B, T, Din] f32, f16 or bf16; required */
  const seqmix_tensor *delta;             /**< gate [B, T, Din]: the steps; required */
  const seqmix_tensor *A;                 /**< gate [Din, S]; required */
  const seqmix_tensor *B;                 /**< gate [B, T, G, S]; required */
  const seqmix_tensor *C;                 /**< gate [B, T, G, S]; required */
  const seqmix_tensor *D;                 /**< gate [Din]: adds D u */
  const seqmix_tensor *z;                 /**< gate [B, T, Din]: multiplies by silu(z) */
  const seqmix_tensor *delta_bias;        /**< gate [Din]: added to delta first */
  const seqmix_tensor *out;               /**< written: [B, T, Din], u's type or f32; required */
  int32_t delta_softplus;                 /**< nonzero: the step is softplus(delta + delta_bias) */
  int32_t is_complex;                     /**< nonzero: A, B, C and states are pairs (re, im) */
  const seqmix_tensor *past_state;        /**< state [N, Din, S]: h before the first token; or 0 */
  const seqmix_tensor *present_state;     /**< written, state [N, Din, S]: h after the last token */
  const seqmix_tensor *state_indices;     /**< index [N]: rows of past_state to read */
  const seqmix_tensor *state_out_indices; /**< index [N]: rows of present_state to write */
  const seqmix_tensor *cu_seqlens;        /**< index [N+1]: packed sequences; then B is 1 */
  int64_t max_seqlen;                     /**< the longest of them, a hint; 0: unknown */
  void *workspace;          /**< NULL: the context's own memory; else aligned to 64 bytes */
  uint64_t workspace_bytes; /**< at least seqmix_selective_scan_workspace_size() */
} seqmix_selective_scan_args;

/** Initial value of a seqmix_selective_scan_args. */
#define SEQMIX_SELECTIVE_SCAN_ARGS_INIT \
  { sizeof(seqmix_selective_scan_args), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * For every channel c with its group g, and its S states h:
 *
 *     step = delta[t] + delta_bias, or softplus of that
 *     h[t] = exp(step A) h[t-1] + step B[t] u[t]
 *     y[t] = sum over states of C[t] h[t];   complex: 2 Re of it, C not conjugated
 *     out  = (y + D u) silu(z)
 *
 * softplus(x) = log(1 + exp(x)), silu(x) = x / (1 + exp(-x)); what is absent leaves its term out.
 * Arithmetic is f32 or better whatever the types. A state is rounded once, at the end.
 *
 * - **One token**: T = 1 with both states is the step of decoding.
 * - **States, pools, packing, strides, bits**: as for seqmix_linear_recurrence(). Fast where
 *   channels are contiguous and where time is; states of a channel are best contiguous.
 *   B and C that do not change in time are given with a stride of 0.
 *
 * @return as seqmix_linear_recurrence().
 *
 * Paper: Gu and Dao 2023 (Mamba).
 */
SEQMIX_EXPORT seqmix_status seqmix_selective_scan(seqmix_context *context,
                                                  const seqmix_selective_scan_args *args);

/** Bytes of workspace the same call needs now (with the context's present threads). */
SEQMIX_EXPORT seqmix_status seqmix_selective_scan_workspace_size(
    seqmix_context *context, const seqmix_selective_scan_args *args, uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
