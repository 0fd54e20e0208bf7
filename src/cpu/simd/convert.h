/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of f32, f16 or bf16 to f32 and back. */
#ifndef SEQMIX_CPU_SIMD_CONVERT_H
#define SEQMIX_CPU_SIMD_CONVERT_H

#include "core/half.h"
#include "cpu/simd/vector.h"
#include "seqmix/types.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

SEQMIX_INLINE void load_f16(float *to, const uint16_t *from, int64_t count) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + i))));
#endif
  for (; i < count; i++) to[i] = seqmix_f32_from_f16(from[i]);
}

/** to[i] = from[i]; of f32 it gives `from` itself and leaves `to` alone. */
SEQMIX_INLINE const float *load_row(float *to, const void *from, int32_t dtype, int64_t count) {
  if (dtype == SEQMIX_F32) return from;
  const uint16_t *halves = from;
  if (dtype == SEQMIX_BF16)
    for (int64_t i = 0; i < count; i++) to[i] = seqmix_f32_from_bf16(halves[i]);
  else
    load_f16(to, halves, count);
  return to;
}

/** to[i] = factor * from[i]. */
SEQMIX_INLINE void store_row(void *to, int32_t dtype, const float *from, float factor,
                             int64_t count) {
  if (dtype == SEQMIX_F32) {
    for (int64_t i = 0; i < count; i++) ((float *)to)[i] = factor * from[i];
  } else if (dtype == SEQMIX_BF16) {
    for (int64_t i = 0; i < count; i++)
      ((uint16_t *)to)[i] = seqmix_bf16_from_f32(factor * from[i]);
  } else {
    for (int64_t i = 0; i < count; i++) ((uint16_t *)to)[i] = seqmix_f16_from_f32(factor * from[i]);
  }
}

#endif
