/* SPDX-License-Identifier: Apache-2.0 */
/* The tensors that say what a token does to the state: which are called for, and their shapes. */
#include <stdio.h>

#include "api/linear_attention.h"
#include "core/error.h"

/* A gate given per token, state head and, if it has a fourth axis, channel. */
typedef struct gate {
  const char *name;
  const seqmix_tensor *tensor;
  const char *symbols; /* of a tensor with a fourth axis: "[B, T, Hs, D]" */
  int64_t channels;    /* along that axis */
} gate;

static seqmix_status check_gate_tensor(const seqmix_checker *checker, const char *name,
                                       const seqmix_tensor *tensor, int32_t least_rank,
                                       int32_t most_rank,
                                       const seqmix_linear_attention_problem *p) {
  SEQMIX_TRY(seqmix_check_tensor(checker, name, tensor, least_rank, most_rank));
  return seqmix_check_dtype(checker, name, tensor,
                            SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype));
}

/* Takes a gate of rank 3 or 4, or of those within the two ranks. */
static seqmix_status take_gate(const seqmix_checker *checker, const gate *from, int32_t least_rank,
                               int32_t most_rank, const seqmix_tensor *q,
                               const seqmix_linear_attention_problem *p, seqmix_view *view) {
  const seqmix_tensor *tensor = from->tensor;
  if (!tensor) return SEQMIX_OK;
  SEQMIX_TRY(check_gate_tensor(checker, from->name, tensor, least_rank, most_rank, p));
  const int64_t expected[] = {q->shape[0], q->shape[1], p->state_heads, from->channels};
  int has_channels = tensor->ndim == 4;
  SEQMIX_TRY(seqmix_check_shape(checker, from->name, tensor, expected,
                                has_channels ? from->symbols : "[B, T, Hs]"));
  *view = seqmix_view_of(checker, tensor, (const int32_t[4]){0, 1, 2, has_channels ? 3 : -1});
  return SEQMIX_OK;
}

/* ---- decay ----------------------------------------------------------------------------------- */

static seqmix_status check_decay_rank(const seqmix_checker *checker, const char *name,
                                      const seqmix_tensor *tensor) {
  if (tensor->ndim != 2) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s has rank 2; it must have rank 1, 3 or 4", checker->op, name);
}

static seqmix_status take_decay(const seqmix_checker *checker, const char *name,
                                const seqmix_tensor *tensor, const seqmix_tensor *q,
                                const seqmix_linear_attention_problem *p, seqmix_view *view) {
  SEQMIX_TRY(check_gate_tensor(checker, name, tensor, 1, 4, p));
  SEQMIX_TRY(check_decay_rank(checker, name, tensor));
  const gate per_token = {name, tensor, "[B, T, Hs, D]", p->head_dim};
  if (tensor->ndim > 1) return take_gate(checker, &per_token, 3, 4, q, p, view);
  SEQMIX_TRY(seqmix_check_shape(checker, name, tensor, &p->state_heads, "[Hs]"));
  *view = seqmix_view_of(checker, tensor, (const int32_t[4]){-1, -1, 0, -1});
  return SEQMIX_OK;
}

static seqmix_status lower_decay_reverse(const seqmix_checker *checker,
                                         const seqmix_linear_attention_args *args,
                                         seqmix_linear_attention_problem *p) {
  const seqmix_tensor *decay = args->decay, *reverse = args->decay_reverse;
  if (!args->bidirectional)
    return seqmix_check_absent(checker, "decay_reverse", reverse, "without bidirectional");
  if (!decay) return seqmix_check_absent(checker, "decay_reverse", reverse, "without decay");
  p->decay_reverse = p->decay;
  if (!reverse) return SEQMIX_OK;
  SEQMIX_TRY(seqmix_check_tensor(checker, "decay_reverse", reverse, decay->ndim, decay->ndim));
  return take_decay(checker, "decay_reverse", reverse, args->q, p, &p->decay_reverse);
}

static seqmix_status lower_decay(const seqmix_checker *checker,
                                 const seqmix_linear_attention_args *args, const char *with_rule,
                                 seqmix_linear_attention_problem *p) {
  const seqmix_tensor *decay = args->decay;
  if (p->update_rule == SEQMIX_UPDATE_LINEAR || p->update_rule == SEQMIX_UPDATE_DELTA)
    SEQMIX_TRY(seqmix_check_absent(checker, "decay", decay, with_rule));
  else if (p->update_rule != SEQMIX_UPDATE_DPLR)
    SEQMIX_TRY(seqmix_check_given(checker, "decay", decay, with_rule));
  if (decay) {
    SEQMIX_TRY(take_decay(checker, "decay", decay, args->q, p, &p->decay));
    p->header.features |=
        decay->ndim == 4 ? SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY : SEQMIX_LINEAR_ATTENTION_DECAY;
  }
  return lower_decay_reverse(checker, args, p);
}

/* ---- the others ------------------------------------------------------------------------------ */

static seqmix_status lower_delta_gates(const seqmix_checker *checker,
                                       const seqmix_linear_attention_args *args,
                                       const char *with_rule, seqmix_linear_attention_problem *p) {
  const seqmix_tensor *beta = args->beta, *erase = args->erase;
  if (!(p->header.features & SEQMIX_LINEAR_ATTENTION_DELTA)) {
    SEQMIX_TRY(seqmix_check_absent(checker, "beta", beta, with_rule));
    return seqmix_check_absent(checker, "erase", erase, with_rule);
  }
  const gate beta_gate = {"beta", beta, "[B, T, Hs, Dv]", p->value_dim};
  const gate erase_gate = {"erase", erase, "[B, T, Hs, D]", p->head_dim};
  SEQMIX_TRY(take_gate(checker, &beta_gate, 3, 4, args->q, p, &p->beta));
  SEQMIX_TRY(take_gate(checker, &erase_gate, 4, 4, args->q, p, &p->erase));
  if (beta)
    p->header.features |=
        beta->ndim == 4 ? SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA : SEQMIX_LINEAR_ATTENTION_BETA;
  if (erase) p->header.features |= SEQMIX_LINEAR_ATTENTION_ERASE;
  return SEQMIX_OK;
}

static seqmix_status lower_dplr_gates(const seqmix_checker *checker,
                                      const seqmix_linear_attention_args *args,
                                      const char *with_rule, seqmix_linear_attention_problem *p) {
  const gate a = {"a", args->a, "[B, T, Hs, D]", p->head_dim};
  const gate b = {"b", args->b, "[B, T, Hs, D]", p->head_dim};
  if (p->update_rule != SEQMIX_UPDATE_DPLR) {
    SEQMIX_TRY(seqmix_check_absent(checker, "a", a.tensor, with_rule));
    return seqmix_check_absent(checker, "b", b.tensor, with_rule);
  }
  SEQMIX_TRY(seqmix_check_given(checker, "a", a.tensor, with_rule));
  SEQMIX_TRY(seqmix_check_given(checker, "b", b.tensor, with_rule));
  SEQMIX_TRY(take_gate(checker, &a, 4, 4, args->q, p, &p->a));
  return take_gate(checker, &b, 4, 4, args->q, p, &p->b);
}

/* The rule has been checked with the other options of its kind. */
static seqmix_status lower_bonus(const seqmix_checker *checker,
                                 const seqmix_linear_attention_args *args,
                                 seqmix_linear_attention_problem *p) {
  const seqmix_tensor *bonus = args->bonus;
  if (!bonus) return SEQMIX_OK;
  if (args->bidirectional)
    return seqmix_check_absent(checker, "bonus", bonus, "with bidirectional");
  if (!args->causal) return seqmix_check_absent(checker, "bonus", bonus, "with causal = 0");
  const int64_t expected[] = {p->state_heads, p->head_dim};
  SEQMIX_TRY(check_gate_tensor(checker, "bonus", bonus, 2, 2, p));
  SEQMIX_TRY(seqmix_check_shape(checker, "bonus", bonus, expected, "[Hs, D]"));
  p->bonus = seqmix_view_of(checker, bonus, (const int32_t[4]){0, 1, -1, -1});
  p->header.features |= SEQMIX_LINEAR_ATTENTION_BONUS;
  return SEQMIX_OK;
}

static seqmix_status lower_input_gate(const seqmix_checker *checker,
                                      const seqmix_linear_attention_args *args,
                                      const char *with_rule, seqmix_linear_attention_problem *p) {
  const gate from = {"input_gate", args->input_gate, NULL, 0};
  if (!from.tensor) return SEQMIX_OK;
  if (p->update_rule != SEQMIX_UPDATE_GATED)
    return seqmix_check_absent(checker, from.name, from.tensor, with_rule);
  if (!p->normalize)
    return seqmix_check_absent(checker, from.name, from.tensor, "without normalize");
  if (p->header.features & SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY)
    return seqmix_check_absent(checker, from.name, from.tensor, "with a decay per channel");
  p->header.features |= SEQMIX_LINEAR_ATTENTION_INPUT_GATE;
  return take_gate(checker, &from, 3, 3, args->q, p, &p->input_gate);
}

seqmix_status seqmix_lower_linear_attention_gates(const seqmix_checker *checker,
                                                  const seqmix_linear_attention_args *args,
                                                  seqmix_linear_attention_problem *p) {
  char with_rule[48];
  snprintf(with_rule, sizeof with_rule, "with update_rule %s",
           seqmix_update_rule_name(p->update_rule));
  SEQMIX_TRY(lower_decay(checker, args, with_rule, p));
  SEQMIX_TRY(lower_delta_gates(checker, args, with_rule, p));
  SEQMIX_TRY(lower_dplr_gates(checker, args, with_rule, p));
  SEQMIX_TRY(lower_bonus(checker, args, p));
  return lower_input_gate(checker, args, with_rule, p);
}
