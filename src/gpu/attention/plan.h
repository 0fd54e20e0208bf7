/* SPDX-License-Identifier: Apache-2.0 */
/* How attention's kernels are shaped: pure functions of problem and device. */
#ifndef SEQMIX_GPU_ATTENTION_PLAN_H
#define SEQMIX_GPU_ATTENTION_PLAN_H

#include "gpu/plan.h"

/** The largest D and Dv of prefill and decode. */
enum { GPU_ATTENTION_DIM_MOST = 256 };

/** A tile of prefill: constants of its program (kernels/attention/tile.h). */
typedef struct gpu_prefill_plan {
  int32_t lanes, items;
  int32_t dim;          /* 64, 128 or 256: not below D and Dv */
  int32_t rows, keys;   /* of a tile */
  int32_t column_trips; /* lanes of rows that an item has */
  int64_t local_bytes;  /* that the tile takes */
  int64_t groups;       /* work-groups of the call */
} gpu_prefill_plan;

gpu_prefill_plan seqmix_gpu_prefill_plan(const seqmix_attention_problem *problem,
                                         const seqmix_device_properties *device);

/** Whether queries are so few that keys are what there is to share out. */
int seqmix_gpu_is_decode(const seqmix_attention_problem *problem);

#endif
