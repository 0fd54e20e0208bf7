/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The short causal convolution in front of recurrent layers.
 */
#ifndef SEQMIX_CAUSAL_CONV1D_H
#define SEQMIX_CAUSAL_CONV1D_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is done to an output last. */
typedef enum seqmix_activation {
  SEQMIX_ACTIVATION_NONE = 0,
  SEQMIX_ACTIVATION_SILU = 1 /**< x / (1 + exp(-x)) */
} seqmix_activation;

/**
 * Arguments of seqmix_causal_conv1d(); start from #SEQMIX_CAUSAL_CONV1D_ARGS_INIT.
 *
 * N is the number of sequences: B, or the segments of `cu_seqlens`; W is the width, at least 1.
 * "Gate" tensors are f32 or x's type. "Index" tensors are int32 or int64. Pointers left NULL are
 * absent.
 */
typedef struct seqmix_causal_conv1d_args {
  uint64_t struct_size;               /**< set by #SEQMIX_CAUSAL_CONV1D_ARGS_INIT */
  const seqmix_tensor *x;             /**< [B, T, C] f32, f16 or bf16; required */
  const seqmix_tensor *weight;        /**< gate [C, W]; the last column is the token's own */
  const seqmix_tensor *bias;          /**< gate [C] */
  const seqmix_tensor *out;           /**< written: [B, T, C], x's type or f32; required */
  int32_t activation;                 /**< a #seqmix_activation */
  int32_t reserved;                   /**< 0 */
  const seqmix_tensor *past_state;    /**< [N, W-1, C], x's type: the tokens before, oldest first */
  const seqmix_tensor *present_state; /**< written, [N, W-1, C], x's type: the last tokens */
  const seqmix_tensor *state_indices; /**< index [N]: rows of past_state to read */
  const seqmix_tensor *state_out_indices; /**< index [N]: rows of present_state to write */
  const seqmix_tensor *cu_seqlens;        /**< index [N+1]: packed sequences; then B is 1 */
  int64_t max_seqlen;                     /**< the longest of them, a hint; 0: unknown */
  void *workspace;          /**< NULL: the context's own memory; else aligned to 64 bytes */
  uint64_t workspace_bytes; /**< at least seqmix_causal_conv1d_workspace_size() */
} seqmix_causal_conv1d_args;

/** Initial value of a seqmix_causal_conv1d_args. */
#define SEQMIX_CAUSAL_CONV1D_ARGS_INIT                                                             \
  {                                                                                                \
    sizeof(seqmix_causal_conv1d_args), 0, 0, 0, 0, SEQMIX_ACTIVATION_NONE, 0, 0, 0, 0, 0, 0, 0, 0, \
        0                                                                                          \
  }

/**
 * `out[t,c] = activation(bias[c] + sum over k of weight[c,k] x[t-W+1+k,c])`: each channel by
 * itself. Tokens before the first are those of past_state, or 0.
 *
 * Arithmetic is f32 whatever the types. States are copies of inputs: no rounding. With fewer than
 * W-1 tokens the present state begins with the end of the past one.
 *
 * - **One token**: T = 1 with both states is the update of decoding.
 * - **States, pools, packing, strides, bits**: as for seqmix_linear_recurrence(). A W of 1 has
 *   states without elements. Fast for W up to 8, where channels are contiguous and where time is.
 *
 * @return as seqmix_linear_recurrence().
 *
 * Papers: Gu and Dao 2023 (Mamba); Poli et al. 2023 (Hyena's short filters).
 */
SEQMIX_EXPORT seqmix_status seqmix_causal_conv1d(seqmix_context *context,
                                                 const seqmix_causal_conv1d_args *args);

/** Bytes of workspace the same call needs now (with the context's present threads). */
SEQMIX_EXPORT seqmix_status seqmix_causal_conv1d_workspace_size(
    seqmix_context *context, const seqmix_causal_conv1d_args *args, uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
