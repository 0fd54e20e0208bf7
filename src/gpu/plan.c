/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/plan.h"

/* Two vectors of AVX2, one of AVX-512: with more, states of some kinds would not fit registers. */
enum { LANES_OF_PROCESSOR = 16, LANES_OF_VECTORS = 4 };

/* Two warps or one wavefront. Small groups spread better over many multiprocessors. */
enum { ITEMS_OF_GROUP = 64 };

/* Per compute unit: groups of a CPU that are about the same are done in turns; a multiprocessor
 * hides the way to memory behind the work of hundreds. */
enum { ITEMS_PER_PROCESSOR = 2, ITEMS_PER_UNIT = 512 };

int32_t seqmix_gpu_lanes(const seqmix_device_properties *device) {
  if (device->is_processor) return LANES_OF_PROCESSOR;
  return device->vector_width >= LANES_OF_VECTORS ? LANES_OF_VECTORS : 1;
}

int32_t seqmix_gpu_items(const seqmix_device_properties *device) {
  if (device->is_processor) return 1;
  return device->group_items > 0 && device->group_items < ITEMS_OF_GROUP ? device->group_items
                                                                         : ITEMS_OF_GROUP;
}

int64_t seqmix_gpu_items_enough(const seqmix_device_properties *device) {
  int64_t units = device->compute_units > 0 ? device->compute_units : 1;
  return units * (device->is_processor ? ITEMS_PER_PROCESSOR : ITEMS_PER_UNIT);
}

uint64_t seqmix_gpu_bytes(uint64_t bytes, const int64_t *sizes, int count) {
  for (int i = 0; i < count; i++)
    if (__builtin_mul_overflow(bytes, (uint64_t)sizes[i], &bytes) || bytes > INT64_MAX)
      return UINT64_MAX;
  return bytes;
}
