/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan carries from token to token, and how a token changes it: LANES channels at a time,
 * whatever is accumulated. Recurrences, sums and products are carried in f64, so that a scan of any
 * length is as good as its last rounding, and memory is still what bounds them. */
#ifndef SEQMIX_CPU_SCAN_STATE_H
#define SEQMIX_CPU_SCAN_STATE_H

#include "cpu/simd/each.h"
#include "cpu/simd/wide.h"

typedef enum scan_kind {
  SCAN_RECURRENCE, /* h = a h + x */
  SCAN_COMPLEX,    /* the same of pairs of lanes */
  SCAN_SUM,
  SCAN_PRODUCT,
  SCAN_MAX,
  SCAN_LOGSUMEXP
} scan_kind;

/** Doubles in memory per vector of LANES channels, at most and of a kind. */
enum { STATE_DOUBLES = 2 * LANES };
SEQMIX_INLINE int scan_doubles(scan_kind kind) {
  return kind == SCAN_PRODUCT || kind == SCAN_LOGSUMEXP ? STATE_DOUBLES : LANES;
}

/** A token group: products are kept from leaving f64 once in each. */
enum { TOKENS_PER_GROUP = 4 };

/** In registers; what a kind does not use costs nothing. */
typedef struct scan_state {
  wide sum;    /* h, the sum, the product's mantissa, the sum of exp(x - largest) */
  wide power;  /* the product's power of two, whole numbers */
  vec largest; /* the maximum so far; of logsumexp not above it, nor far below */
} scan_state;

SEQMIX_INLINE scan_state scan_state_load(scan_kind kind, const double *from) {
  scan_state s = {.largest = vec_of(0)};
  if (kind == SCAN_MAX) {
    s.largest = vec_load((const float *)from);
    return s;
  }
  s.sum = wide_load(from);
  if (kind == SCAN_PRODUCT) s.power = wide_load(from + LANES);
  if (kind == SCAN_LOGSUMEXP) s.largest = vec_load((const float *)(from + LANES));
  return s;
}

SEQMIX_INLINE void scan_state_store(scan_kind kind, double *to, const scan_state *s) {
  if (kind == SCAN_MAX) {
    vec_store((float *)to, s->largest);
    return;
  }
  wide_store(to, s->sum);
  if (kind == SCAN_PRODUCT) wide_store(to + LANES, s->power);
  if (kind == SCAN_LOGSUMEXP) vec_store((float *)(to + LANES), s->largest);
}

/* ---- products: a mantissa and a power of two --------------------------------------------------
 */

/* 2^52 + a whole number has that in its low bits. */
#define WHOLE_IN_LOW_BITS 0x1p52
enum { F64_BIAS = 1023, F64_MANTISSA = 52 };

/* Mantissas between these, and 0, may be multiplied by a group of f32. */
#define MANTISSA_LEAST 0x1p-400
#define MANTISSA_MOST 0x1p400

/* Powers are applied in two steps of this size at most: beyond both, a mantissa that a group has
 * moved by 2^600 is still an infinity or 0 in f32. */
#define POWER_STEP 1000.0

SEQMIX_INLINE dvec dvec_clamp(dvec x, double least, double most) {
  lvec below = (lvec)(x < dvec_of(least)), above = (lvec)(x > dvec_of(most));
  lvec inside = (lvec)x & ~below & ~above;
  return (dvec)(inside | (below & (lvec)dvec_of(least)) | (above & (lvec)dvec_of(most)));
}

/* Takes the power of two out of a mantissa; 0, infinities and NaN stay as they are. */
SEQMIX_INLINE void split_power(dvec *mantissa, dvec *power) {
  lvec bits = (lvec)*mantissa, exponent = (bits >> F64_MANTISSA) & lvec_of(0x7ff);
  lvec odd = (lvec)(exponent == lvec_of(0)) | (lvec)(exponent == lvec_of(0x7ff));
  dvec whole = (dvec)(exponent | (lvec)dvec_of(WHOLE_IN_LOW_BITS));
  *power += (dvec)(~odd & (lvec)(whole - dvec_of(WHOLE_IN_LOW_BITS + F64_BIAS)));
  lvec near_one = (bits & lvec_of(0x800fffffffffffff)) | (lvec)dvec_of(1);
  *mantissa = (dvec)((odd & bits) | (~odd & near_one));
}

/* 2^power for whole numbers within POWER_STEP. */
SEQMIX_INLINE dvec power_of_two(dvec power) {
  return (dvec)((lvec)(power + dvec_of(WHOLE_IN_LOW_BITS + F64_BIAS)) << F64_MANTISSA);
}

/* x 2^power, as far as f32 will tell. */
SEQMIX_INLINE dvec raise(dvec x, dvec power) {
  dvec first = dvec_clamp(power, -POWER_STEP, POWER_STEP);
  dvec rest = dvec_clamp(power - first, -POWER_STEP, POWER_STEP);
  return x * power_of_two(first) * power_of_two(rest);
}

SEQMIX_INLINE lvec is_far(dvec x) {
  dvec size = (dvec)((lvec)x & lvec_of(0x7fffffffffffffff));
  lvec is_large = (lvec)(size > dvec_of(MANTISSA_MOST));
  return is_large | ((lvec)(size < dvec_of(MANTISSA_LEAST)) & (lvec)(size != dvec_of(0)));
}

/** Before each group of tokens. Few products ever need it. */
SEQMIX_INLINE void scan_begin_group(scan_kind kind, scan_state *s) {
  if (kind != SCAN_PRODUCT || !vec_any((ivec)(is_far(s->sum.low) | is_far(s->sum.high)))) return;
  split_power(&s->sum.low, &s->power.low);
  split_power(&s->sum.high, &s->power.high);
}

SEQMIX_INLINE vec product_of(const scan_state *s) {
  if (!vec_any((ivec)((lvec)s->power.low | (lvec)s->power.high))) return vec_from_wide(s->sum);
  return vec_from_wide((wide){raise(s->sum.low, s->power.low), raise(s->sum.high, s->power.high)});
}

/* ---- logsumexp ------------------------------------------------------------------------------- */

/* How far numbers may rise above `largest` before that follows them: sums are still exact. */
#define RISE_MOST 4.0f

/* Where x is too far above, the sum becomes one of exp(x - new), of which the last is 1. Other
 * lanes are what they would be without such neighbours. */
SEQMIX_INLINE void raise_largest(scan_state *s, vec x) {
  vec gap = x - s->largest;
  ivec is_far = ~(gap <= RISE_MOST), is_level = x == s->largest;
  vec below = vec_from_bits(vec_bits(gap) | (is_far & (int32_t)0x80000000));
  /* Equal infinities have no difference. */
  vec near = vec_max(vec_of(LOG_OF_SMALLEST), vec_from_bits(~is_level & vec_bits(below)));
  vec_exp_each(&near, 1);
  wide keep = wide_from(vec_select(is_far, near, vec_of(1)));
  wide add = wide_from(vec_select(is_far & (x > s->largest), vec_of(1), near));
  s->sum = wide_multiply_add(s->sum, keep, add);
  s->largest = vec_select(is_far & (x > s->largest), x, s->largest);
}

/** scan_step() of logsumexp for a few states side by side. */
SEQMIX_INLINE void scan_add_exponentials(scan_state *s, const vec *x, int count) {
  vec gap[EACH_MOST];
  ivec is_far = ivec_of(0);
  EACH(i, count) gap[i] = x[i] - s[i].largest;
  /* NaN is far, too, and whatever comes first. */
  EACH(i, count) is_far |= ~(gap[i] <= RISE_MOST);
  if (__builtin_expect(vec_any(is_far), 0)) {
    for (int i = 0; i < count; i++) raise_largest(&s[i], x[i]);
    return;
  }
  /* What is smaller than f32 has adds nothing to sums of at least 1. */
  EACH(i, count) gap[i] = vec_max(vec_of(LOG_OF_SMALLEST), gap[i]);
  vec_exp_each(gap, count);
  EACH(i, count) s[i].sum = wide_add(s[i].sum, wide_from(gap[i]));
}

/** scan_result() of a few. Sums are at least 1, or nothing came yet. */
SEQMIX_INLINE void scan_logarithms(const scan_state *s, vec *x, int count) {
  EACH(i, count) x[i] = vec_from_wide(s[i].sum);
  vec_log_each(x, count);
  EACH(i, count) x[i] = s[i].largest + x[i];
}

/* ---- all kinds ------------------------------------------------------------------------------- */

/** The state before the first token. */
SEQMIX_INLINE scan_state scan_state_first(scan_kind kind) {
  scan_state s = {.sum = wide_of(kind == SCAN_PRODUCT), .power = wide_of(0)};
  s.largest = vec_of(-INFINITY);
  return s;
}

/** Takes in a token's numbers: `a` of recurrences, `x` of all. */
SEQMIX_INLINE void scan_step(scan_kind kind, scan_state *s, const float *a, const float *x) {
  if (kind == SCAN_RECURRENCE) {
    s->sum = wide_multiply_add(wide_from_memory(a), s->sum, wide_from_memory(x));
  } else if (kind == SCAN_COMPLEX) {
    s->sum = wide_complex_multiply_add(wide_from_memory(a), s->sum, wide_from_memory(x));
  } else if (kind == SCAN_SUM) {
    s->sum = wide_add(s->sum, wide_from_memory(x));
  } else if (kind == SCAN_PRODUCT) {
    s->sum = wide_multiply(s->sum, wide_from_memory(x));
  } else if (kind == SCAN_MAX) {
    vec y = vec_load(x);
    /* NaN enters by the second comparison, and stays as nothing compares with it. */
    s->largest = vec_select((y > s->largest) | ~(y <= INFINITY), y, s->largest);
  } else {
    vec y = vec_load(x);
    scan_add_exponentials(s, &y, 1);
  }
}

/** The result so far. */
SEQMIX_INLINE vec scan_result(scan_kind kind, const scan_state *s) {
  if (kind == SCAN_MAX) return s->largest;
  if (kind == SCAN_PRODUCT) return product_of(s);
  if (kind != SCAN_LOGSUMEXP) return vec_from_wide(s->sum);
  vec result;
  scan_logarithms(s, &result, 1);
  return result;
}

#endif
