/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of f32, f16 or bf16 to f32 and back. */
#ifndef SEQMIX_CPU_SIMD_CONVERT_H
#define SEQMIX_CPU_SIMD_CONVERT_H

#include "core/half.h"
#include "cpu/simd/vector.h"
#include "seqmix/types.h"

SEQMIX_INLINE void load_f16(float *to, const uint16_t *from, int64_t count) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + i))));
#endif
  for (; i < count; i++) to[i] = seqmix_f32_from_f16(from[i]);
}

/* Spelled out where there is an instruction: compilers take vector conversions apart. */
SEQMIX_INLINE vec load_bf16_vector(const void *from) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from));
  return vec_from_bits((ivec)_mm512_slli_epi32(words, 16));
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from));
  return vec_from_bits((ivec)_mm256_slli_epi32(words, 16));
#else
  typedef uint16_t halves __attribute__((vector_size(SEQMIX_VECTOR_BYTES / 2), aligned(2)));
  typedef uint32_t words __attribute__((vector_size(SEQMIX_VECTOR_BYTES)));
  return (vec)(__builtin_convertvector(*(const halves *)from, words) << 16);
#endif
}

/** Words of two neighbours each, at any even address. */
SEQMIX_INLINE ivec load_bf16_pairs(const void *from) {
  typedef int32_t pairs __attribute__((vector_size(SEQMIX_VECTOR_BYTES), aligned(2), may_alias));
  return *(const pairs *)from;
}

/** LANES elements as f32. `dtype` is a constant wherever this is inlined. */
SEQMIX_INLINE vec load_vector(const void *from, int32_t dtype) {
  if (dtype == SEQMIX_F32) return vec_load(from);
  if (dtype == SEQMIX_BF16) return load_bf16_vector(from);
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__F16C__)
  return (vec)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
#else
  float x[LANES];
  load_f16(x, from, LANES);
  return vec_load(x);
#endif
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

/* As seqmix_bf16_from_f32() has it. */
SEQMIX_INLINE void store_bf16_vector(void *to, vec x) {
  typedef uint32_t words __attribute__((vector_size(SEQMIX_VECTOR_BYTES)));
  typedef uint16_t halves __attribute__((vector_size(SEQMIX_VECTOR_BYTES / 2)));
  typedef uint16_t halves_in_memory
      __attribute__((vector_size(SEQMIX_VECTOR_BYTES / 2), aligned(2), may_alias));
  words bits = (words)x, is_nan = (words)((bits & 0x7fffffffu) > 0x7f800000u);
  words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  words upper = (rounded & ~is_nan) | (((bits >> 16) | 0x40u) & is_nan);
  *(halves_in_memory *)to = __builtin_convertvector(upper, halves);
}

/** LANES elements from f32. */
SEQMIX_INLINE void store_vector(void *to, int32_t dtype, vec x) {
  if (dtype == SEQMIX_F32) {
    vec_store(to, x);
    return;
  }
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  if (dtype == SEQMIX_F16) {
    _mm256_storeu_si256(to, _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT));
    return;
  }
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__F16C__)
  if (dtype == SEQMIX_F16) {
    _mm_storeu_si128(to, _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT));
    return;
  }
#endif
  if (dtype == SEQMIX_BF16) {
    store_bf16_vector(to, x);
    return;
  }
  for (int i = 0; i < LANES; i++) ((uint16_t *)to)[i] = seqmix_f16_from_f32(x[i]);
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
