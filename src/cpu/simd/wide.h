/* SPDX-License-Identifier: Apache-2.0 */
/* A vector's lanes in f64, in two registers: for what is carried on for so long that f32 would
 * lose it. Part of the vocabulary of vector.h. */
#ifndef SEQMIX_CPU_SIMD_WIDE_H
#define SEQMIX_CPU_SIMD_WIDE_H

#include "cpu/simd/vector.h"

typedef double dvec __attribute__((vector_size(SEQMIX_VECTOR_BYTES)));
typedef uint64_t lvec __attribute__((vector_size(SEQMIX_VECTOR_BYTES)));
typedef double dvec_in_memory
    __attribute__((vector_size(SEQMIX_VECTOR_BYTES), aligned(8), may_alias));

/** Lanes 0 .. LANES/2-1, and the others. */
typedef struct wide {
  dvec low, high;
} wide;

SEQMIX_INLINE dvec dvec_of(double x) { return x - (dvec){0}; }
SEQMIX_INLINE lvec lvec_of(uint64_t x) { return x - (lvec){0}; }

SEQMIX_INLINE wide wide_load(const double *from) {
  return (wide){*(const dvec_in_memory *)from, *(const dvec_in_memory *)(from + LANES / 2)};
}

SEQMIX_INLINE void wide_store(double *to, wide x) {
  *(dvec_in_memory *)to = x.low;
  *(dvec_in_memory *)(to + LANES / 2) = x.high;
}

SEQMIX_INLINE wide wide_from(vec x) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  __m512 all = (__m512)x;
  return (wide){(dvec)_mm512_cvtps_pd(_mm512_castps512_ps256(all)),
                (dvec)_mm512_cvtps_pd(_mm512_extractf32x8_ps(all, 1))};
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  __m256 all = (__m256)x;
  return (wide){(dvec)_mm256_cvtps_pd(_mm256_castps256_ps128(all)),
                (dvec)_mm256_cvtps_pd(_mm256_extractf128_ps(all, 1))};
#elif SEQMIX_VECTOR_BYTES == 16 && defined(__SSE2__)
  __m128 all = (__m128)x;
  return (wide){(dvec)_mm_cvtps_pd(all), (dvec)_mm_cvtps_pd(_mm_movehl_ps(all, all))};
#else
  wide y;
  for (int i = 0; i < LANES / 2; i++) y.low[i] = x[i], y.high[i] = x[LANES / 2 + i];
  return y;
#endif
}

/** The same of LANES numbers in memory: halves are cheaper to load than to cut out. */
SEQMIX_INLINE wide wide_from_memory(const float *from) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (wide){(dvec)_mm512_cvtps_pd(_mm256_loadu_ps(from)),
                (dvec)_mm512_cvtps_pd(_mm256_loadu_ps(from + 8))};
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  return (wide){(dvec)_mm256_cvtps_pd(_mm_loadu_ps(from)),
                (dvec)_mm256_cvtps_pd(_mm_loadu_ps(from + 4))};
#else
  return wide_from(vec_load(from));
#endif
}

/** Rounded to f32. */
SEQMIX_INLINE vec vec_from_wide(wide x) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  __m512 low = _mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)x.low));
  return (vec)_mm512_insertf32x8(low, _mm512_cvtpd_ps((__m512d)x.high), 1);
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  return (vec)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)x.high), _mm256_cvtpd_ps((__m256d)x.low));
#elif SEQMIX_VECTOR_BYTES == 16 && defined(__SSE2__)
  return (vec)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)x.low), _mm_cvtpd_ps((__m128d)x.high));
#else
  vec y;
  for (int i = 0; i < LANES / 2; i++) y[i] = (float)x.low[i], y[LANES / 2 + i] = (float)x.high[i];
  return y;
#endif
}

SEQMIX_INLINE wide wide_of(double x) { return (wide){dvec_of(x), dvec_of(x)}; }
SEQMIX_INLINE wide wide_add(wide x, wide y) { return (wide){x.low + y.low, x.high + y.high}; }
SEQMIX_INLINE wide wide_multiply(wide x, wide y) { return (wide){x.low * y.low, x.high * y.high}; }
SEQMIX_INLINE wide wide_multiply_add(wide x, wide y, wide z) {
  return (wide){x.low * y.low + z.low, x.high * y.high + z.high};
}

/* Pairs of lanes (0, 1), (2, 3), ... as the real and imaginary parts of complex numbers. */
#if SEQMIX_VECTOR_BYTES == 64
#define DVEC_PAIRS(x, a, b) \
  __builtin_shufflevector(x, x, a, b, 2 + (a), 2 + (b), 4 + (a), 4 + (b), 6 + (a), 6 + (b))
#elif SEQMIX_VECTOR_BYTES == 32
#define DVEC_PAIRS(x, a, b) __builtin_shufflevector(x, x, a, b, 2 + (a), 2 + (b))
#else
#define DVEC_PAIRS(x, a, b) __builtin_shufflevector(x, x, a, b)
#endif

/* x y + z of complex numbers. */
SEQMIX_INLINE dvec dvec_complex_multiply_add(dvec x, dvec y, dvec z) {
#if SEQMIX_VECTOR_BYTES == 64
  const dvec signs = {-1, 1, -1, 1, -1, 1, -1, 1};
#elif SEQMIX_VECTOR_BYTES == 32
  const dvec signs = {-1, 1, -1, 1};
#else
  const dvec signs = {-1, 1};
#endif
  return DVEC_PAIRS(x, 0, 0) * y + (signs * DVEC_PAIRS(x, 1, 1) * DVEC_PAIRS(y, 1, 0) + z);
}

SEQMIX_INLINE wide wide_complex_multiply_add(wide x, wide y, wide z) {
  return (wide){dvec_complex_multiply_add(x.low, y.low, z.low),
                dvec_complex_multiply_add(x.high, y.high, z.high)};
}

#endif
