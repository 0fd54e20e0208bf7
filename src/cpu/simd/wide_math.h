/* SPDX-License-Identifier: Apache-2.0 */
/* exp, sin, cos and softplus in f64: for factors that are applied thousands of times.
 * Errors are below 3e-14 of the result (of sin and cos: of 1), near f32's as long as that is all
 * they are rounded to. */
#ifndef SEQMIX_CPU_SIMD_WIDE_MATH_H
#define SEQMIX_CPU_SIMD_WIDE_MATH_H

#include "cpu/simd/wide.h"

/** Lanes of a vector of f64. */
enum { WIDE_LANES = LANES / 2 };

/** WIDE_LANES numbers in memory. */
SEQMIX_INLINE dvec dvec_from_floats(const float *from) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (dvec)_mm512_cvtps_pd(_mm256_loadu_ps(from));
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  return (dvec)_mm256_cvtps_pd(_mm_loadu_ps(from));
#else
  dvec y;
  for (int i = 0; i < WIDE_LANES; i++) y[i] = from[i];
  return y;
#endif
}

SEQMIX_INLINE dvec dvec_select(lvec mask, dvec yes, dvec no) {
  return (dvec)((mask & (lvec)yes) | (~mask & (lvec)no));
}

/* Adding 1.5 * 2^52 leaves the rounded integer in the low bits. */
#define DVEC_WHOLE 6755399441055744.0

/* exp(r) - 1 for |r| <= log(2)/2: the series, whose next term is below 1e-14 of it. */
SEQMIX_INLINE dvec dvec_exp_minus_one_near_zero(dvec r) {
  static const double inverse_factorials[] = {
      1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,      1.0 / 120,     1.0 / 24,     1.0 / 6,     1.0 / 2};
  dvec p = dvec_of(inverse_factorials[0]);
#pragma GCC unroll 10
  for (int i = 1; i < 10; i++) p = p * r + inverse_factorials[i];
  return p * r * r + r;
}

/* x = n log(2) + r; log(2) in two parts, multiples of the first being exact. */
SEQMIX_INLINE dvec dvec_reduce_exponent(dvec x, dvec *n) {
  *n = (x * 1.4426950408889634 + DVEC_WHOLE) - DVEC_WHOLE;
  dvec r = x - *n * 0x1.62e42fefa38p-1;
  return r - *n * 0x1.ef35793c7673p-45;
}

/* 2^n for whole numbers from -1022 to 1023. */
SEQMIX_INLINE dvec dvec_power_of_two(dvec n) {
  return (dvec)(((lvec)(n + DVEC_WHOLE) << 52) + ((uint64_t)1023 << 52));
}

/** exp(x); NaN passes. 2^n is applied in two halves, so that the largest and smallest results are
 * reached. */
SEQMIX_INLINE dvec dvec_exp(dvec x) {
  x = dvec_select((lvec)(x < -746.0), dvec_of(-746), x);
  x = dvec_select((lvec)(x > 711.0), dvec_of(711), x);
  dvec n, r = dvec_reduce_exponent(x, &n);
  dvec half = (n * 0.5 + DVEC_WHOLE) - DVEC_WHOLE;
  dvec near = dvec_exp_minus_one_near_zero(r) + 1.0;
  return near * dvec_power_of_two(half) * dvec_power_of_two(n - half);
}

/** exp(x) - 1, exact for small x; |x| at most 700. */
SEQMIX_INLINE dvec dvec_exp_minus_one(dvec x) {
  dvec n, r = dvec_reduce_exponent(x, &n);
  dvec power = dvec_power_of_two(n);
  return dvec_exp_minus_one_near_zero(r) * power + (power - 1.0);
}

/* Beyond this the reduction of dvec_sin_cos() loses digits. */
#define FAR_ANGLE 1e6

/** sin and cos of |x| <= FAR_ANGLE. x = k pi/2 + r with |r| <= pi/4; pi/2 in three parts, multiples
 * of the first being exact. An odd k swaps the two series. */
SEQMIX_INLINE void dvec_sin_cos(dvec x, dvec *sine, dvec *cosine) {
  dvec shifted = x * 0.6366197723675814 + DVEC_WHOLE, k = shifted - DVEC_WHOLE;
  lvec quarter = (lvec)shifted;
  dvec r = x - k * 0x1.921fb544p+0;
  r = r - k * 0x1.0b4611a6p-34;
  r = r - k * 0x1.3198a2e037073p-69;
  dvec square = r * r, s = dvec_of(1.0 / 6227020800), c = dvec_of(-1.0 / 87178291200);
  s = s * square + -1.0 / 39916800;
  c = c * square + 1.0 / 479001600;
  s = s * square + 1.0 / 362880;
  c = c * square + -1.0 / 3628800;
  s = s * square + -1.0 / 5040;
  c = c * square + 1.0 / 40320;
  s = s * square + 1.0 / 120;
  c = c * square + -1.0 / 720;
  s = s * square + -1.0 / 6;
  c = c * square + 1.0 / 24;
  s = s * square * r + r;
  c = c * square * square + (1.0 - 0.5 * square);
  lvec odd = (lvec)((quarter & 1) == 1);
  *sine = (dvec)((lvec)dvec_select(odd, c, s) ^ ((quarter & 2) << 62));
  *cosine = (dvec)((lvec)dvec_select(odd, s, c) ^ (((quarter + 1) & 2) << 62));
}

/** softplus(x) in f64: its logarithm as f32 has it is improved by a step of Newton's method. */
SEQMIX_INLINE dvec dvec_softplus(dvec x, dvec tail) {
  dvec want = dvec_exp((dvec)((lvec)x | ((uint64_t)1 << 63)));
  dvec got = dvec_exp_minus_one(tail);
  dvec positive = dvec_select((lvec)(x < 0.0), dvec_of(0), x);
  return positive + (tail - (got - want) / (got + 1.0));
}

#endif
