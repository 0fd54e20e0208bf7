/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <inttypes.h>

#include "api/linear_attention.h"
#include "core/error.h"

const char *seqmix_update_rule_name(int32_t update_rule) {
  static const char *const names[] = {"linear", "gated", "delta", "gated_delta", "dplr"};
  return names[update_rule];
}

/* ---- sizes --------------------------------------------------------------------------------- */

static seqmix_status check_rows(const seqmix_checker *checker, const char *name,
                                const seqmix_tensor *tensor, uint32_t types) {
  SEQMIX_TRY(seqmix_check_tensor(checker, name, tensor, 4, 4));
  SEQMIX_TRY(seqmix_check_dtype(checker, name, tensor, types));
  SEQMIX_TRY(seqmix_check_not_zero(checker, name, tensor->shape[2], "heads"));
  SEQMIX_TRY(seqmix_check_not_zero(checker, name, tensor->shape[3], "head dim"));
  return seqmix_check_last_contiguous(checker, name, tensor);
}

static seqmix_status check_heads(const seqmix_checker *checker,
                                 const seqmix_linear_attention_problem *p) {
  if (p->state_heads % p->k_heads)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: k has %" PRId64 " heads, which does not divide v's %" PRId64,
                       checker->op, p->k_heads, p->state_heads);
  if (p->state_heads % p->q_heads && p->q_heads % p->state_heads)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: q has %" PRId64 " heads; they must divide v's %" PRId64
                       " or be a multiple of them",
                       checker->op, p->q_heads, p->state_heads);
  return SEQMIX_OK;
}

static seqmix_status lower_sizes(const seqmix_checker *checker,
                                 const seqmix_linear_attention_args *args,
                                 seqmix_linear_attention_problem *p) {
  static const int32_t all_axes[4] = {0, 1, 2, 3};
  const seqmix_tensor *q = args->q, *k = args->k, *v = args->v;
  SEQMIX_TRY(check_rows(checker, "q", q, SEQMIX_FLOAT_BITS));
  SEQMIX_TRY(check_rows(checker, "k", k, SEQMIX_DTYPE_BIT(q->dtype)));
  SEQMIX_TRY(check_rows(checker, "v", v, SEQMIX_DTYPE_BIT(q->dtype)));
  const int64_t k_shape[] = {q->shape[0], q->shape[1], -1, q->shape[3]};
  const int64_t v_shape[] = {q->shape[0], q->shape[1], -1, -1};
  SEQMIX_TRY(seqmix_check_shape(checker, "k", k, k_shape, "[B, T, Hk, D]"));
  SEQMIX_TRY(seqmix_check_shape(checker, "v", v, v_shape, "[B, T, Hs, Dv]"));
  p->header.dtype = q->dtype;
  p->q_heads = q->shape[2];
  p->k_heads = k->shape[2];
  p->state_heads = v->shape[2];
  p->head_dim = q->shape[3];
  p->value_dim = v->shape[3];
  p->q = seqmix_view_of(checker, q, all_axes);
  p->k = seqmix_view_of(checker, k, all_axes);
  p->v = seqmix_view_of(checker, v, all_axes);
  return check_heads(checker, p);
}

/* What is known of sequences so far; nothing but the problem's layout calls for the copy. */
static void keep_sequences(const seqmix_sequences *at, seqmix_linear_attention_problem *p) {
  p->sequences = at->count;
  p->length = at->length;
  p->total = at->total;
  p->past_rows = at->past_rows;
  p->present_rows = at->present_rows;
  p->cu_seqlens = at->cu_seqlens;
  p->state_indices = at->state_indices;
  p->state_out_indices = at->state_out_indices;
}

/* ---- plain options ------------------------------------------------------------------------- */

/* Whether some head is shared, and by others than if the order were the usual one. */
static int order_of_heads_matters(const seqmix_linear_attention_problem *p) {
  int64_t fewer = p->q_heads < p->state_heads ? p->q_heads : p->state_heads;
  return (p->k_heads > 1 && p->k_heads < p->state_heads) ||
         (fewer > 1 && p->q_heads != p->state_heads);
}

static seqmix_status lower_choices(const seqmix_checker *checker,
                                   const seqmix_linear_attention_args *args,
                                   seqmix_linear_attention_problem *p) {
  static const uint64_t rule_features[] = {
      0, SEQMIX_LINEAR_ATTENTION_GATED, SEQMIX_LINEAR_ATTENTION_DELTA,
      SEQMIX_LINEAR_ATTENTION_DELTA, SEQMIX_LINEAR_ATTENTION_DPLR};
  SEQMIX_TRY(seqmix_check_range(checker, "update_rule", args->update_rule, SEQMIX_UPDATE_LINEAR,
                                SEQMIX_UPDATE_DPLR));
  SEQMIX_TRY(seqmix_check_range(checker, "feature_map", args->feature_map, SEQMIX_FEATURE_NONE,
                                SEQMIX_FEATURE_L2NORM));
  SEQMIX_TRY(seqmix_check_range(checker, "normalize", args->normalize, SEQMIX_NORMALIZE_NONE,
                                SEQMIX_NORMALIZE_ABS_MAX));
  SEQMIX_TRY(seqmix_check_range(checker, "head_sharing", args->head_sharing,
                                SEQMIX_HEADS_INTERLEAVED, SEQMIX_HEADS_TILED));
  if (args->reserved)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: reserved is %d; it must be 0",
                       checker->op, args->reserved);
  SEQMIX_TRY(seqmix_check_range(checker, "chunk_size", args->chunk_size, 0, INT64_MAX));
  p->update_rule = args->update_rule;
  p->feature_map = args->feature_map;
  p->normalize = args->normalize;
  p->chunk_size = args->chunk_size;
  p->header.features |= rule_features[p->update_rule];
  if (p->feature_map) p->header.features |= SEQMIX_LINEAR_ATTENTION_FEATURE_MAP;
  if (p->normalize) p->header.features |= SEQMIX_LINEAR_ATTENTION_NORMALIZE;
  if (args->head_sharing == SEQMIX_HEADS_TILED && order_of_heads_matters(p))
    p->header.features |= SEQMIX_LINEAR_ATTENTION_TILED_HEADS;
  return SEQMIX_OK;
}

/* Options that only states without delta rules have. */
static seqmix_status check_rule_allows(const seqmix_checker *checker, const char *option, int used,
                                       const seqmix_linear_attention_problem *p) {
  if (!used || p->update_rule == SEQMIX_UPDATE_LINEAR || p->update_rule == SEQMIX_UPDATE_GATED)
    return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s is given with update_rule %s; it must be linear or gated then",
                     checker->op, option, seqmix_update_rule_name(p->update_rule));
}

static seqmix_status lower_directions(const seqmix_checker *checker,
                                      const seqmix_linear_attention_args *args,
                                      seqmix_linear_attention_problem *p) {
  SEQMIX_TRY(check_rule_allows(checker, "normalize", p->normalize, p));
  SEQMIX_TRY(check_rule_allows(checker, "causal = 0", !args->causal, p));
  SEQMIX_TRY(check_rule_allows(checker, "bidirectional", args->bidirectional, p));
  SEQMIX_TRY(check_rule_allows(checker, "bonus", args->bonus != NULL, p));
  if (args->bidirectional && !args->causal)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: causal is 0 with bidirectional; it must be 1 then", checker->op);
  if (args->bidirectional && args->reverse)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: reverse is %d with bidirectional; it must be 0 then", checker->op,
                       args->reverse);
  if (!args->causal) p->header.features |= SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL;
  if (args->reverse) p->header.features |= SEQMIX_LINEAR_ATTENTION_REVERSE;
  if (args->bidirectional) p->header.features |= SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL;
  return SEQMIX_OK;
}

/* Compared this way round, NaN fails too. */
static seqmix_status check_not_negative(const seqmix_checker *checker, const char *name,
                                        double value) {
  if (value >= 0 && value <= FLT_MAX) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s is %g; it must be at least 0, finite and within the range of f32",
                     checker->op, name, value);
}

static seqmix_status lower_numbers(const seqmix_checker *checker,
                                   const seqmix_linear_attention_args *args,
                                   seqmix_linear_attention_problem *p) {
  int has_floor = args->floor != SEQMIX_FLOOR_DEFAULT;
  SEQMIX_TRY(seqmix_take_scale(checker, args->scale, p->head_dim, &p->scale));
  SEQMIX_TRY(check_not_negative(checker, "eps", args->eps));
  if (args->eps > 0 && !p->normalize)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: eps is %g without normalize; it must be 0 then", checker->op,
                       args->eps);
  if (has_floor) SEQMIX_TRY(check_not_negative(checker, "floor", args->floor));
  if (has_floor && p->normalize != SEQMIX_NORMALIZE_ABS_MAX)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: floor is %g, but normalize is not abs_max; it must be "
                       "SEQMIX_FLOOR_DEFAULT then",
                       checker->op, args->floor);
  double floor_default = args->input_gate ? 1.0 : 0.0;
  p->eps = args->eps;
  p->floor = has_floor ? args->floor : floor_default;
  return SEQMIX_OK;
}

/* ---- outputs --------------------------------------------------------------------------------- */

static seqmix_status lower_out(const seqmix_checker *checker,
                               const seqmix_linear_attention_args *args,
                               seqmix_linear_attention_problem *p) {
  int64_t heads = p->q_heads > p->state_heads ? p->q_heads : p->state_heads;
  const int64_t expected[] = {args->q->shape[0], args->q->shape[1], heads, p->value_dim};
  SEQMIX_TRY(seqmix_check_output(checker, "out", args->out,
                                 SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype), expected, 4,
                                 "[B, T, max(Hq, Hs), Dv]"));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "out", args->out));
  p->out = seqmix_view_of(checker, args->out, (const int32_t[4]){0, 1, 2, 3});
  if (p->out.dtype != p->header.dtype) p->header.features |= SEQMIX_LINEAR_ATTENTION_OUT_F32;
  return SEQMIX_OK;
}

/* The past tensor as far as outputs must keep clear of it: not if it is the present one, which
 * the others must keep clear of anyway. */
static const seqmix_tensor *unless_in_place(const seqmix_tensor *past_tensor,
                                            const seqmix_view *past, const seqmix_view *present,
                                            const seqmix_linear_attention_problem *p) {
  return seqmix_is_in_place(past, p->past_rows, present, p->present_rows) ? NULL : past_tensor;
}

static int is_any_in_place(const seqmix_linear_attention_problem *p) {
  int64_t past = p->past_rows, present = p->present_rows;
  return seqmix_is_in_place(&p->past_state, past, &p->present_state, present) ||
         seqmix_is_in_place(&p->past_normalizer, past, &p->present_normalizer, present) ||
         seqmix_is_in_place(&p->past_stabilizer, past, &p->present_stabilizer, present);
}

static seqmix_status check_all_overlaps(const seqmix_checker *checker,
                                        const seqmix_linear_attention_args *args,
                                        const seqmix_linear_attention_problem *p) {
  const seqmix_named_tensor outputs[] = {
      {"out", args->out},
      {"present_state", args->present_state},
      {"present_normalizer", args->present_normalizer},
      {"present_stabilizer", args->present_stabilizer},
  };
  const seqmix_named_tensor inputs[] = {
      {"q", args->q},
      {"k", args->k},
      {"v", args->v},
      {"decay", args->decay},
      {"decay_reverse", args->decay_reverse},
      {"beta", args->beta},
      {"erase", args->erase},
      {"a", args->a},
      {"b", args->b},
      {"bonus", args->bonus},
      {"input_gate", args->input_gate},
      {"past_state", unless_in_place(args->past_state, &p->past_state, &p->present_state, p)},
      {"past_normalizer",
       unless_in_place(args->past_normalizer, &p->past_normalizer, &p->present_normalizer, p)},
      {"past_stabilizer",
       unless_in_place(args->past_stabilizer, &p->past_stabilizer, &p->present_stabilizer, p)},
      {"state_indices", args->state_indices},
      {"state_out_indices", args->state_out_indices},
      {"cu_seqlens", args->cu_seqlens},
  };
  return seqmix_check_overlaps(checker, outputs, sizeof outputs / sizeof *outputs, inputs,
                               sizeof inputs / sizeof *inputs);
}

seqmix_status seqmix_lower_linear_attention(const seqmix_checker *checker,
                                            const seqmix_linear_attention_args *args,
                                            seqmix_linear_attention_problem *p) {
  *p = (seqmix_linear_attention_problem){
      .header = {.struct_size = sizeof *p, .op = SEQMIX_OP_LINEAR_ATTENTION}};
  const seqmix_sequence_args sequence_args = SEQMIX_SEQUENCE_ARGS(args);
  seqmix_sequences at = {0};
  SEQMIX_TRY(lower_sizes(checker, args, p));
  SEQMIX_TRY(seqmix_take_sequences(checker, &sequence_args, "q", args->q, &at));
  if (at.cu_seqlens.bits) p->header.features |= SEQMIX_LINEAR_ATTENTION_PACKED;
  SEQMIX_TRY(lower_choices(checker, args, p));
  SEQMIX_TRY(lower_directions(checker, args, p));
  SEQMIX_TRY(lower_numbers(checker, args, p));
  SEQMIX_TRY(seqmix_lower_linear_attention_gates(checker, args, p));
  SEQMIX_TRY(seqmix_lower_linear_attention_states(checker, args, &sequence_args, &at, p));
  keep_sequences(&at, p);
  SEQMIX_TRY(lower_out(checker, args, p));
  SEQMIX_TRY(check_all_overlaps(checker, args, p));
  SEQMIX_TRY(seqmix_check_sequences(checker, &sequence_args, is_any_in_place(p), &at));
  p->length = at.length;
  const int64_t state[] = {p->state_heads, p->head_dim, p->value_dim};
  return seqmix_check_state_size(checker, &at, state, 3);
}
