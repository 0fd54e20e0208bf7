/* SPDX-License-Identifier: Apache-2.0 */
/* How linear_recurrence and prefix_scan are cut: a pure function of shape and device. */
#ifndef SEQMIX_GPU_SCAN_PLAN_H
#define SEQMIX_GPU_SCAN_PLAN_H

#include "gpu/plan.h"

typedef struct gpu_scan_shape {
  int64_t streams;  /* sequences, for each index of the other axes */
  int64_t channels; /* of each */
  int64_t longest;  /* sequence, or a bound of it */
  int is_turned;    /* channels are not contiguous */
} gpu_scan_shape;

typedef struct gpu_scan_plan {
  int32_t lanes, items; /* constants of the program, */
  int32_t most_width;   /* and vectors of lanes of an item at most */
  int32_t width;        /* and here */
  int64_t piece;        /* tokens of a piece; all, if sequences are not cut */
  int64_t pieces;       /* of the longest sequence */
  int32_t lanes_are_pieces;
  int64_t carry_items; /* work-items of scan_carry, and of the other kernels */
  int64_t walk_items;
} gpu_scan_plan;

gpu_scan_plan seqmix_gpu_scan_plan(const gpu_scan_shape *shape,
                                   const seqmix_device_properties *device);

#endif
