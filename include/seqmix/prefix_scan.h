/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Prefix scans: running sums, products, maxima and logsumexps along an axis.
 */
#ifndef SEQMIX_PREFIX_SCAN_H
#define SEQMIX_PREFIX_SCAN_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a scan accumulates, and its value before the first element. */
typedef enum seqmix_scan_op {
  SEQMIX_SCAN_SUM = 0,      /**< x + y; 0 */
  SEQMIX_SCAN_PRODUCT = 1,  /**< x y; 1 */
  SEQMIX_SCAN_MAX = 2,      /**< the larger; -inf, of integers the least there is */
  SEQMIX_SCAN_LOGSUMEXP = 3 /**< log(exp(x) + exp(y)); -inf; not of integers */
} seqmix_scan_op;

/**
 * Arguments of seqmix_prefix_scan(); start from #SEQMIX_PREFIX_SCAN_ARGS_INIT. Pointers left NULL
 * are absent.
 */
typedef struct seqmix_prefix_scan_args {
  uint64_t struct_size;            /**< set by #SEQMIX_PREFIX_SCAN_ARGS_INIT */
  const seqmix_tensor *x;          /**< of rank 1 to 8: f32, f16, bf16, f64 or i32; required */
  const seqmix_tensor *out;        /**< written: x's shape, x's type, or f32 of f16 and bf16 */
  int32_t op;                      /**< a #seqmix_scan_op */
  int32_t axis;                    /**< of x; negative: from the end, -1 is the last */
  int32_t exclusive;               /**< nonzero: out leaves the element itself out */
  int32_t reverse;                 /**< nonzero: from the end of the axis to its beginning */
  const seqmix_tensor *cu_seqlens; /**< int32 or int64 [N+1]: segments of the axis */
  int64_t max_seqlen;              /**< the longest of them, a hint; 0: unknown */
  void *workspace;                 /**< NULL: the context's own memory; else aligned to 64 bytes */
  uint64_t workspace_bytes;        /**< at least seqmix_prefix_scan_workspace_size() */
} seqmix_prefix_scan_args;

/** Initial value of a seqmix_prefix_scan_args. */
#define SEQMIX_PREFIX_SCAN_ARGS_INIT \
  { sizeof(seqmix_prefix_scan_args), 0, 0, SEQMIX_SCAN_SUM, -1, 0, 0, 0, 0, 0, 0 }

/**
 * `out[t] = x[0] op x[1] op ... op x[t]` along one axis, for every index of the others.
 *
 * - **exclusive**: `out[t]` ends with `x[t-1]`, and `out[0]` is the operation's first value.
 * - **reverse**: from the last element on: `out[t] = x[t] op ... op x[T-1]`.
 * - **Segments**: with cu_seqlens, indices cu_seqlens[n] to cu_seqlens[n+1]-1 of the axis are
 *   scanned by themselves; the array starts at 0, never decreases and ends at the axis' length.
 * - **Accuracy**: f32 and 16-bit inputs are accumulated so that a scan of any length is as good as
 *   its last rounding; of logsumexp, as that of its sum. A product never passes through an infinity
 * or a zero that its result does not have: 1e30 ten times and then 1e-30 ten times ends at 1, and
 * anything finite times 0 is 0. Logsumexp never exponentiates anything larger than 0. Sums and
 * products of i32 wrap around.
 * - NaN makes all results after it NaN, the maximum too.
 * - **Strides**: any, 0 for x too; those of out are positive. Fast where the axis is contiguous and
 *   where another is. Elements of out are distinct, and out does not overlap x.
 * - The same call gives the same bits, whatever the number of threads.
 * - On a GPU the call is asynchronous on the context's stream; f64 is for the CPU.
 *
 * @return INVALID_ARGUMENT for anything the above forbids, before an output byte is written, and
 *         for a workspace that is too small or misaligned; UNSUPPORTED if the device cannot do the
 *         combination; OUT_OF_MEMORY; DEVICE.
 *
 * Papers: Blelloch 1990 (prefix sums); Qin et al. 2024 (LightNet, logsumexp as a decay).
 */
SEQMIX_EXPORT seqmix_status seqmix_prefix_scan(seqmix_context *context,
                                               const seqmix_prefix_scan_args *args);

/** Bytes of workspace the same call needs now (with the context's present threads). */
SEQMIX_EXPORT seqmix_status seqmix_prefix_scan_workspace_size(seqmix_context *context,
                                                              const seqmix_prefix_scan_args *args,
                                                              uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
