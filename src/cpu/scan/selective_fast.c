/* SPDX-License-Identifier: Apache-2.0 */
/* The selective scan in f32, of states that decay or stay; see selective_decay.h.
 *
 * What rounding takes from a state is kept beside it and returned with the next token: added up
 * over as many tokens as a slow decay remembers, or always in one direction as a state comes to
 * rest, it would exceed what f32 promises. */
#include <float.h>

#include "cpu/scan/selective.h"
#include "cpu/scan/selective_decay.h"

/* A token's vectors, and what it adds to. */
typedef struct fast_token {
  vec step, input, y;
} fast_token;

/* Where the states lie: they are read from one place and written to another. */
typedef struct fast_states {
  const float *A, *from, *rest_from;
  float *to, *rest_to;
} fast_states;

/* That of state s: the same for all channels, but not for all stretches. */
SEQMIX_INLINE vec coefficient(const float *row, int64_t s, int is_cut) {
  return is_cut ? vec_load(row + s * SELECTIVE_STRETCHES) : vec_of(row[s]);
}

/* States s .. s+count-1; `count` and `is_cut` are constants wherever this is inlined. */
SEQMIX_INLINE void step_states(fast_token *token, const fast_states *at, int64_t s, int count,
                               const float *B, const float *C, int is_cut) {
  vec f[EACH_MOST], w[EACH_MOST], kept[EACH_MOST], added[EACH_MOST];
  vec scale[EACH_MOST];
  EACH(i, count) f[i] = decay_split(token->step * vec_load(at->A + (s + i) * LANES), &scale[i]);
  decay_powers(f, w, count);
  EACH(i, count) {
    kept[i] = scale[i] * vec_load(at->from + (s + i) * LANES);
    added[i] = token->input * coefficient(B, s + i, is_cut) +
               scale[i] * vec_load(at->rest_from + (s + i) * LANES);
  }
  EACH(i, count) added[i] = w[i] * kept[i] + added[i];
  EACH(i, count) {
    vec h = kept[i] + added[i];
    vec_store(at->to + (s + i) * LANES, h);
    vec_store(at->rest_to + (s + i) * LANES, added[i] - (h - kept[i]));
    token->y += h * coefficient(C, s + i, is_cut);
  }
}

SEQMIX_INLINE void step_token(fast_token *token, const fast_states *at, int64_t states,
                              const float *B, const float *C, int is_cut) {
  int64_t i = 0;
  for (; i + EACH_MOST <= states; i += EACH_MOST)
    step_states(token, at, i, EACH_MOST, B, C, is_cut);
  for (; i < states; i++) step_states(token, at, i, 1, B, C, is_cut);
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
  int64_t own = s->is_cut ? column : 0;
  const float *B = s->B_rows[0].at + own, *C = s->C_rows[0].at + own;
  for (int64_t t = 0; t < s->tokens; t++) {
    int64_t row = t * s->width + column;
    for (int i = 0; i < s->aheads; i++)
      __builtin_prefetch(s->ahead[i].at + t * s->ahead[i].step + vector * s->ahead[i].vector, 0, 2);
    fast_token token = {vec_load(s->steps + row), vec_load(s->inputs + row), vec_load(s->y + row)};
    if (s->is_cut)
      step_token(&token, &states, s->states, B, C, 1);
    else
      step_token(&token, &states, s->states, B, C, 0);
    vec_store(s->y + row, token.y);
    states.from = states.to;
    states.rest_from = states.rest_to;
    B += s->B_rows[0].step;
    C += s->C_rows[0].step;
  }
  return are_finite(s->state + at, s->states);
}
