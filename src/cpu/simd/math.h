/* SPDX-License-Identifier: Apache-2.0 */
/* exp, log and tanh of a vector, branch-free. Errors are at most 2 ulp over all f32 inputs,
 * subnormal inputs and results included; infinities and NaN are as in C. */
#ifndef SEQMIX_CPU_SIMD_MATH_H
#define SEQMIX_CPU_SIMD_MATH_H

#include <float.h>
#include <math.h>

#include "cpu/simd/vector.h"

/* exp(r) for |r| <= log(2)/2 less 1: r + r^2/2 + ..., coefficients by a Chebyshev fit. */
SEQMIX_INLINE vec exp_minus_one_near_zero(vec r) {
  vec p = vec_of(1.9875691500e-4f);
  p = p * r + vec_of(1.3981999507e-3f);
  p = p * r + vec_of(8.3334519073e-3f);
  p = p * r + vec_of(4.1665795894e-2f);
  p = p * r + vec_of(1.6666665459e-1f);
  p = p * r + vec_of(5.0000001201e-1f);
  return p * r * r + r;
}

/* exp(x) = 2^n exp(r), n = round(x / log 2). 2^n is applied in two halves, so that subnormal and
 * largest results are reached without an intermediate overflow. */
SEQMIX_INLINE vec vec_exp(vec x) {
  /* Beyond these exp is 0 or infinite; NaN passes by. */
  vec clamped = vec_max(vec_of(-104.0f), vec_min(vec_of(89.0f), x));
  /* Adding 1.5 * 2^23 leaves the rounded integer in the low bits. */
  vec shifted = clamped * 1.44269504088896341f + 12582912.0f;
  vec n = shifted - 12582912.0f;
  ivec power = vec_bits(shifted) - 0x4b400000;
  vec r = clamped - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vec near = exp_minus_one_near_zero(r) + 1.0f;
  ivec half = power >> 1;
  vec first = vec_from_bits((half + 127) << 23);
  vec second = vec_from_bits((power - half + 127) << 23);
  return near * first * second;
}

/* exp(x) for x <= 0, for softmax: what is below the smallest normal number becomes 0, and so the
 * power of two is one factor. The added 127 makes the low bits of `shifted` its exponent, and the
 * shift leaves only them. LOG_OF_SMALLEST is the least float whose exp is normal. */
#define LOG_OF_SMALLEST (-0x1.5d589ep+6f)
SEQMIX_INLINE vec vec_exp_of_negative(vec x) {
  vec shifted = x * 1.44269504088896341f + (12582912.0f + 127.0f);
  vec n = shifted - (12582912.0f + 127.0f);
  vec r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vec power = vec_from_bits(vec_bits(shifted) << 23);
  vec y = exp_minus_one_near_zero(r) * power + power;
  return vec_from_bits(~(x < LOG_OF_SMALLEST) & vec_bits(y)); /* NaN passes */
}

/* exp(x) as a sum of two, `whole` of which is 1 near x = 0 and the result exp(x) - 1 there: what
 * decays slowly for long must not lose that to the rounding of numbers near 1. Elsewhere whole is
 * 0. */
SEQMIX_INLINE vec vec_exp_in_two(vec x, vec *whole) {
  ivec near = (x < 0.34657359f) & (x > -0.34657359f);
  *whole = vec_from_bits(near & vec_bits(vec_of(1)));
  return vec_select(near, exp_minus_one_near_zero(x), vec_exp(x));
}

/* log(1 + f) for 1 + f from sqrt(1/2) to sqrt(2): f - f^2/2 + ..., coefficients by a minimax fit of
 * the relative error (least squares reweighted until its peaks are level), each rounded before
 * the next higher ones are fitted. Before f32 rounds it is 4e-9 of its value off. */
SEQMIX_INLINE vec log_near_one(vec f) {
  vec p = vec_of(-7.6249316335e-2f);
  p = p * f + 1.2914581597e-1f;
  p = p * f + -1.3247048855e-1f;
  p = p * f + 1.4180603623e-1f;
  p = p * f + -1.6608454287e-1f;
  p = p * f + 2.0002013445e-1f;
  p = p * f + -2.5001609325e-1f;
  p = p * f + 3.3333325386e-1f;
  p = p * f + -4.9999988079e-1f;
  return p * f * f + f;
}

/* log(x) = n log 2 + log(m) for x = 2^n m, m from sqrt(1/2) to sqrt(2): the second term takes half
 * of the first at most. n is how many powers of two the bits lie above those of sqrt(1/2). log 2 is
 * split, the larger part so short that its multiples are exact. Subnormal x are scaled first. */
SEQMIX_INLINE vec vec_log(vec x) {
  ivec is_subnormal = x < FLT_MIN;
  vec normal = vec_select(is_subnormal, x * 0x1p23f, x);
  ivec bits = vec_bits(normal) & 0x7fffffff;
  ivec above = bits - 0x3f3504f3;
  vec m = vec_from_bits(bits - (above & ~0x7fffff));
  vec n = __builtin_convertvector((above >> 23) - (is_subnormal & 23), vec);
  vec y = log_near_one(m - 1.0f) + n * -2.12194440e-4f + n * 0.693359375f;
  y = vec_select(x < INFINITY, y, x); /* NaN passes */
  y = vec_select(x < 0.0f, vec_of(NAN), y);
  return vec_select(x == 0.0f, vec_of(-INFINITY), y);
}

/* tanh(|x|) with the sign of x: |x| + |x|^3 p(x^2) below 0.625, where the other form would cancel,
 * 1 - 2 / (exp(2|x|) + 1) beyond. */
SEQMIX_INLINE vec vec_tanh(vec x) {
  ivec sign = vec_bits(x) & (int32_t)0x80000000;
  vec size = vec_from_bits(vec_bits(x) ^ sign);
  vec far = 1.0f - 2.0f / (vec_exp(size + size) + 1.0f);
  vec square = size * size;
  vec p = vec_of(-5.70498872745e-3f);
  p = p * square + 2.06390887954e-2f;
  p = p * square + -5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square + -3.33332819422e-1f;
  vec near = p * square * size + size;
  return vec_from_bits(vec_bits(vec_select(size < 0.625f, near, far)) | sign);
}

#endif
