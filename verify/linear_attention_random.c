/* SPDX-License-Identifier: Apache-2.0 */
/* Cases at random: any combination of options that the contract allows. */
#include "verify/linear_attention_cases.h"

/* Multiplications a random case may take, so that hundreds run in seconds. */
#define WORK_LIMIT 1500000

#define PICK(state, list) \
  (list)[random_integer(state, 0, (int64_t)(sizeof(list) / sizeof((list)[0])) - 1)]

static int is_additive(const linear_attention_case *c) {
  return c->rule == SEQMIX_UPDATE_LINEAR || c->rule == SEQMIX_UPDATE_GATED;
}

static int64_t work(const linear_attention_case *c) {
  return 3 * c->batch * c->t * c->hs * c->d * c->dv * (c->hq > c->hs ? c->hq / c->hs : 1);
}

static void draw_sizes(linear_attention_case *c, random_state *random) {
  static const int64_t lengths[] = {0, 1, 1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129, 130, 333};
  static const int64_t dims[] = {1, 3, 8, 16, 17, 31, 32, 33, 64, 64, 96, 128, 192, 256, 320};
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  c->dtype = PICK(random, types);
  c->batch = random_one_in(random, 40) ? 0 : random_integer(random, 1, 6);
  c->t = random_one_in(random, 2) ? PICK(random, lengths) : random_integer(random, 1, 150);
  c->hs = random_integer(random, 1, 4);
  c->d = random_one_in(random, 2) ? PICK(random, dims) : random_integer(random, 1, 80);
  c->dv = random_one_in(random, 2) ? PICK(random, dims) : c->d;
  while (work(c) > WORK_LIMIT) {
    if (c->batch > 2)
      c->batch = 2;
    else if (c->hs > 2)
      c->hs = 2;
    else if (c->t > 70)
      c->t = c->t / 2 + 1;
    else if (c->d > c->dv)
      c->d = c->d / 2 + 1;
    else
      c->dv = c->dv / 2 + 1;
  }
}

/* A divisor of n. */
static int64_t divisor(int64_t n, random_state *random) {
  int64_t by = random_integer(random, 1, n);
  return n % by ? n : n / by;
}

static void draw_heads(linear_attention_case *c, random_state *random) {
  if (random_one_in(random, 2)) c->hk = divisor(c->hs, random);
  if (random_one_in(random, 3)) {
    c->hq = divisor(c->hs, random);
  } else if (random_one_in(random, 3)) {
    c->hq = c->hs * random_integer(random, 1, 3);
  }
  c->tiled_heads = random_one_in(random, 3);
}

static void draw_rule(linear_attention_case *c, random_state *random) {
  c->rule = (int32_t)random_integer(random, SEQMIX_UPDATE_LINEAR, SEQMIX_UPDATE_DPLR);
  if (c->rule == SEQMIX_UPDATE_DPLR) c->no_decay = random_one_in(random, 5);
  int decays = c->rule == SEQMIX_UPDATE_GATED || c->rule == SEQMIX_UPDATE_GATED_DELTA ||
               (c->rule == SEQMIX_UPDATE_DPLR && !c->no_decay);
  if (decays) c->decay = (gate_shape)random_integer(random, GATE_CONSTANT, GATE_PER_CHANNEL);
  if (random_one_in(random, 2)) {
    c->decays = (decay_values)random_integer(random, DECAYS_MILD, DECAYS_POSITIVE);
  }
  if (c->rule == SEQMIX_UPDATE_DELTA || c->rule == SEQMIX_UPDATE_GATED_DELTA) {
    static const gate_shape betas[] = {GATE_ABSENT, GATE_PER_HEAD, GATE_PER_HEAD, GATE_PER_CHANNEL};
    c->beta = PICK(random, betas);
    c->betas = random_one_in(random, 3) ? BETAS_WHOLE : BETAS_UNIT;
    c->erase = random_one_in(random, 4);
  }
  if (random_one_in(random, 6)) c->keys = KEYS_SOME_ZERO;
  if (random_one_in(random, 2)) {
    c->feature_map = (int32_t)random_integer(random, SEQMIX_FEATURE_NONE, SEQMIX_FEATURE_L2NORM);
  }
  c->gates_own_type = random_one_in(random, 3);
  c->steady_gates = random_one_in(random, 8);
  if (random_one_in(random, 4)) c->scale = 0.05 + random_unit(random);
}

static void draw_direction(linear_attention_case *c, random_state *random) {
  c->reverse = random_one_in(random, 4);
  if (!is_additive(c)) return;
  c->bonus = random_one_in(random, 5);
  if (c->bonus) return;
  c->not_causal = random_one_in(random, 6);
  if (c->not_causal || c->reverse) return;
  c->bidirectional = random_one_in(random, 5);
  c->decay_reverse = c->bidirectional && c->decay && random_one_in(random, 2);
}

/* Where a map or a key can be zero, tokens far back must not be all there is in a denominator:
 * f32 has lost them when float64 has not. */
static void draw_denominator(linear_attention_case *c, random_state *random) {
  if (!is_additive(c) || !random_one_in(random, 2)) return;
  c->normalize = random_one_in(random, 2) ? SEQMIX_NORMALIZE_SUM : SEQMIX_NORMALIZE_ABS_MAX;
  if (random_one_in(random, 2)) c->eps = 1e-3;
  if (c->normalize == SEQMIX_NORMALIZE_ABS_MAX && random_one_in(random, 2)) {
    c->floor_given = 1;
    c->floor = random_one_in(random, 2) ? 0 : 0.5 + random_unit(random);
  }
  if (c->rule == SEQMIX_UPDATE_GATED && c->decay != GATE_PER_CHANNEL && random_one_in(random, 2)) {
    c->input_gate = random_one_in(random, 3) ? INPUT_GATE_EXTREME : INPUT_GATE_MODERATE;
  }
  int sparse =
      c->keys || c->feature_map == SEQMIX_FEATURE_RELU || c->feature_map == SEQMIX_FEATURE_RELU2;
  if (sparse) {
    c->decays = random_one_in(random, 2) ? DECAYS_MILD : DECAYS_WEAK;
    if (c->input_gate) c->input_gate = INPUT_GATE_MODERATE;
    if (c->feature_map) c->eps = 0.1;
  }
}

static void draw_memory(linear_attention_case *c, random_state *random) {
  c->layout = (case_layout)random_integer(random, 0, LAYOUTS - 1);
  if (c->layout == LAYOUT_PACKED_QKV) c->dv = c->d;
  c->skew = (int)(random_one_in(random, 2) ? 0 : random_integer(random, 1, 9));
  c->out_f32 = random_one_in(random, 3);
  c->packed = random_one_in(random, 3);
  c->empty_ends = random_one_in(random, 4);
  c->hints = random_one_in(random, 2);
  c->wide_indices = random_one_in(random, 2);
  c->strided_indices = random_one_in(random, 3);
  if (random_one_in(random, 3)) c->chunk_size = random_integer(random, 1, 200);
}

static void draw_states(linear_attention_case *c, random_state *random) {
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  if (c->bidirectional) return;
  c->states = (int)random_integer(random, 0, STATES_BOTH);
  c->state_dtype = PICK(random, types);
  if (random_one_in(random, 2)) c->present_dtype = PICK(random, types);
  c->state_layout = (state_layout)random_integer(random, 0, STATE_LAYOUTS - 1);
  if (c->states == STATES_BOTH) {
    c->in_place = random_one_in(random, 3) && c->state_layout < STATE_REVERSED;
    if (random_one_in(random, 3)) {
      c->pool = (state_pool)random_integer(random, POOL_SAME_ROWS, POOLS - 1);
      if (c->in_place && c->pool == POOL_OUT_ONLY) c->pool = POOL_OTHER_ROWS;
    }
  } else if (c->states == STATES_PAST && random_one_in(random, 3)) {
    c->pool = POOL_SAME_ROWS;
  }
  c->pool_absences = random_one_in(random, 2);
  c->pool_readers =
      random_one_in(random, 2) && (c->pool == POOL_OTHER_ROWS || c->states == STATES_PAST);
}

linear_attention_case linear_attention_case_random(random_state *state, const char *name) {
  linear_attention_case c = {.name = name};
  draw_sizes(&c, state);
  draw_heads(&c, state);
  draw_rule(&c, state);
  draw_direction(&c, state);
  draw_denominator(&c, state);
  draw_memory(&c, state);
  draw_states(&c, state);
  return c;
}
