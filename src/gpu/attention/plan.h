/* SPDX-License-Identifier: Apache-2.0 */
/* How attention's kernels are shaped: pure functions of problem and device. */
#ifndef SEQMIX_GPU_ATTENTION_PLAN_H
#define SEQMIX_GPU_ATTENTION_PLAN_H

#include "gpu/plan.h"

/** A tile of prefill: constants of its program (kernels/attention/tile.h). */
typedef struct gpu_prefill_plan {
  int32_t lanes, items;
  int32_t dim;          /* 64, 128 or 256: not below D and Dv; 0: these are larger */
  int32_t rows, keys;   /* of a tile */
  int32_t column_trips; /* lanes of rows that an item has */
  int64_t local_bytes;  /* that the tile takes */
  int32_t fits;         /* whether D and Dv are of a class, and the device has room for a tile */
  int64_t groups;       /* work-groups of the call */
} gpu_prefill_plan;

gpu_prefill_plan seqmix_gpu_prefill_plan(const seqmix_attention_problem *problem,
                                         const seqmix_device_properties *device);

/** A part of decode: constants of its program (kernels/attention/decode.c), and the cut. */
typedef struct gpu_decode_plan {
  int32_t lanes, items;
  int32_t dim;         /* as in prefill */
  int32_t rows, keys;  /* of a block */
  int64_t piece;       /* keys of a piece, whole blocks */
  int64_t pieces;      /* of the longest sequence, at least 1 */
  int64_t local_bytes; /* that a work-group takes */
  int32_t fits;        /* as in prefill */
  int64_t groups;      /* work-groups of the call, before the pieces are joined */
  int64_t join_items;  /* work-items that join them */
} gpu_decode_plan;

gpu_decode_plan seqmix_gpu_decode_plan(const seqmix_attention_problem *problem,
                                       const seqmix_device_properties *device);

/** Bytes of workspace that pieces leave their results in; UINT64_MAX if beyond counting. */
uint64_t seqmix_gpu_decode_bytes(const seqmix_attention_problem *problem,
                                 const gpu_decode_plan *plan);

/** The unfused algorithm (kernels/attention/unfused.c): blocks of rows, some at a time. */
typedef struct gpu_unfused_plan {
  int32_t lanes, items;
  int64_t blocks; /* of all rows */
  int64_t step;   /* blocks at a time */
  uint64_t bytes; /* of workspace; UINT64_MAX if beyond counting */
} gpu_unfused_plan;

gpu_unfused_plan seqmix_gpu_unfused_plan(const seqmix_attention_problem *problem,
                                         const seqmix_device_properties *device);

/** The same with a library's products (kernels/attention/gather.c). A unit is a kv head of a
 * sequence with the query heads that read it: its rows and its keys are a matrix each. */
typedef struct gpu_gemm_plan {
  int32_t lanes, items;
  int32_t fits;                                  /* whether a part of a unit has room */
  int64_t units;                                 /* of the call */
  int64_t unit_blocks;                           /* of a unit's rows */
  int64_t step_units, step_blocks;               /* at a time: of units, and of each one's blocks */
  int64_t rows_at, keys_at, values_at, flags_at; /* in workspace, in floats, behind the scores */
  uint64_t bytes;                                /* of workspace */
} gpu_gemm_plan;

gpu_gemm_plan seqmix_gpu_gemm_plan(const seqmix_attention_problem *problem,
                                   const seqmix_device_properties *device);

/** Whether scores are more than products within a window. */
int seqmix_gpu_has_terms(const seqmix_attention_problem *problem);

/** Whether queries are so few that keys are what there is to share out. */
int seqmix_gpu_is_decode(const seqmix_attention_problem *problem);

#endif
