/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of f32 whose last vector is not whole, for files that are compiled once per level. */
#ifndef SEQMIX_BENCH_LEVEL_ROWS_H
#define SEQMIX_BENCH_LEVEL_ROWS_H

#include <string.h>

#include "cpu/simd/math.h"

/* The first `count` lanes, zeros behind them. */
SEQMIX_INLINE vec load_lanes(const float *from, int64_t count) {
  if (count == LANES) return vec_load(from);
  vec x = {0};
  memcpy(&x, from, (size_t)count * sizeof *from);
  return x;
}

SEQMIX_INLINE void store_lanes(float *to, vec x, int64_t count) {
  if (count == LANES)
    vec_store(to, x);
  else
    memcpy(to, &x, (size_t)count * sizeof *to);
}

SEQMIX_INLINE vec silu(vec x) { return x / (1 + vec_exp(-x)); }

/* log(1 + exp(x)), which is x itself where exp(x) takes all digits of the 1 and vice versa. */
SEQMIX_INLINE vec softplus(vec x) {
  vec more = vec_exp(-vec_max(x, -x)), one = 1 + more;
  /* What 1 + more has rounded off is put back in proportion. */
  vec rest = vec_select(one == 1, more, vec_log(one) * more / (one - 1));
  return vec_max(x, vec_of(0)) + rest;
}

#endif
