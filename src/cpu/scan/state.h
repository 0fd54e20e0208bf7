/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan carries from token to token, and how a token changes it: LANES channels at a time,
 * whatever is accumulated. Recurrences, sums and products are carried in f64, so that a scan of any
 * length is as good as its last rounding, and memory is still what bounds them. */
#ifndef SEQMIX_CPU_SCAN_STATE_H
#define SEQMIX_CPU_SCAN_STATE_H

#include "cpu/simd/math.h"
#include "cpu/simd/wide.h"

typedef enum scan_kind {
  SCAN_RECURRENCE, /* h = a h + x */
  SCAN_COMPLEX,    /* the same of pairs of lanes */
  SCAN_SUM,
  SCAN_PRODUCT,
  SCAN_MAX,
  SCAN_LOGSUMEXP
} scan_kind;

/** Doubles in memory per vector of LANES channels. */
enum { STATE_DOUBLES = 2 * LANES };

/** A token group: powers of two are taken out of products once in each. */
enum { TOKENS_PER_GROUP = 4 };

/** In registers; what a kind does not use costs nothing. */
typedef struct scan_state {
  wide sum;    /* h, the sum, the product's mantissa, the sum of exponentials below `largest` */
  wide power;  /* the product's power of two, whole numbers */
  wide scale;  /* 2^power as far as f64 has it */
  vec largest; /* the maximum so far */
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

/* 1.5 * 2^52 would also do; 2^52 + whole numbers have them in their low bits. */
#define WHOLE_IN_LOW_BITS 0x1p52
enum { F64_BIAS = 1023, F64_MANTISSA = 52 };

/* Powers beyond these make any f32 an infinity or 0; products of a group's f32 stay within f64. */
#define POWER_MOST 1000.0

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

/* 2^power as far as f64 has it. */
SEQMIX_INLINE dvec scale_of(dvec power) {
  dvec clamped = dvec_clamp(power, -POWER_MOST, POWER_MOST);
  return (dvec)((lvec)(clamped + dvec_of(WHOLE_IN_LOW_BITS + F64_BIAS)) << F64_MANTISSA);
}

/** After a state is loaded. */
SEQMIX_INLINE void scan_resume_group(scan_kind kind, scan_state *s) {
  if (kind == SCAN_PRODUCT) s->scale = (wide){scale_of(s->power.low), scale_of(s->power.high)};
}

/** Before each group of tokens. */
SEQMIX_INLINE void scan_begin_group(scan_kind kind, scan_state *s) {
  if (kind != SCAN_PRODUCT) return;
  split_power(&s->sum.low, &s->power.low);
  split_power(&s->sum.high, &s->power.high);
  scan_resume_group(kind, s);
}

/* ---- logsumexp ------------------------------------------------------------------------------- */

/* log(x) for x >= 1 and below infinity; NaN stays. Part of vec_log(). */
SEQMIX_INLINE vec log_of_sum(vec x) {
  ivec above = vec_bits(x) - 0x3f3504f3;
  vec m = vec_from_bits(vec_bits(x) - (above & ~0x7fffff));
  vec n = __builtin_convertvector(above >> 23, vec);
  return log_near_one(m - 1.0f) + n * -2.12194440e-4f + n * 0.693359375f + x * 0.0f;
}

/* sum = sum exp(old - new) + exp(x - new) for the new maximum: one of the exponentials is 1. */
SEQMIX_INLINE void add_exponential(scan_state *s, vec x) {
  ivec rises = x > s->largest, level = x == s->largest;
  vec gap = vec_from_bits(vec_bits(x - s->largest) | (int32_t)0x80000000);
  /* Equal infinities have no difference. */
  vec near = vec_exp_of_negative(vec_from_bits(~level & vec_bits(gap)));
  wide keep = wide_from(vec_select(rises, near, vec_of(1)));
  wide add = wide_from(vec_select(rises, vec_of(1), near));
  s->sum = wide_multiply_add(s->sum, keep, add);
  s->largest = vec_select(rises, x, s->largest);
}

/* ---- all kinds ------------------------------------------------------------------------------- */

/** The state before the first token. */
SEQMIX_INLINE scan_state scan_state_first(scan_kind kind) {
  scan_state s = {.sum = wide_of(kind == SCAN_PRODUCT), .power = wide_of(0), .scale = wide_of(1)};
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
    add_exponential(s, vec_load(x));
  }
}

/** The result so far. */
SEQMIX_INLINE vec scan_result(scan_kind kind, const scan_state *s) {
  if (kind == SCAN_MAX) return s->largest;
  if (kind == SCAN_PRODUCT) return vec_from_wide(wide_multiply(s->sum, s->scale));
  vec sum = vec_from_wide(s->sum);
  return kind == SCAN_LOGSUMEXP ? s->largest + log_of_sum(sum) : sum;
}

#endif
