/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Softmax attention, and the merging of its partial results.
 */
#ifndef SEQMIX_ATTENTION_H
#define SEQMIX_ATTENTION_H

#include "context.h"
#include "sharing.h"

#ifdef __cplusplus
extern "C" {
#endif

/** seqmix_attention_args::query_offset: the last query stands at the last key, per sequence. */
#define SEQMIX_OFFSET_END INT64_MIN

/** What seqmix_attention_args::scores receives. Keys and rows beyond the lengths hold -inf, or 0
 * among probabilities. */
typedef enum seqmix_scores_mode {
  SEQMIX_SCORES_RAW = 0,          /**< scale * q.k, whatever the masks say */
  SEQMIX_SCORES_SOFTCAP = 1,      /**< that after the softcap */
  SEQMIX_SCORES_BIAS = 2,         /**< that plus bias and ALiBi; -inf where a mask removes a key */
  SEQMIX_SCORES_PROBABILITIES = 3 /**< the softmax; 0 where a mask removes a key */
} seqmix_scores_mode;

/**
 * Arguments of seqmix_attention(); start from #SEQMIX_ATTENTION_ARGS_INIT.
 *
 * N is the number of sequences: B, or the segments of `cu_seqlens_q` when queries are packed.
 * "Index" tensors are int32 or int64 with any stride. Pointers left NULL are absent.
 */
typedef struct seqmix_attention_args {
  uint64_t struct_size;     /**< set by #SEQMIX_ATTENTION_ARGS_INIT */
  const seqmix_tensor *q;   /**< [B, Tq, Hq, D] f32, f16 or bf16; required */
  const seqmix_tensor *k;   /**< [B, Tk, Hkv, D], q's type; paged: [pages, page_size, Hkv, D] */
  const seqmix_tensor *v;   /**< [B, Tk, Hkv, Dv], q's type; paged: [pages, page_size, Hkv, Dv] */
  const seqmix_tensor *out; /**< written: [B, Tq, Hq, Dv], q's type or f32; required */
  const seqmix_tensor *lse; /**< written: [B, Hq, Tq] f32 log of the softmax's denominator */
  const seqmix_tensor *scores; /**< written: [B, Hq, Tq, Tk], q's type or f32; not with packing */
  int32_t scores_mode;         /**< a #seqmix_scores_mode */
  int32_t head_sharing;        /**< a #seqmix_head_sharing */
  double scale;                /**< within f32's range; #SEQMIX_SCALE_DEFAULT: 1/sqrt(D) */
  double softcap;              /**< s = softcap * tanh(s / softcap), a normal f32; 0: none */
  int32_t causal;              /**< nonzero: key j <= i + offset */
  int32_t allow_nondeterministic;     /**< nonzero: results may vary from run to run, for speed */
  int64_t window_left;                /**< keys j >= i + offset - window_left; -1: open */
  int64_t window_right;               /**< keys j <= i + offset + window_right; -1: open */
  int64_t query_offset;               /**< position of query 0 among the keys, within +-2^60; or
                                           #SEQMIX_OFFSET_END: Tk_n - Tq_n */
  const seqmix_tensor *query_offsets; /**< index [N]: the same per sequence, instead */
  const seqmix_tensor *key_lengths;   /**< index [N]: live keys of each sequence (its Tk_n) */
  const seqmix_tensor *query_lengths; /**< index [N]: live queries (its Tq_n) */
  const seqmix_tensor *mask;          /**< bool, right-aligned to [B, Hq, Tq, Tk]; true: attend */
  const seqmix_tensor *bias;          /**< q's type or f32, right-aligned to [B, Hq, Tq, Tk] */
  const seqmix_tensor *alibi_slopes;  /**< f32 [Hq]: adds -slope * |i + offset - j| */
  const seqmix_tensor *sinks;         /**< f32 or q's type [Hq]: a logit without a value */
  const seqmix_tensor *block_map;     /**< bool or u8 [N or 1, Hq or 1, ceil(Tq/bq), ceil(Tk/bk)] */
  int64_t block_map_queries;          /**< bq, with block_map */
  int64_t block_map_keys;             /**< bk, with block_map */
  const seqmix_tensor *cu_seqlens_q;  /**< index [N+1]: packed queries; then q's B is 1 */
  const seqmix_tensor *cu_seqlens_k;  /**< index [N+1]: packed keys; then k's and v's B is 1 */
  int64_t max_seqlen_q;               /**< longest packed query sequence, a hint; 0: unknown */
  int64_t max_seqlen_k;               /**< longest packed key sequence, a hint; 0: unknown */
  const seqmix_tensor *block_table;   /**< index [N, max_pages]: pages of each sequence */
  void *workspace;          /**< NULL: the context's own memory; else aligned to 64 bytes */
  uint64_t workspace_bytes; /**< at least seqmix_attention_workspace_size() */
} seqmix_attention_args;

/** Initial value of a seqmix_attention_args. */
#define SEQMIX_ATTENTION_ARGS_INIT                                                                \
  {                                                                                               \
    sizeof(seqmix_attention_args), 0, 0, 0, 0, 0, 0, SEQMIX_SCORES_RAW, SEQMIX_HEADS_INTERLEAVED, \
        SEQMIX_SCALE_DEFAULT, 0.0, 0, 0, -1, -1, SEQMIX_OFFSET_END, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
        0, 0, 0, 0, 0, 0, 0                                                                       \
  }

/**
 * Softmax attention, blockwise: memory beyond its tensors does not grow with Tq * Tk.
 *
 * For query i of head h, key j, and `offset` the query_offset of the sequence:
 *
 *     s[i,j]  = scale * dot(q[i], k[j])
 *     s       = softcap * tanh(s / softcap)                     if softcap > 0
 *     s      += bias[i,j] - slope[h] * |i + offset - j|
 *     p[i,:]  = exp(s[i,:] - lse[i]),  lse[i] = log(sum_j exp(s[i,j]) + exp(sinks[h]))
 *     out[i]  = sum_j p[i,j] v[j]
 *
 * where j runs over the keys that no mask removes. Arithmetic is f32 whatever the types.
 *
 * - **Heads**: Hkv divides Hq; see #seqmix_head_sharing. D and Dv are independent, any size >= 1.
 * - **Masks**, all combinable: causal, window, key_lengths, query_lengths (rows beyond: out 0,
 *   lse -inf), mask, block_map, a bias of -inf. `mask` and `bias` have rank 1 to 4 (rank 3 is
 *   heads, queries, keys), broadcast over all axes but the last, whose extent is Tk or shorter:
 *   missing keys are masked. They do not go with packing.
 * - **No live key**: out is 0 and lse is -inf, or the sink. Empty batches, sequences and lengths
 *   are legal. A live score of NaN or +inf makes its row NaN.
 * - **Packing**: sequence n is rows cu_seqlens[n] to cu_seqlens[n+1]-1; the array starts at 0,
 *   never decreases and ends at the length of the packed axis. lse is then [1, Hq, total]. The
 *   block map's axes then count from each sequence's start and are at least as long as the
 *   longest needs. Queries and keys may each be packed or not.
 * - **Paging**: key j of sequence n is slot j % page_size of page block_table[n, j / page_size];
 *   needs key_lengths. Not with cu_seqlens_k. Entries beyond the live keys are not read. The Tk
 *   of mask, bias, block map and scores is max_pages * page_size.
 * - **Strides**: the last axis of q, k, v, out and scores is contiguous; all others are free.
 *   Elements of an output are distinct, and outputs overlap neither inputs nor each other.
 * - The same call gives the same bits, whatever the number of threads.
 * - On a GPU the call is asynchronous on the context's stream.
 *
 * @return INVALID_ARGUMENT for anything the above forbids, before an output byte is written, and
 *         for a workspace that is too small or misaligned (that it overlaps no tensor is the
 *         caller's business); UNSUPPORTED if the device cannot do the combination; OUT_OF_MEMORY;
 * DEVICE.
 *
 * Papers: Vaswani et al. 2017 (attention); Milakov and Gimelshein 2018 (online softmax); Dao et
 * al. 2022, 2023 (FlashAttention); Press et al. 2022 (ALiBi); Kwon et al. 2023 (paged attention);
 * Xiao et al. 2024 (sinks).
 */
SEQMIX_EXPORT seqmix_status seqmix_attention(seqmix_context *context,
                                             const seqmix_attention_args *args);

/** Bytes of workspace the same call needs now (with the context's present threads). */
SEQMIX_EXPORT seqmix_status seqmix_attention_workspace_size(seqmix_context *context,
                                                            const seqmix_attention_args *args,
                                                            uint64_t *bytes);

/** Arguments of seqmix_attention_merge(); start from #SEQMIX_ATTENTION_MERGE_ARGS_INIT. */
typedef struct seqmix_attention_merge_args {
  uint64_t struct_size;       /**< set by #SEQMIX_ATTENTION_MERGE_ARGS_INIT */
  const seqmix_tensor *outs;  /**< [P, B, T, H, Dv] f32, f16 or bf16: partial results; required */
  const seqmix_tensor *lses;  /**< [P, B, H, T] f32: their lse; required */
  const seqmix_tensor *sinks; /**< f32 or outs' type [H], if no part has counted them */
  const seqmix_tensor *out;   /**< written: [B, T, H, Dv], outs' type or f32; required */
  const seqmix_tensor *lse;   /**< written: [B, H, T] f32 */
  void *workspace;            /**< NULL: the context's own memory; else aligned to 64 bytes */
  uint64_t workspace_bytes;   /**< at least seqmix_attention_merge_workspace_size() */
} seqmix_attention_merge_args;

/** Initial value of a seqmix_attention_merge_args. */
#define SEQMIX_ATTENTION_MERGE_ARGS_INIT \
  { sizeof(seqmix_attention_merge_args), 0, 0, 0, 0, 0, 0, 0 }

/**
 * Joins attention results over disjoint sets of keys into the result over their union (split
 * key/value decoding, shared prefixes, sequence parallelism):
 *
 *     lse = log(sum_n exp(lse_n) + exp(sink))        out = sum_n exp(lse_n - lse) out_n
 *
 * A part whose lse is -inf counts for nothing, whatever its `out` holds; if all are -inf, out is
 * 0 and lse is -inf, or the sink. An lse of NaN or +inf makes its row NaN. P may be 0. The last
 * axis of outs and out is contiguous; other strides, overlaps and statuses are those of
 * seqmix_attention().
 *
 * Paper: Milakov and Gimelshein 2018; Juravsky et al. 2024 (Hydragen).
 */
SEQMIX_EXPORT seqmix_status seqmix_attention_merge(seqmix_context *context,
                                                   const seqmix_attention_merge_args *args);

/** Bytes of workspace the same call needs now. */
SEQMIX_EXPORT seqmix_status seqmix_attention_merge_workspace_size(
    seqmix_context *context, const seqmix_attention_merge_args *args, uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
