/* SPDX-License-Identifier: Apache-2.0 */
/* How attention's kernels for tensor cores are shaped: pure functions of problem and device. */
#ifndef SEQMIX_GPU_ATTENTION_MMA_PLAN_H
#define SEQMIX_GPU_ATTENTION_MMA_PLAN_H

#include "gpu/plan.h"

/** Constants of kernels/attention/prefill_mma.cu and decode_mma.cu, and what a call of them takes.
 */
typedef struct gpu_mma_plan {
  int32_t dim, value_dim; /* 64, 96, 128, 192 or 256: not below D and Dv; 0: there is none */
  int32_t rows, keys;     /* of a tile */
  int32_t stages;         /* decode: tiles of keys that are on their way or in use */
  int32_t items;
  int32_t has_terms;   /* scores are more than products within a window */
  int64_t local_bytes; /* that a group takes */
  int32_t fits;        /* whether D and Dv are of a class, and the device has room for a tile */
  int64_t piece;       /* decode: keys of a piece, whole tiles */
  int64_t pieces;      /* decode: of the longest sequence, at least 1 */
  int64_t groups;      /* work-groups of the call, before pieces are joined */
} gpu_mma_plan;

gpu_mma_plan seqmix_gpu_prefill_mma_plan(const seqmix_attention_problem *problem,
                                         const seqmix_device_properties *device);

#endif
