/* SPDX-License-Identifier: Apache-2.0 */
/* How causal_conv1d is cut: a pure function of problem and device. */
#ifndef SEQMIX_GPU_SCAN_CAUSAL_CONV1D_PLAN_H
#define SEQMIX_GPU_SCAN_CAUSAL_CONV1D_PLAN_H

#include "gpu/plan.h"

typedef struct gpu_conv_plan {
  int32_t lanes, items, strip, taps; /* constants of the program */
  int32_t lanes_are_time;
  int64_t tokens; /* of all sequences */
  int64_t item_tokens, item_channels;
  int64_t token_items, channel_items;
} gpu_conv_plan;

gpu_conv_plan seqmix_gpu_conv_plan(const seqmix_causal_conv1d_problem *problem,
                                   const seqmix_device_properties *device);

#endif
