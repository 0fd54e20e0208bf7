/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Linear attention, gated and with delta rules: every model whose memory is a matrix.
 */
#ifndef SEQMIX_LINEAR_ATTENTION_H
#define SEQMIX_LINEAR_ATTENTION_H

#include <float.h>

#include "context.h"
#include "sharing.h"

#ifdef __cplusplus
extern "C" {
#endif

/** seqmix_linear_attention_args::floor: 0, or 1 with an input gate. */
#define SEQMIX_FLOOR_DEFAULT (-DBL_MAX)

/** How a token changes the state S [D, Dv]; alpha is exp(decay). */
typedef enum seqmix_update_rule {
  SEQMIX_UPDATE_LINEAR = 0,      /**< S = S + k v^T */
  SEQMIX_UPDATE_GATED = 1,       /**< S = alpha S + k v^T */
  SEQMIX_UPDATE_DELTA = 2,       /**< S = S + k u^T, u = beta (v - S^T k) */
  SEQMIX_UPDATE_GATED_DELTA = 3, /**< S = alpha S, then as delta on that */
  SEQMIX_UPDATE_DPLR = 4         /**< S = alpha S + b (a^T S) + k v^T, diagonal plus low rank */
} seqmix_update_rule;

/** What is done to rows of q and k before all else. */
typedef enum seqmix_feature_map {
  SEQMIX_FEATURE_NONE = 0,
  SEQMIX_FEATURE_ELU1 = 1,    /**< elu(x) + 1 */
  SEQMIX_FEATURE_RELU = 2,    /**< max(x, 0) */
  SEQMIX_FEATURE_RELU2 = 3,   /**< max(x, 0)^2 */
  SEQMIX_FEATURE_EXP = 4,     /**< exp(x) */
  SEQMIX_FEATURE_SOFTMAX = 5, /**< exp(x) / sum exp(x), over D */
  SEQMIX_FEATURE_SILU = 6,    /**< x / (1 + exp(-x)) */
  SEQMIX_FEATURE_L2NORM = 7   /**< x / sqrt(sum x^2 + 1e-6), over D */
} seqmix_feature_map;

/** What outputs are divided by; den is what a column of ones beside v would give. */
typedef enum seqmix_normalize {
  SEQMIX_NORMALIZE_NONE = 0,
  SEQMIX_NORMALIZE_SUM = 1,    /**< den + eps, with its sign */
  SEQMIX_NORMALIZE_ABS_MAX = 2 /**< max(|den|, floor) + eps */
} seqmix_normalize;

/**
 * Arguments of seqmix_linear_attention(); start from #SEQMIX_LINEAR_ATTENTION_ARGS_INIT.
 *
 * N is the number of sequences: B, or the segments of `cu_seqlens`. Hs, the number of states, is
 * the number of heads of v. "Gate" tensors are f32 or q's type. "State" tensors are f32, f16 or
 * bf16, with any strides. "Index" tensors are int32 or int64 with any stride. Pointers left NULL
 * are absent.
 */
typedef struct seqmix_linear_attention_args {
  uint64_t struct_size;       /**< set by #SEQMIX_LINEAR_ATTENTION_ARGS_INIT */
  const seqmix_tensor *q;     /**< [B, T, Hq, D] f32, f16 or bf16; required */
  const seqmix_tensor *k;     /**< [B, T, Hk, D], q's type; required */
  const seqmix_tensor *v;     /**< [B, T, Hs, Dv], q's type; required */
  const seqmix_tensor *out;   /**< written: [B, T, max(Hq, Hs), Dv], q's type or f32; required */
  int32_t update_rule;        /**< a #seqmix_update_rule */
  int32_t feature_map;        /**< a #seqmix_feature_map */
  int32_t normalize;          /**< a #seqmix_normalize; rules linear and gated */
  int32_t head_sharing;       /**< a #seqmix_head_sharing, of queries and of keys */
  int32_t causal;             /**< zero: every token reads the last state; linear and gated */
  int32_t reverse;            /**< nonzero: time runs backwards */
  int32_t bidirectional;      /**< nonzero: both directions; linear and gated */
  int32_t reserved;           /**< 0 */
  double scale;               /**< within f32's range; #SEQMIX_SCALE_DEFAULT: 1/sqrt(D) */
  double eps;                 /**< at least 0, with normalize */
  double floor;               /**< at least 0, with abs_max; or #SEQMIX_FLOOR_DEFAULT */
  const seqmix_tensor *decay; /**< gate, log of alpha: [Hs], [B, T, Hs] or [B, T, Hs, D] */
  const seqmix_tensor *decay_reverse; /**< gate, with bidirectional: that of the reverse pass */
  const seqmix_tensor *beta;          /**< gate, delta rules: [B, T, Hs] or [B, T, Hs, Dv]; or 1 */
  const seqmix_tensor *erase;         /**< gate, delta rules: [B, T, Hs, D] */
  const seqmix_tensor *a;             /**< gate, dplr: [B, T, Hs, D] */
  const seqmix_tensor *b;             /**< gate, dplr: [B, T, Hs, D] */
  const seqmix_tensor *bonus;         /**< gate, linear and gated: [Hs, D] */
  const seqmix_tensor *input_gate;    /**< gate, logs: [B, T, Hs]; gated, with normalize */
  const seqmix_tensor *past_state;    /**< state: S before the first token, [N, Hs, D, Dv] */
  const seqmix_tensor *past_normalizer;    /**< state: z, [N, Hs, D]; with normalize */
  const seqmix_tensor *past_stabilizer;    /**< f32: m, [N, Hs]; with input_gate */
  const seqmix_tensor *present_state;      /**< written, state: S after the last token */
  const seqmix_tensor *present_normalizer; /**< written, state: z likewise */
  const seqmix_tensor *present_stabilizer; /**< written, f32: m likewise */
  const seqmix_tensor *state_indices;      /**< index [N]: rows of the past tensors to read */
  const seqmix_tensor *state_out_indices;  /**< index [N]: rows of the present ones to write */
  const seqmix_tensor *cu_seqlens;         /**< index [N+1]: packed sequences; then B is 1 */
  int64_t max_seqlen;                      /**< the longest of them, a hint; 0: unknown */
  int64_t chunk_size;                      /**< tokens per chunk, a hint; 0: the device's choice */
  void *workspace;          /**< NULL: the context's own memory; else aligned to 64 bytes */
  uint64_t workspace_bytes; /**< at least seqmix_linear_attention_workspace_size() */
} seqmix_linear_attention_args;

/** Initial value of a seqmix_linear_attention_args. */
#define SEQMIX_LINEAR_ATTENTION_ARGS_INIT                                                        \
  {                                                                                              \
    sizeof(seqmix_linear_attention_args), 0, 0, 0, 0, SEQMIX_UPDATE_LINEAR, SEQMIX_FEATURE_NONE, \
        SEQMIX_NORMALIZE_NONE, SEQMIX_HEADS_INTERLEAVED, 1, 0, 0, 0, SEQMIX_SCALE_DEFAULT, 0.0,  \
        SEQMIX_FLOOR_DEFAULT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0      \
  }

/**
 * Linear attention: a state S [D, Dv] per sequence and head, changed by each token and read by it.
 *
 * For token t of state head h, with alpha = exp(decay) per head or per row of S (1 if absent):
 *
 *     linear, gated:   S_t = alpha S_{t-1} + k v^T
 *     delta, gated_delta:
 *                      S' = alpha S_{t-1},  u = beta (v - S'^T k),  S_t = S' + k u^T
 *       with erase:    u = beta v - S'^T erase
 *     dplr:            S_t = alpha S_{t-1} + b (a^T S_{t-1}) + k v^T
 *     out_t          = scale * S_t^T q
 *       with bonus:    scale * (S_{t-1} + (bonus k) v^T)^T q
 *
 * The feature map is applied to q and k before everything else. Arithmetic is f32 whatever the
 * types, and states are rounded once, at the end.
 *
 * - **Heads**: Hs is v's. Hk divides Hs: a key head is shared by Hs/Hk states. Either Hq divides Hs
 *   (a query head is shared by Hs/Hq states) or Hs divides Hq (Hq/Hs queries read one state); out
 *   has the larger number of heads. See #seqmix_head_sharing.
 * - **Decay**: required by gated and gated_delta, refused by linear and delta. Positive values are
 *   computed as given. Any decay is safe: 0, -1e4, -inf.
 * - **normalize**: z_t = alpha z_{t-1} + k is kept beside S and read in the same way: out is
 *   divided by den + eps or max(|den|, floor) + eps, where den is what a column of ones in v would
 *   give. 0/0 is 0.
 * - **input_gate** i, a log (mLSTM): k v^T and k are multiplied by exp(i). The states are then
 *   (S, z, m) and hold S exp(-m), z exp(-m), where m_t = max(decay + m_{t-1}, i_t); no past is
 *   (0, 0, -inf). floor becomes floor * exp(-m); eps is added after that. Decay is not per channel.
 * - **causal = 0**: all tokens of a sequence read its last state. Not with bonus.
 * - **reverse**: tokens are taken last to first: past precedes the last, present follows the first.
 * - **bidirectional**: numerator and denominator are each that of the forward pass, plus that of
 *   the reverse pass, less the diagonal (q.k) v and q.k; then one division. decay_reverse, of
 *   decay's shape, is the reverse pass's decay; absent, decay serves both. No states, no bonus,
 *   causal, not with reverse.
 * - **States**: all of those that the options call for are given, or none. Absent past is zero.
 *   Present tensors may be exactly the past ones (same memory and strides): updated in place.
 * - **Pools**: with state_indices, the past tensors have any number of rows, and sequence n begins
 *   with row state_indices[n]. -1: its outputs are 0, and no state of it is read or written.
 *   state_out_indices are rows of the present tensors, -1: the state is not kept; absent, they are
 *   state_indices. Two sequences do not write one row, and in place none writes what another reads.
 * - **Packing**: sequence n is rows cu_seqlens[n] to cu_seqlens[n+1]-1; the array starts at 0,
 *   never decreases and ends at T. A sequence without tokens copies its past to its present.
 * - **Strides**: the last axis of q, k, v and out is contiguous; all others are free, but
 *   those of outputs are positive. Elements of an output are distinct, and outputs overlap neither
 *   inputs nor each other, but for states in place.
 * - The same call gives the same bits, whatever the number of threads.
 * - On a GPU the call is asynchronous on the context's stream.
 *
 * @return INVALID_ARGUMENT for anything the above forbids, before an output byte is written, and
 *         for a workspace that is too small or misaligned; UNSUPPORTED if the device cannot do the
 *         combination; OUT_OF_MEMORY; DEVICE.
 *
 * Papers: Katharopoulos et al. 2020 (linear attention); Sun et al. 2023 (RetNet); Dao and Gu 2024
 * (SSD); Yang et al. 2024 (gated linear attention; the delta rule over chunks; gated DeltaNet);
 * Beck et al. 2024 (xLSTM); Peng et al. 2024, 2025 (RWKV-6, RWKV-7); Kimi Team 2025 (KDA).
 */
SEQMIX_EXPORT seqmix_status seqmix_linear_attention(seqmix_context *context,
                                                    const seqmix_linear_attention_args *args);

/** Bytes of workspace the same call needs now (with the context's present threads). */
SEQMIX_EXPORT seqmix_status seqmix_linear_attention_workspace_size(
    seqmix_context *context, const seqmix_linear_attention_args *args, uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
