/* SPDX-License-Identifier: Apache-2.0 */
/* How selective_scan is cut: a pure function of problem and device. */
#ifndef SEQMIX_GPU_SCAN_SELECTIVE_PLAN_H
#define SEQMIX_GPU_SCAN_SELECTIVE_PLAN_H

#include "gpu/plan.h"

typedef struct gpu_selective_plan {
  int32_t lanes, items; /* constants of the program */
  int64_t group_channels;
  int64_t group_blocks;
  int64_t piece; /* tokens of a piece; all, if sequences are not cut */
  int64_t pieces;
  int64_t walk_items, carry_items; /* of the kernels */
  int32_t needs_work;              /* states lie in workspace between stages, or between pieces */
} gpu_selective_plan;

gpu_selective_plan seqmix_gpu_selective_plan(const seqmix_selective_scan_problem *problem,
                                             const seqmix_device_properties *device);

#endif
