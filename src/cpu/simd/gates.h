/* SPDX-License-Identifier: Apache-2.0 */
/* softplus and silu of several vectors at once, stage by stage: a stage waits for the one before,
 * and processors look too few instructions ahead to fill the time with vectors that come later.
 * Polynomials and errors are those of math.h. */
#ifndef SEQMIX_CPU_SIMD_GATES_H
#define SEQMIX_CPU_SIMD_GATES_H

#include "cpu/simd/math.h"

/** The most vectors at once; `count` is a constant wherever these functions are inlined. */
enum { GATES_AT_ONCE = 4 };

#define EACH_GATE _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)

/** to = exp(-|x|); NaN passes. */
SEQMIX_INLINE void exp_of_sizes(const vec *x, vec *to, int count) {
  static const float coefficients[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                       4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  vec r[GATES_AT_ONCE], p[GATES_AT_ONCE];
  ivec power[GATES_AT_ONCE];
  EACH_GATE {
    vec negative = vec_from_bits(vec_bits(x[i]) | (int32_t)0x80000000);
    r[i] = vec_max(vec_of(-104.0f), negative);
    p[i] = r[i] * 1.44269504088896341f + 12582912.0f;
  }
  EACH_GATE {
    power[i] = vec_bits(p[i]) - 0x4b400000;
    p[i] = p[i] - 12582912.0f;
    r[i] = r[i] - p[i] * 0.693359375f;
  }
  EACH_GATE r[i] = r[i] - p[i] * -2.12194440e-4f;
  EACH_GATE p[i] = coefficients[0] * r[i] + coefficients[1];
#pragma GCC unroll 8
  for (int d = 2; d < 6; d++) EACH_GATE p[i] = p[i] * r[i] + coefficients[d];
  EACH_GATE p[i] = p[i] * r[i];
  EACH_GATE p[i] = p[i] * r[i] + r[i];
  EACH_GATE {
    ivec half = power[i] >> 1;
    vec first = vec_from_bits((half + 127) << 23);
    vec second = vec_from_bits((power[i] - half + 127) << 23);
    to[i] = (p[i] + 1.0f) * first * second;
  }
}

/** log(1 + e) for e from 0 to 1, halved where 1 + e is beyond the polynomial's reach. */
SEQMIX_INLINE void logs_of_one_plus(vec *e, int count) {
  static const float coefficients[] = {-7.6249316335e-2f, 1.2914581597e-1f,  -1.3247048855e-1f,
                                       1.4180603623e-1f,  -1.6608454287e-1f, 2.0002013445e-1f,
                                       -2.5001609325e-1f, 3.3333325386e-1f,  -4.9999988079e-1f};
  vec p[GATES_AT_ONCE], whole[GATES_AT_ONCE];
  EACH_GATE {
    ivec is_high = e[i] > 0.41421356f;
    e[i] = vec_select(is_high, e[i] * 0.5f - 0.5f, e[i]);
    whole[i] = vec_masked(is_high, vec_of(0.69314718f));
  }
  EACH_GATE p[i] = coefficients[0] * e[i] + coefficients[1];
#pragma GCC unroll 8
  for (int d = 2; d < 9; d++) EACH_GATE p[i] = p[i] * e[i] + coefficients[d];
  EACH_GATE p[i] = p[i] * e[i];
  EACH_GATE e[i] = p[i] * e[i] + e[i] + whole[i];
}

/** softplus(x) = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)). */
SEQMIX_INLINE void gates_softplus(vec *x, int count) {
  vec e[GATES_AT_ONCE];
  exp_of_sizes(x, e, count);
  logs_of_one_plus(e, count);
  EACH_GATE x[i] = vec_max(vec_of(0), x[i]) + e[i];
}

/** silu(x) = x / (1 + exp(-x)) = x exp(x) / (1 + exp(x)). */
SEQMIX_INLINE void gates_silu(vec *x, int count) {
  vec e[GATES_AT_ONCE];
  exp_of_sizes(x, e, count);
  EACH_GATE x[i] = vec_select(x[i] < 0.0f, x[i] * e[i], x[i]) / (1.0f + e[i]);
}

#endif
