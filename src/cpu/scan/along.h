/* SPDX-License-Identifier: Apache-2.0 */
/* What scans along contiguous tokens carry on, and how it takes in some of them: one by one, or
 * groups of four vectors as stretches of four tokens. Results of a stretch come first, then those
 * of LANES stretches among themselves, by steps of 1, 2, 4, ... lanes, and then all are joined to
 * what came before them. */
#ifndef SEQMIX_CPU_SCAN_ALONG_H
#define SEQMIX_CPU_SCAN_ALONG_H

#include "cpu/scan/quads.h"
#include "cpu/scan/state.h"
#include "cpu/scan/value.h"

/* Lane i of the result is lane i - by of x; the first ones are those of `fill`. */
#define FROM(lanes, by, i) ((i) < (by) ? (lanes) + (i) : (i) - (by))
#define SHIFT_2(x, fill, by) __builtin_shufflevector(x, fill, FROM(2, by, 0), FROM(2, by, 1))
#define SHIFT_4(x, fill, by) \
  __builtin_shufflevector(x, fill, FROM(4, by, 0), FROM(4, by, 1), FROM(4, by, 2), FROM(4, by, 3))
#define SHIFT_8(x, fill, by)                                                                       \
  __builtin_shufflevector(x, fill, FROM(8, by, 0), FROM(8, by, 1), FROM(8, by, 2), FROM(8, by, 3), \
                          FROM(8, by, 4), FROM(8, by, 5), FROM(8, by, 6), FROM(8, by, 7))
#define SHIFT_16(x, fill, by)                                                                     \
  __builtin_shufflevector(x, fill, FROM(16, by, 0), FROM(16, by, 1), FROM(16, by, 2),             \
                          FROM(16, by, 3), FROM(16, by, 4), FROM(16, by, 5), FROM(16, by, 6),     \
                          FROM(16, by, 7), FROM(16, by, 8), FROM(16, by, 9), FROM(16, by, 10),    \
                          FROM(16, by, 11), FROM(16, by, 12), FROM(16, by, 13), FROM(16, by, 14), \
                          FROM(16, by, 15))
#if SEQMIX_VECTOR_BYTES == 64
#define VEC_SHIFT SHIFT_16
#define DVEC_SHIFT SHIFT_8
#elif SEQMIX_VECTOR_BYTES == 32
#define VEC_SHIFT SHIFT_8
#define DVEC_SHIFT SHIFT_4
#else
#define VEC_SHIFT SHIFT_4
#define DVEC_SHIFT SHIFT_2
#endif

/* What a row carries on. */
typedef struct row_carry {
  double sum;     /* the sum, the product's mantissa, the sum of exp(x - largest) */
  double power;   /* the product's power of two */
  double largest; /* the maximum so far; of logsumexp a number near it */
} row_carry;

/* ---- token by token: row ends, and what the fast ways leave to others --------------------------
 */

SEQMIX_INLINE void step_token(scan_kind kind, row_carry *c, double x) {
  const scan_value before = {kind == SCAN_MAX ? 0 : c->sum,
                             kind == SCAN_PRODUCT ? c->power : c->largest};
  scan_value own = {x, 0};
  if (kind == SCAN_MAX) own = (scan_value){0, x};
  if (kind == SCAN_LOGSUMEXP) own = x == x ? (scan_value){1, x} : (scan_value){x, -INFINITY};
  scan_value after = scan_join(kind, before, own, (scan_value){1, 0});
  c->sum = after.first;
  *(kind == SCAN_PRODUCT ? &c->power : &c->largest) = after.second;
}

SEQMIX_INLINE float token_result(scan_kind kind, const row_carry *c) {
  if (kind == SCAN_MAX) return (float)c->largest;
  if (kind == SCAN_LOGSUMEXP) return (float)(c->sum == 0 ? c->largest : c->largest + log(c->sum));
  if (kind == SCAN_SUM || c->power == 0) return (float)c->sum;
  double power = c->power > 2000 ? 2000 : c->power < -2000 ? -2000 : c->power;
  return (float)ldexp(c->sum, (int)power);
}

SEQMIX_INLINE void step_tokens(scan_kind kind, int is_exclusive, row_carry *c, const float *x,
                               float *out, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (is_exclusive) out[i] = token_result(kind, c);
    step_token(kind, c, (double)x[i]);
    if (!is_exclusive) out[i] = token_result(kind, c);
  }
}

/* ---- sums and products ------------------------------------------------------------------------
 */

SEQMIX_INLINE dvec prefix_of_half(dvec x, int is_product) {
  const dvec fill = dvec_of(is_product);
#define STEP(by) x = is_product ? x * DVEC_SHIFT(x, fill, by) : x + DVEC_SHIFT(x, fill, by)
  STEP(1);
#if SEQMIX_VECTOR_BYTES >= 32
  STEP(2);
#endif
#if SEQMIX_VECTOR_BYTES >= 64
  STEP(4);
#endif
#undef STEP
  return x;
}

SEQMIX_INLINE wide prefix_of(wide x, int is_product) {
  x.low = prefix_of_half(x.low, is_product);
  x.high = prefix_of_half(x.high, is_product);
  dvec before = dvec_of(x.low[LANES / 2 - 1]);
  x.high = is_product ? x.high * before : x.high + before;
  return x;
}

/* What is before each lane: `first` before lane 0. */
SEQMIX_INLINE wide shifted(wide x, double first) {
  return (wide){DVEC_SHIFT(x.low, dvec_of(first), 1),
                DVEC_SHIFT(x.high, dvec_of(x.low[LANES / 2 - 1]), 1)};
}

/* Groups of QUAD vectors at once, as quads_split() leaves them. One takes long from end to end, and
 * fills a processor only with another beside it. */
enum { GROUPS_MOST = 2, VECTORS_MOST = GROUPS_MOST * QUAD };

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name that is declared has none. */
#define ALL(i, count) _Pragma("GCC unroll 8") for (int i = 0; i < (count); i++)

/* `groups` is a constant; so in all that follows. */
SEQMIX_INLINE int add_vectors(row_carry *c, vec *x, int groups) {
  wide sums[VECTORS_MOST], all[GROUPS_MOST], before[GROUPS_MOST];
  ALL(i, groups * QUAD) sums[i] = wide_from(x[i]);
  ALL(k, QUAD - 1)
  ALL(g, groups) sums[g * QUAD + k + 1] = wide_add(sums[g * QUAD + k + 1], sums[g * QUAD + k]);
  ALL(g, groups) all[g] = prefix_of(sums[g * QUAD + QUAD - 1], 0);
  ALL(g, groups) {
    before[g] = wide_add(shifted(all[g], 0), wide_of(c->sum));
    c->sum += all[g].high[LANES / 2 - 1];
  }
  ALL(i, groups * QUAD) x[i] = vec_from_wide(wide_add(sums[i], before[i / QUAD]));
  return 1;
}

/* Factors between these, or 0, whose stretches have products between those below, or 0: multiplied
 * with a mantissa, in any order, they stay within f64. */
#define FACTOR_LEAST 0x1p-24f
#define FACTOR_MOST 0x1p24f
#define STRETCH_LEAST (LANES == 16 ? 0x1p-30 : 0x1p-60)
#define STRETCH_MOST (LANES == 16 ? 0x1p30 : 0x1p60)

SEQMIX_INLINE ivec is_no_factor(vec x) {
  vec size = vec_from_bits(vec_bits(x) & 0x7fffffff);
  return ~(size <= FACTOR_MOST) | ((size < FACTOR_LEAST) & (size != 0.0f));
}

SEQMIX_INLINE lvec is_far_off(dvec x) {
  dvec size = (dvec)((lvec)x & lvec_of(0x7fffffffffffffff));
  lvec is_small = (lvec)(size < dvec_of(STRETCH_LEAST)) & (lvec)(size != dvec_of(0));
  return is_small | (lvec)(size > dvec_of(STRETCH_MOST));
}

/* Takes the power of two out of a mantissa that is near the end of what f64 holds. */
SEQMIX_INLINE void keep_mantissa(row_carry *c) {
  double size = fabs(c->sum);
  if (__builtin_expect(size <= MANTISSA_MOST && (size >= MANTISSA_LEAST || size == 0), 1)) return;
  const scan_value one = {1, 0}, carry = {c->sum, c->power};
  scan_value split = scan_join(SCAN_PRODUCT, carry, one, one);
  c->sum = split.first, c->power = split.second;
}

SEQMIX_INLINE int multiply_vectors(row_carry *c, vec *x, int groups) {
  wide products[VECTORS_MOST], all[GROUPS_MOST];
  lvec is_far = lvec_of(0);
  ALL(i, groups * QUAD) is_far |= (lvec)is_no_factor(x[i]);
  ALL(i, groups * QUAD) products[i] = wide_from(x[i]);
  ALL(k, QUAD - 1)
  ALL(g, groups)
  products[g * QUAD + k + 1] = wide_multiply(products[g * QUAD + k + 1], products[g * QUAD + k]);
  ALL(g, groups) {
    all[g] = products[g * QUAD + QUAD - 1];
    is_far |= is_far_off(all[g].low) | is_far_off(all[g].high);
  }
  if (vec_any((ivec)is_far)) return 0;
  ALL(g, groups) all[g] = prefix_of(all[g], 1);
  ALL(g, groups) {
    wide before = wide_multiply(shifted(all[g], 1), wide_of(c->sum));
    ALL(i, QUAD) {
      const scan_state s = {.sum = wide_multiply(products[g * QUAD + i], before),
                            .power = wide_of(c->power)};
      x[g * QUAD + i] = __builtin_expect(c->power == 0, 1) ? vec_from_wide(s.sum) : product_of(&s);
    }
    c->sum *= all[g].high[LANES / 2 - 1];
    keep_mantissa(c);
  }
  return 1;
}

/* ---- maxima -----------------------------------------------------------------------------------
 */

/* NaN is larger than anything, and stays. */
SEQMIX_INLINE vec larger(vec before, vec x) {
  return vec_select((x > before) | ~(x <= INFINITY), x, before);
}

/* The largest of each lane and those before it. */
SEQMIX_INLINE vec largest_so_far(vec x) {
  const vec fill = vec_of(-INFINITY);
  x = larger(VEC_SHIFT(x, fill, 1), x);
  x = larger(VEC_SHIFT(x, fill, 2), x);
#if SEQMIX_VECTOR_BYTES >= 32
  x = larger(VEC_SHIFT(x, fill, 4), x);
#endif
#if SEQMIX_VECTOR_BYTES >= 64
  x = larger(VEC_SHIFT(x, fill, 8), x);
#endif
  return x;
}

SEQMIX_INLINE int raise_vectors(row_carry *c, vec *x, int groups) {
  vec all[GROUPS_MOST];
  ALL(k, QUAD - 1)
  ALL(g, groups) x[g * QUAD + k + 1] = larger(x[g * QUAD + k], x[g * QUAD + k + 1]);
  ALL(g, groups) all[g] = largest_so_far(x[g * QUAD + QUAD - 1]);
  ALL(g, groups) {
    vec carried = vec_of((float)c->largest);
    vec before = larger(carried, VEC_SHIFT(all[g], vec_of(-INFINITY), 1));
    c->largest = (double)larger(carried, all[g])[LANES - 1];
    ALL(i, QUAD) x[g * QUAD + i] = larger(before, x[g * QUAD + i]);
  }
  return 1;
}

/* ---- logsumexp --------------------------------------------------------------------------------
 */

/* What is carried and the numbers to come lie no further apart: results are `largest` and a
 * logarithm added up in f32, and those of early tokens would be small differences of both. */
#define SPREAD_MOST 8.0

SEQMIX_INLINE double largest_of(const vec *x, int count) {
  vec most = x[0];
  for (int i = 1; i < count; i++) most = vec_max(most, x[i]);
  float largest = most[0];
  for (int i = 1; i < LANES; i++) largest = most[i] > largest ? most[i] : largest;
  return (double)largest;
}

/* Brings `largest` near that of the vectors; zero if they are left to others. */
SEQMIX_INLINE int follow_largest(row_carry *c, const vec *x, int count) {
  double level = c->sum > 0 ? c->largest : (double)x[0][0], largest = largest_of(x, count);
  if (!(fabs(level) < INFINITY && fabs(largest) < INFINITY && largest - level < SPREAD_MOST))
    return 0;
  if (c->sum > 0) c->sum *= exp(c->largest - largest);
  c->largest = largest;
  return 1;
}

SEQMIX_INLINE int add_exponentials(row_carry *c, vec *x, int groups) {
  vec gap[VECTORS_MOST];
  int count = groups * QUAD;
  ivec rises = ivec_of(0), is_nan = ivec_of(0);
  ALL(i, count) is_nan |= ~(x[i] <= INFINITY) | (x[i] == INFINITY);
  if (vec_any(is_nan)) return 0;
  ALL(i, count) rises |= ~(x[i] - vec_of((float)c->largest) <= RISE_MOST);
  if (vec_any(rises) && !follow_largest(c, x, count)) return 0;
  vec largest = vec_of((float)c->largest);
  ALL(i, count) gap[i] = vec_max(vec_of(LOG_OF_SMALLEST), x[i] - largest);
  ALL(g, groups) vec_exp_each(gap + g * QUAD, QUAD);
  add_vectors(c, gap, groups);
  ALL(g, groups) vec_log_each(gap + g * QUAD, QUAD);
  ALL(i, count) x[i] = largest + gap[i];
  return 1;
}

/* Zero, and nothing has changed, if they must go token by token. */
SEQMIX_INLINE int take_vectors(scan_kind kind, row_carry *c, vec *x, int groups) {
  switch (kind) {
    case SCAN_SUM: return add_vectors(c, x, groups);
    case SCAN_PRODUCT: return multiply_vectors(c, x, groups);
    case SCAN_MAX: return raise_vectors(c, x, groups);
    default: return add_exponentials(c, x, groups);
  }
}

#endif
