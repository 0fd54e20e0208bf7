/* SPDX-License-Identifier: Apache-2.0 */
/* The sums themselves. All begin with the bias and take the oldest token first: a token has the
 * same bits however it is computed, alone or among others, with vectors of channels or of time. */
#include <string.h>

#include "cpu/scan/causal_conv1d.h"
#include "cpu/simd/each.h"

/* Up to here the number of taps is a constant in the loops. */
enum { TAPS_FAST = 8 };

/* Vectors at a time: whole lines of a row of out. Where some of two rows took turns, lines on
 * their way to memory threw each other out half written. */
enum { VECTORS = EACH_MOST, LINE_FLOATS = CONV_LINE / sizeof(float) };

/* x / (1 + exp(-x)), cheaper than vec_silu_each(), as it is half of the work: exp is 2^n 2^f with n
 * next to -x / log 2 and 2^f by a minimax fit that is 9e-8 of its value off at most, before f32
 * rounds. An infinite 2^n makes a quotient of 0, though results below 4e-37 are lost with it.
 * Beyond 87 the sum is 1. Of -inf comes NaN, as in C. */
SEQMIX_INLINE void silu_each(vec *x, int count) {
  static const float coefficients[] = {9.671294130e-3f, 5.550711229e-2f, 2.402224690e-1f,
                                       6.931470037e-1f};
  const vec most = vec_here(87.0f), least = vec_here(-89.0f);
  vec f[EACH_MOST], p[EACH_MOST], power[EACH_MOST];
  EACH(i, count) f[i] = vec_max(least, vec_min(most, x[i]));
  const vec scale = vec_here(-1.44269504088896341f), shift = vec_here(12582912.0f + 127.0f);
  EACH(i, count) p[i] = f[i] * scale + shift;
  EACH(i, count) power[i] = vec_from_bits(vec_bits(p[i]) << 23);
  EACH(i, count) f[i] = f[i] * scale - (p[i] - shift);
  EACH(i, count) p[i] = vec_of(1.326940604e-3f);
#pragma GCC unroll 4
  for (int d = 0; d < 4; d++) {
    const vec coefficient = vec_here(coefficients[d]);
    EACH(i, count) p[i] = p[i] * f[i] + coefficient;
  }
  const vec one = vec_here(1.0f);
  EACH(i, count) p[i] = p[i] * f[i] + one;
  EACH(i, count) x[i] = x[i] / (p[i] * power[i] + one);
}

/* `taps`, up to TAPS_FAST, and all after it are constants. */
SEQMIX_INLINE void sum_vectors(const conv_sums *s, const float *const *in, float *out, int64_t c,
                               int64_t taps, int is_uniform, int vectors) {
  vec sum[VECTORS];
  const float *bias = s->bias + (is_uniform ? 0 : c);
  EACH(v, vectors) sum[v] = is_uniform ? vec_of(*bias) : vec_load(bias + v * LANES);
#pragma GCC unroll 8
  for (int64_t k = 0; k < taps; k++) {
    const float *row = in[k] + c, *weights = s->weights.at + k * s->weights.step;
    EACH(v, vectors) {
      vec weight = is_uniform ? vec_of(*weights) : vec_load(weights + c + v * LANES);
      sum[v] += weight * vec_load(row + v * LANES);
    }
  }
  if (s->is_silu) silu_each(sum, vectors);
  if (s->streams) {
    EACH(v, vectors) vec_stream(out + c + v * LANES, sum[v]);
  } else {
    EACH(v, vectors) vec_store(out + c + v * LANES, sum[v]);
  }
}

SEQMIX_INLINE void sum_row(const conv_sums *s, int64_t t, int64_t taps, int is_uniform) {
  const float *near[TAPS_FAST];
  const float *const *in = s->in + t;
  float *out = s->out.at + t * s->out.step;
  if (taps <= TAPS_FAST) {
    memcpy(near, in, (size_t)taps * sizeof *near);
    in = near;
  }
  const char *soon = s->soon + t * s->soon_step;
  int64_t c = 0;
  for (; c + VECTORS * LANES <= s->count; c += VECTORS * LANES) {
    for (int i = 0; i < VECTORS * LANES; i += LINE_FLOATS)
      __builtin_prefetch(soon + (c + i) * s->soon_size);
    sum_vectors(s, in, out, c, taps, is_uniform, VECTORS);
  }
  for (; c < s->count; c += LANES) sum_vectors(s, in, out, c, taps, is_uniform, 1);
}

SEQMIX_INLINE void sum_rows(const conv_sums *sums, int64_t taps) {
  const conv_sums s = *sums; /* which no store to memory can change */
  if (s.is_uniform)
    for (int64_t t = 0; t < s.rows; t++) sum_row(&s, t, taps, 1);
  else
    for (int64_t t = 0; t < s.rows; t++) sum_row(&s, t, taps, 0);
}

void conv_sum(const conv_sums *sums) {
  switch (sums->taps) {
    case 1: sum_rows(sums, 1); break;
    case 2: sum_rows(sums, 2); break;
    case 3: sum_rows(sums, 3); break;
    case 4: sum_rows(sums, 4); break;
    case 5: sum_rows(sums, 5); break;
    case 6: sum_rows(sums, 6); break;
    case 7: sum_rows(sums, 7); break;
    case 8: sum_rows(sums, 8); break;
    default: sum_rows(sums, sums->taps); break;
  }
}
