/* SPDX-License-Identifier: Apache-2.0 */
/* How kernels are shaped for a device: pure functions of its properties, so that what a device
 * would get is known without it. */
#ifndef SEQMIX_GPU_PLAN_H
#define SEQMIX_GPU_PLAN_H

#include "seqmix/backend.h"

/** Floats of a lane, 1, 4 or 16: a work-item of a CPU is a thread, whose vectors are to be used.
 * Scans take 8 where channels are few. */
int32_t seqmix_gpu_lanes(const seqmix_device_properties *device);

/** Work-items of a group, for kernels whose items share nothing. */
int32_t seqmix_gpu_items(const seqmix_device_properties *device);

/** Work-items that keep the whole device at work. */
int64_t seqmix_gpu_items_enough(const seqmix_device_properties *device);

static inline int64_t gpu_divided(int64_t value, int64_t by) {
  return value / by + (value % by != 0);
}
static inline int64_t gpu_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t gpu_most(int64_t a, int64_t b) { return a > b ? a : b; }

/** Beyond all that fits memory; times some thousand it still is a number. */
#define GPU_SIZE_MOST ((int64_t)1 << 50)

/** a b, at most GPU_SIZE_MOST: sizes that no device holds may be asked about. */
static inline int64_t gpu_times(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? GPU_SIZE_MOST : gpu_least(product, GPU_SIZE_MOST);
}

/** `bytes` times `count` sizes; UINT64_MAX if that is beyond counting. */
uint64_t seqmix_gpu_bytes(uint64_t bytes, const int64_t *sizes, int count);

#endif
