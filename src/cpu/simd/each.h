/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of several vectors side by side, stage by stage: a stage waits for the one before, and
 * processors look too few instructions ahead to fill the time with vectors that come later.
 * Polynomials and errors are those of math.h. */
#ifndef SEQMIX_CPU_SIMD_EACH_H
#define SEQMIX_CPU_SIMD_EACH_H

#include "cpu/simd/math.h"

/** The most vectors at once; `count` is a constant wherever these functions are inlined. */
enum { EACH_MOST = 4 };

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name that is declared has none. */
#define EACH(i, count) _Pragma("GCC unroll 4") for (int i = 0; i < (count); i++)

/* p[i] = exp(r[i]) - 1 for |r[i]| <= log(2)/2, as in math.h. */
SEQMIX_INLINE void exp_minus_one_near_zero_each(const vec *r, vec *p, int count) {
  static const float coefficients[] = {8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                                       5.0000001201e-1f};
  EACH(i, count) p[i] = r[i] * 1.9875691500e-4f + 1.3981999507e-3f;
#pragma GCC unroll 4
  for (int d = 0; d < 4; d++) EACH(i, count) p[i] = p[i] * r[i] + coefficients[d];
  EACH(i, count) p[i] = p[i] * (r[i] * r[i]) + r[i];
}

/** x[i] = vec_exp_of_negative(x[i]), without the test for results that are not normal: x is at
 * least LOG_OF_SMALLEST, or NaN. */
SEQMIX_INLINE void vec_exp_each(vec *x, int count) {
  vec r[EACH_MOST], p[EACH_MOST], power[EACH_MOST];
  EACH(i, count) p[i] = x[i] * 1.44269504088896341f + (12582912.0f + 127.0f);
  EACH(i, count) power[i] = vec_from_bits(vec_bits(p[i]) << 23);
  EACH(i, count) p[i] = p[i] - (12582912.0f + 127.0f);
  EACH(i, count) r[i] = x[i] - p[i] * 0.693359375f;
  EACH(i, count) r[i] = r[i] - p[i] * -2.12194440e-4f;
  exp_minus_one_near_zero_each(r, p, count);
  EACH(i, count) x[i] = p[i] * power[i] + power[i];
}

/* p[i] = log(1 + f[i]) for 1 + f[i] from sqrt(1/2) to sqrt(2), as in math.h. */
SEQMIX_INLINE void log_near_one_each(const vec *f, vec *p, int count) {
  static const float coefficients[] = {-1.3247048855e-1f, 1.4180603623e-1f,  -1.6608454287e-1f,
                                       2.0002013445e-1f,  -2.5001609325e-1f, 3.3333325386e-1f,
                                       -4.9999988079e-1f};
  EACH(i, count) p[i] = f[i] * -7.6249316335e-2f + 1.2914581597e-1f;
#pragma GCC unroll 7
  for (int d = 0; d < 7; d++) EACH(i, count) p[i] = p[i] * f[i] + coefficients[d];
  EACH(i, count) p[i] = p[i] * (f[i] * f[i]) + f[i];
}

/** x[i] = log(x[i]) for x from 1 to the largest f32; NaN stays. */
SEQMIX_INLINE void vec_log_each(vec *x, int count) {
  vec f[EACH_MOST], n[EACH_MOST], p[EACH_MOST];
  ivec above[EACH_MOST];
  EACH(i, count) above[i] = vec_bits(x[i]) - 0x3f3504f3;
  EACH(i, count) f[i] = vec_from_bits(vec_bits(x[i]) - (above[i] & ~0x7fffff)) - 1.0f;
  EACH(i, count) n[i] = __builtin_convertvector(above[i] >> 23, vec);
  log_near_one_each(f, p, count);
  EACH(i, count) f[i] = p[i] + n[i] * -2.12194440e-4f;
  EACH(i, count) f[i] = f[i] + n[i] * 0.693359375f;
  EACH(i, count) x[i] = f[i] + x[i] * 0.0f;
}

/** to = exp(-|x|); NaN passes. */
SEQMIX_INLINE void exp_of_sizes(const vec *x, vec *to, int count) {
  vec r[EACH_MOST], p[EACH_MOST];
  ivec power[EACH_MOST];
  EACH(i, count) {
    vec negative = vec_from_bits(vec_bits(x[i]) | (int32_t)0x80000000);
    r[i] = vec_max(vec_of(-104.0f), negative);
    p[i] = r[i] * 1.44269504088896341f + 12582912.0f;
  }
  EACH(i, count) {
    power[i] = vec_bits(p[i]) - 0x4b400000;
    p[i] = p[i] - 12582912.0f;
    r[i] = r[i] - p[i] * 0.693359375f;
  }
  EACH(i, count) r[i] = r[i] - p[i] * -2.12194440e-4f;
  exp_minus_one_near_zero_each(r, p, count);
  EACH(i, count) {
    ivec half = power[i] >> 1;
    vec first = vec_from_bits((half + 127) << 23);
    vec second = vec_from_bits((power[i] - half + 127) << 23);
    to[i] = (p[i] + 1.0f) * first * second;
  }
}

/** log(1 + e) for e from 0 to 1, halved where 1 + e is beyond the polynomial's reach. */
SEQMIX_INLINE void logs_of_one_plus(vec *e, int count) {
  vec p[EACH_MOST], whole[EACH_MOST];
  EACH(i, count) {
    ivec is_high = e[i] > 0.41421356f;
    e[i] = vec_select(is_high, e[i] * 0.5f - 0.5f, e[i]);
    whole[i] = vec_masked(is_high, vec_of(0.69314718f));
  }
  log_near_one_each(e, p, count);
  EACH(i, count) e[i] = p[i] + whole[i];
}

/** softplus(x) = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)). */
SEQMIX_INLINE void vec_softplus_each(vec *x, int count) {
  vec e[EACH_MOST];
  exp_of_sizes(x, e, count);
  logs_of_one_plus(e, count);
  EACH(i, count) x[i] = vec_max(vec_of(0), x[i]) + e[i];
}

/** silu(x) = x / (1 + exp(-x)) = x exp(x) / (1 + exp(x)), which is not 0 before f32 has nothing
 * left to say: a factor of 0 would make NaN of infinities. */
SEQMIX_INLINE void vec_silu_each(vec *x, int count) {
  vec e[EACH_MOST];
  exp_of_sizes(x, e, count);
  EACH(i, count) x[i] = vec_select(x[i] < 0.0f, x[i] * e[i], x[i]) / (1.0f + e[i]);
}

#endif
