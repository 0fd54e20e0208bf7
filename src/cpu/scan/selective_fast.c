/* SPDX-License-Identifier: Apache-2.0 */
/* The selective scan in f32, of states that decay or stay: exp(step A) <= 1.
 *
 * With x = step A log2(e) = n + f, n a whole number and |f| <= 1/2, exp(step A) is 2^n (1 + w). A
 * state h becomes
 *
 *     h' = k + (w k + step u B),   k = 2^n h
 *
 * where k is exact, n is 0 for slow decays, and w has all its digits. Rounded to one float near 1,
 * a decay would lose them, each time in the same direction. What rounding takes from h' is kept
 * beside it and returned with the next token: added up over as many tokens as a slow decay
 * remembers, or always in one direction as h comes to rest, it would exceed what f32 promises.
 *
 * States are taken four at a time, stage by stage, as their stages wait for each other. */
#include <float.h>

#include "cpu/scan/selective.h"
#include "cpu/simd/math.h"

enum { AT_ONCE = 4 };

#define EACH_STATE _Pragma("GCC unroll 4") for (int i = 0; i < count; i++)

/* 2^f = 1 + f q(f): coefficients of q by a minimax fit of w's relative error where f < 0, and
 * elsewhere of what it is worth beside 1 - 2^(f-1), each rounded before the next higher ones are
 * fitted. Before f32 rounds, w is 6e-9 of its value off. */
enum { DEGREE = 5 };
static const float coefficients[DEGREE + 1] = {1.5115948918e-4f, 1.3385437196e-3f,
                                               9.6191242337e-3f, 5.5503722280e-2f,
                                               2.4022644758e-1f, 6.9314718246e-1f};

/* Adding 1.5 * 2^23 leaves the rounded integer in the low bits; 127 more make it an exponent. */
#define WHOLE_IN_LOW_BITS (12582912.0f + 127.0f)

/* A token's vectors, and what it adds to. */
typedef struct fast_token {
  vec step, input, y;
} fast_token;

/* Where the states lie: they are read from one place and written to another. */
typedef struct fast_states {
  const float *A, *from, *rest_from;
  float *to, *rest_to;
} fast_states;

/* States s .. s+count-1; `count` is a constant wherever this is inlined. */
SEQMIX_INLINE void step_states(fast_token *token, const fast_states *at, int64_t s, int count,
                               const float *B, const float *C) {
  vec f[AT_ONCE], w[AT_ONCE], kept[AT_ONCE], added[AT_ONCE];
  ivec power[AT_ONCE];
  EACH_STATE {
    /* 2^-127 is 0 by its bits. NaN passes. */
    vec x = vec_max(vec_of(-127.0f), token->step * vec_load(at->A + (s + i) * LANES));
    vec whole = x + WHOLE_IN_LOW_BITS;
    power[i] = vec_bits(whole);
    f[i] = x - (whole - WHOLE_IN_LOW_BITS);
  }
  EACH_STATE w[i] = coefficients[0] * f[i] + coefficients[1];
#pragma GCC unroll 8
  for (int d = 2; d <= DEGREE; d++) EACH_STATE w[i] = w[i] * f[i] + coefficients[d];
  EACH_STATE w[i] = w[i] * f[i];
  EACH_STATE {
    vec scale = vec_from_bits(power[i] << 23);
    kept[i] = scale * vec_load(at->from + (s + i) * LANES);
    added[i] = token->input * B[s + i] + scale * vec_load(at->rest_from + (s + i) * LANES);
  }
  EACH_STATE added[i] = w[i] * kept[i] + added[i];
  EACH_STATE {
    vec h = kept[i] + added[i];
    vec_store(at->to + (s + i) * LANES, h);
    vec_store(at->rest_to + (s + i) * LANES, added[i] - (h - kept[i]));
    token->y += h * C[s + i];
  }
}

static void step_token(fast_token *token, const fast_states *at, int64_t states, const float *B,
                       const float *C) {
  int64_t i = 0;
  for (; i + AT_ONCE <= states; i += AT_ONCE) step_states(token, at, i, AT_ONCE, B, C);
  for (; i < states; i++) step_states(token, at, i, 1, B, C);
}

static int are_finite(const float *state, int64_t states) {
  ivec bad = ivec_of(0);
  for (int64_t i = 0; i < states; i++) {
    vec size = vec_from_bits(vec_bits(vec_load(state + i * LANES)) & 0x7fffffff);
    bad |= ~(size <= FLT_MAX);
  }
  int32_t any = 0;
  for (int lane = 0; lane < LANES; lane++) any |= bad[lane];
  return !any;
}

int selective_run_fast(const selective_channels *s, int64_t vector) {
  int64_t at = selective_at(s, vector), column = vector * LANES;
  fast_states states = {s->A[0] + at, s->earlier_state + at, s->earlier_rest + at, s->state + at,
                        s->rest + at};
  const float *B = s->B_rows[0].at, *C = s->C_rows[0].at;
  for (int64_t t = 0; t < s->tokens; t++) {
    int64_t row = t * s->width + column;
    fast_token token = {vec_load(s->steps + row), vec_load(s->inputs + row), vec_load(s->y + row)};
    step_token(&token, &states, s->states, B, C);
    vec_store(s->y + row, token.y);
    states.from = states.to;
    states.rest_from = states.rest_to;
    B += s->B_rows[0].step;
    C += s->C_rows[0].step;
  }
  return are_finite(s->state + at, s->states);
}
