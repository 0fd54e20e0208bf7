/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench/linear_attention.h"

enum {
  VALUE_B,
  VALUE_T,
  VALUE_HQ,
  VALUE_HK,
  VALUE_H,
  VALUE_D,
  VALUE_DV,
  VALUE_RULE,
  VALUE_DECAY,
  VALUE_BETA,
  VALUE_MAP,
  VALUE_BONUS,
  VALUE_STATE_TYPE,
  VALUE_STATES,
  VALUE_PACKED
};

#define LONGEST 4194304.0

static const char *const rules[] = {"linear", "gated", "delta", "gated_delta", "dplr"};
static const char *const decays[] = {"none", "constant", "head", "channel"};
static const char *const betas[] = {"none", "head", "channel"};
static const char *const maps[] = {"none", "elu1",    "relu", "relu2",
                                   "exp",  "softmax", "silu", "l2norm"};
static const char *const types[] = {"f32", "f16", "bf16"};
static const char *const states[] = {"none", "present", "update"};

const bench_parameter linear_attention_parameters[LINEAR_ATTENTION_PARAMETERS] = {
    [VALUE_B] = {"B", 1, 1, 65536, 1, "sequences", NULL},
    [VALUE_T] = {"T", 1024, 1, LONGEST, 1, "tokens of each", NULL},
    [VALUE_HQ] = {"Hq", 0, 0, 4096, 1, "query heads, a divisor or multiple of H; 0: H", NULL},
    [VALUE_HK] = {"Hk", 0, 0, 4096, 1, "key heads, a divisor of H; 0: H", NULL},
    [VALUE_H] = {"H", 8, 1, 4096, 1, "states, and heads of v", NULL},
    [VALUE_D] = {"D", 64, 1, 4096, 1, "head dim of queries and keys", NULL},
    [VALUE_DV] = {"Dv", 0, 0, 4096, 1, "head dim of values; 0: D", NULL},
    [VALUE_RULE] = {"rule", 1, 0, 4, 1, "how a token changes the state", rules},
    [VALUE_DECAY] = {"decay", 2, 0, 3, 1, "one per what", decays},
    [VALUE_BETA] = {"beta", 0, 0, 2, 1, "of delta rules: one per what", betas},
    [VALUE_MAP] = {"map", 0, 0, 7, 1, "feature map of q and k", maps},
    [VALUE_BONUS] = {"bonus", 0, 0, 1, 1, "1: the state is read before the update, with a bonus",
                     NULL},
    [VALUE_STATE_TYPE] = {"state_type", 0, 0, 2, 1, "type of states", types},
    [VALUE_STATES] = {"states", 0, 0, 2, 1,
                      "present: written; update: read and written in place, as with T=1", states},
    [VALUE_PACKED] = {"packed", 0, 0, 1, 1, "1: sequences behind each other, by cu_seqlens", NULL},
};

linear_attention_shape linear_attention_shape_of(const double *values) {
  static const int32_t dtypes[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  return (linear_attention_shape){
      .b = (int64_t)values[VALUE_B],
      .t = (int64_t)values[VALUE_T],
      .hq = (int64_t)values[VALUE_HQ],
      .hk = (int64_t)values[VALUE_HK],
      .h = (int64_t)values[VALUE_H],
      .d = (int64_t)values[VALUE_D],
      .dv = (int64_t)values[VALUE_DV],
      .rule = (int32_t)values[VALUE_RULE],
      .decay = (linear_attention_decay)values[VALUE_DECAY],
      .beta = (linear_attention_beta)values[VALUE_BETA],
      .map = (int32_t)values[VALUE_MAP],
      .bonus = values[VALUE_BONUS] != 0,
      .state_type = dtypes[(int)values[VALUE_STATE_TYPE]],
      .states = (linear_attention_states)values[VALUE_STATES],
      .packed = values[VALUE_PACKED] != 0,
  };
}

int linear_attention_is_delta(const linear_attention_shape *s) {
  return s->rule == SEQMIX_UPDATE_DELTA || s->rule == SEQMIX_UPDATE_GATED_DELTA;
}

int64_t linear_attention_out_heads(const linear_attention_shape *s) {
  return s->hq > s->h ? s->hq : s->h;
}

/* ---- what goes together -------------------------------------------------------------------- */

static int check_heads(const linear_attention_shape *s, char *error) {
  if (s->h % s->hk != 0) {
    snprintf(error, BENCH_TEXT, "Hk is %lld, which does not divide H = %lld", (long long)s->hk,
             (long long)s->h);
    return 0;
  }
  if (s->h % s->hq != 0 && s->hq % s->h != 0) {
    snprintf(error, BENCH_TEXT, "Hq is %lld, which must divide H = %lld or be a multiple of it",
             (long long)s->hq, (long long)s->h);
    return 0;
  }
  return 1;
}

static int check_rule(const linear_attention_shape *s, char *error) {
  const char *rule = rules[s->rule];
  int is_gated = s->rule == SEQMIX_UPDATE_GATED || s->rule == SEQMIX_UPDATE_GATED_DELTA;
  int is_plain = s->rule == SEQMIX_UPDATE_LINEAR || s->rule == SEQMIX_UPDATE_GATED;
  const char *wrong = NULL;
  if (is_gated && s->decay == DECAY_NONE) wrong = "needs a decay: decay=head";
  if (s->decay != DECAY_NONE && !is_gated && s->rule != SEQMIX_UPDATE_DPLR)
    wrong = "has no decay: decay=none";
  if (s->beta != BETA_NONE && !linear_attention_is_delta(s)) wrong = "has no beta: beta=none";
  if (s->bonus && !is_plain) wrong = "has no bonus: bonus=0";
  if (!wrong) return 1;
  snprintf(error, BENCH_TEXT, "the rule %s %s", rule, wrong);
  return 0;
}

/* Elements of the largest tensor: so that no product of sizes overflows. */
#define MOST_ELEMENTS 0x1p40

static int check_size(const linear_attention_shape *s, char *error) {
  double heads = (double)(linear_attention_out_heads(s)),
         dim = (double)(s->d > s->dv ? s->d : s->dv);
  double rows = (double)s->t > (double)s->d ? (double)s->t : (double)s->d;
  double elements = (double)s->b * rows * heads * dim;
  if (elements <= MOST_ELEMENTS) return 1;
  snprintf(error, BENCH_TEXT, "a tensor would have %.3g elements; it may have at most %.3g",
           elements, MOST_ELEMENTS);
  return 0;
}

int linear_attention_complete(double *values, char *error) {
  if (values[VALUE_HQ] == 0) values[VALUE_HQ] = values[VALUE_H];
  if (values[VALUE_HK] == 0) values[VALUE_HK] = values[VALUE_H];
  if (values[VALUE_DV] == 0) values[VALUE_DV] = values[VALUE_D];
  if (values[VALUE_T] == 1) values[VALUE_STATES] = STATES_UPDATE;
  linear_attention_shape shape = linear_attention_shape_of(values);
  return check_heads(&shape, error) && check_rule(&shape, error) && check_size(&shape, error);
}

int linear_attention_is_decode(const linear_attention_shape *s) {
  return s->t <= 16 && s->states == STATES_UPDATE;
}

const char *linear_attention_phase(const double *values) {
  linear_attention_shape shape = linear_attention_shape_of(values);
  if (linear_attention_is_decode(&shape)) return "decode";
  return shape.t <= 16 ? "call" : "prefill";
}

void linear_attention_label(const double *values, char *text, size_t room) {
  linear_attention_shape shape = linear_attention_shape_of(values);
  const char *decay = shape.decay == DECAY_NONE ? "" : decays[shape.decay];
  snprintf(text, room, "%s%s%s%s", rules[shape.rule], *decay ? "-" : "", decay,
           linear_attention_is_decode(&shape) ? "-decode" : "");
}

/* A state does not grow with what was before: decoding has no length. */
void linear_attention_set_length(double *values, int64_t length) {
  if (values[VALUE_T] > 1) values[VALUE_T] = (double)length;
}
