/* SPDX-License-Identifier: Apache-2.0 */
/* One element of a floating-point tensor in host memory. */
#ifndef SEQMIX_CORE_ELEMENT_H
#define SEQMIX_CORE_ELEMENT_H

#include "core/half.h"
#include "seqmix/types.h"

static inline float seqmix_load(const void *data, int32_t dtype, int64_t at) {
  if (dtype == SEQMIX_F32) return ((const float *)data)[at];
  uint16_t half = ((const uint16_t *)data)[at];
  return dtype == SEQMIX_BF16 ? seqmix_f32_from_bf16(half) : seqmix_f32_from_f16(half);
}

static inline void seqmix_store(void *data, int32_t dtype, int64_t at, float value) {
  if (dtype == SEQMIX_F32)
    ((float *)data)[at] = value;
  else
    ((uint16_t *)data)[at] =
        dtype == SEQMIX_BF16 ? seqmix_bf16_from_f32(value) : seqmix_f16_from_f32(value);
}

#endif
