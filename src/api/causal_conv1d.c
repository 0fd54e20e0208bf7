/* SPDX-License-Identifier: Apache-2.0 */
#include "api/entry.h"
#include "api/scans.h"
#include "api/sequences.h"
#include "core/dispatch.h"
#include "core/error.h"

static seqmix_status lower_x(const seqmix_checker *checker, const seqmix_causal_conv1d_args *args,
                             seqmix_causal_conv1d_problem *p) {
  const seqmix_argument must = {"x", "B, T, C", SEQMIX_FLOAT_BITS, 3, {-1, -1, -1}, 0, 0};
  SEQMIX_TRY(seqmix_take_argument(checker, &must, args->x, &p->x));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "x", args->x->shape[2], "channels"));
  p->channels = args->x->shape[2];
  p->header.dtype = args->x->dtype;
  return SEQMIX_OK;
}

static seqmix_status lower_filter(const seqmix_checker *checker,
                                  const seqmix_causal_conv1d_args *args,
                                  seqmix_causal_conv1d_problem *p) {
  uint32_t gate = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype);
  const seqmix_argument weight = {"weight", "C, W", gate, 2, {p->channels, -1}, 0, 0};
  const seqmix_argument bias = {"bias", "C", gate, 1, {p->channels}, 0, 0};
  SEQMIX_TRY(seqmix_check_range(checker, "activation", args->activation, SEQMIX_ACTIVATION_NONE,
                                SEQMIX_ACTIVATION_SILU));
  if (args->reserved)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: reserved is %d; it must be 0",
                       checker->op, args->reserved);
  SEQMIX_TRY(seqmix_take_argument(checker, &weight, args->weight, &p->weight));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "weight", args->weight->shape[1], "width"));
  SEQMIX_TRY(seqmix_take_optional(checker, &bias, args->bias, &p->bias));
  p->width = args->weight->shape[1];
  p->activation = args->activation;
  return SEQMIX_OK;
}

static seqmix_status lower_out(const seqmix_checker *checker, const seqmix_causal_conv1d_args *args,
                               seqmix_causal_conv1d_problem *p) {
  const int64_t *shape = args->x->shape;
  const seqmix_argument must = {
      .name = "out",
      .symbols = "B, T, C",
      .dtypes = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype),
      .rank = 3,
      .shape = {shape[0], shape[1], shape[2]},
      .is_output = 1,
  };
  return seqmix_take_argument(checker, &must, args->out, &p->out);
}

static seqmix_status lower_states(const seqmix_checker *checker,
                                  const seqmix_sequence_args *sequence_args,
                                  seqmix_causal_conv1d_problem *p) {
  const seqmix_argument state = {
      .symbols = "W-1, C",
      .dtypes = SEQMIX_DTYPE_BIT(p->header.dtype),
      .rank = 3,
      .shape = {-1, p->width - 1, p->channels},
  };
  return seqmix_take_states(checker, sequence_args, &state, &p->at, &p->past_state,
                            &p->present_state);
}

static uint64_t features_of(const seqmix_causal_conv1d_args *args,
                            const seqmix_causal_conv1d_problem *p) {
  uint64_t features = 0;
  if (args->bias) features |= SEQMIX_CAUSAL_CONV1D_BIAS;
  if (args->activation == SEQMIX_ACTIVATION_SILU) features |= SEQMIX_CAUSAL_CONV1D_SILU;
  if (args->past_state) features |= SEQMIX_CAUSAL_CONV1D_PAST;
  if (args->present_state) features |= SEQMIX_CAUSAL_CONV1D_PRESENT;
  if (p->at.state_out_indices.bits) features |= SEQMIX_CAUSAL_CONV1D_STATE_INDICES;
  if (p->at.cu_seqlens.bits) features |= SEQMIX_CAUSAL_CONV1D_PACKED;
  if (p->out.dtype != p->header.dtype) features |= SEQMIX_CAUSAL_CONV1D_OUT_F32;
  return features;
}

static seqmix_status check_memory(const seqmix_checker *checker,
                                  const seqmix_causal_conv1d_args *args, int is_in_place) {
  const seqmix_named_tensor outputs[] = {
      {"out", args->out},
      {"present_state", args->present_state},
  };
  const seqmix_named_tensor inputs[] = {
      {"x", args->x},
      {"weight", args->weight},
      {"bias", args->bias},
      {"past_state", is_in_place ? NULL : args->past_state},
      {"state_indices", args->state_indices},
      {"state_out_indices", args->state_out_indices},
      {"cu_seqlens", args->cu_seqlens},
  };
  return seqmix_check_overlaps(checker, outputs, sizeof outputs / sizeof *outputs, inputs,
                               sizeof inputs / sizeof *inputs);
}

seqmix_status seqmix_lower_causal_conv1d(const seqmix_checker *checker,
                                         const seqmix_causal_conv1d_args *args,
                                         seqmix_causal_conv1d_problem *p) {
  const seqmix_sequence_args sequence_args = SEQMIX_SEQUENCE_ARGS(args);
  *p = (seqmix_causal_conv1d_problem){
      .header = {.struct_size = sizeof *p, .op = SEQMIX_OP_CAUSAL_CONV1D}};
  SEQMIX_TRY(lower_x(checker, args, p));
  SEQMIX_TRY(seqmix_take_sequences(checker, &sequence_args, "x", args->x, &p->at));
  SEQMIX_TRY(lower_filter(checker, args, p));
  SEQMIX_TRY(lower_states(checker, &sequence_args, p));
  SEQMIX_TRY(lower_out(checker, args, p));
  p->header.features = features_of(args, p);
  int is_in_place =
      seqmix_is_in_place(&p->past_state, p->at.past_rows, &p->present_state, p->at.present_rows);
  SEQMIX_TRY(check_memory(checker, args, is_in_place));
  SEQMIX_TRY(seqmix_check_sequences(checker, &sequence_args, is_in_place, &p->at));
  return seqmix_check_state_size(checker, &p->at, (const int64_t[]){p->width, p->channels}, 2);
}

/* ---- entry points ---------------------------------------------------------------------------- */

static seqmix_status lower(const seqmix_context *context, const seqmix_causal_conv1d_args *given,
                           seqmix_causal_conv1d_args *args, seqmix_causal_conv1d_problem *problem) {
  seqmix_checker checker;
  *args = (seqmix_causal_conv1d_args)SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  SEQMIX_TRY(seqmix_begin_call("causal_conv1d", context, given, args, sizeof *args, &checker));
  return seqmix_lower_causal_conv1d(&checker, args, problem);
}

seqmix_status seqmix_causal_conv1d(seqmix_context *context, const seqmix_causal_conv1d_args *args) {
  seqmix_causal_conv1d_args known;
  seqmix_causal_conv1d_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (seqmix_writes_nothing(&problem.at)) return SEQMIX_OK;
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_causal_conv1d_workspace_size(seqmix_context *context,
                                                  const seqmix_causal_conv1d_args *args,
                                                  uint64_t *bytes) {
  seqmix_causal_conv1d_args known;
  seqmix_causal_conv1d_problem problem;
  SEQMIX_TRY(seqmix_check_bytes("causal_conv1d", bytes));
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (seqmix_writes_nothing(&problem.at)) return SEQMIX_OK;
  return seqmix_run_workspace(context, &problem.header, bytes);
}
