/* SPDX-License-Identifier: Apache-2.0 */
/* exp(step A) <= 1 in parts. With x = step A log2(e) = n + f, n a whole number and |f| <= 1/2, it
 * is 2^n (1 + w). A state h becomes
 *
 *     h' = k + (w k + step u B),   k = 2^n h
 *
 * where k is exact, n is 0 for slow decays, and w has all its digits. Rounded to one float near 1,
 * a decay would lose them, each time in the same direction. */
#ifndef SEQMIX_CPU_SCAN_SELECTIVE_DECAY_H
#define SEQMIX_CPU_SCAN_SELECTIVE_DECAY_H

#include "cpu/simd/each.h"

/** f, and `scale` for 2^n. Adding 1.5 * 2^23 leaves the rounded integer in the low bits; 127 more
 * make it an exponent. The least scale is not 0, which would make NaN of an infinite state, but too
 * small to matter beside anything else. NaN passes. */
SEQMIX_INLINE vec decay_split(vec x, vec *scale) {
  const float whole_in_low_bits = 12582912.0f + 127.0f;
  x = vec_max(vec_of(-126.0f), x);
  vec whole = x + whole_in_low_bits;
  *scale = vec_from_bits(vec_bits(whole) << 23);
  return x - (whole - whole_in_low_bits);
}

/** w[i] = 2^f[i] - 1 = f q(f): coefficients of q by a minimax fit of w's relative error where f <
 * 0, and elsewhere of what it is worth beside 1 - 2^(f-1), each rounded before the next higher ones
 * are fitted. Before f32 rounds, w is 6e-9 of its value off. */
SEQMIX_INLINE void decay_powers(const vec *f, vec *w, int count) {
  enum { DEGREE = 5 };
  static const float coefficients[DEGREE + 1] = {1.5115948918e-4f, 1.3385437196e-3f,
                                                 9.6191242337e-3f, 5.5503722280e-2f,
                                                 2.4022644758e-1f, 6.9314718246e-1f};
  EACH(i, count) w[i] = coefficients[0] * f[i] + coefficients[1];
#pragma GCC unroll 8
  for (int d = 2; d <= DEGREE; d++) EACH(i, count) w[i] = w[i] * f[i] + coefficients[d];
  EACH(i, count) w[i] = w[i] * f[i];
}

#endif
