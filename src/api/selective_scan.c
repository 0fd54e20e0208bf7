/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "api/entry.h"
#include "api/scans.h"
#include "api/sequences.h"
#include "core/dispatch.h"
#include "core/error.h"

static seqmix_status lower_sizes(const seqmix_checker *checker,
                                 const seqmix_selective_scan_args *args,
                                 seqmix_selective_scan_problem *p) {
  const seqmix_argument u = {"u", "B, T, Din", SEQMIX_FLOAT_BITS, 3, {-1, -1, -1}, 0, 0};
  SEQMIX_TRY(seqmix_take_argument(checker, &u, args->u, &p->u));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "u", args->u->shape[2], "channels"));
  p->channels = args->u->shape[2];
  p->header.dtype = args->u->dtype;
  const seqmix_argument A = {
      .name = "A",
      .symbols = "Din, S",
      .dtypes = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype),
      .rank = 2,
      .shape = {p->channels, -1},
      .is_complex = args->is_complex,
  };
  SEQMIX_TRY(seqmix_take_argument(checker, &A, args->A, &p->A));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "A", args->A->shape[1], "states"));
  p->states = args->A->shape[1];
  return SEQMIX_OK;
}

/* What is real and given per token and channel, or per channel. */
static seqmix_status lower_channels(const seqmix_checker *checker,
                                    const seqmix_selective_scan_args *args,
                                    seqmix_selective_scan_problem *p) {
  const int64_t *shape = args->u->shape;
  uint32_t gate = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype);
  seqmix_argument of_token = {"delta", "B, T, Din", gate, 3, {shape[0], shape[1], shape[2]}, 0, 0};
  seqmix_argument of_channel = {"D", "Din", gate, 1, {shape[2]}, 0, 0};
  SEQMIX_TRY(seqmix_take_argument(checker, &of_token, args->delta, &p->delta));
  of_token.name = "z";
  SEQMIX_TRY(seqmix_take_optional(checker, &of_token, args->z, &p->z));
  SEQMIX_TRY(seqmix_take_optional(checker, &of_channel, args->D, &p->D));
  of_channel.name = "delta_bias";
  SEQMIX_TRY(seqmix_take_optional(checker, &of_channel, args->delta_bias, &p->delta_bias));
  of_token.name = "out";
  of_token.is_output = 1;
  return seqmix_take_argument(checker, &of_token, args->out, &p->out);
}

static seqmix_status lower_groups(const seqmix_checker *checker,
                                  const seqmix_selective_scan_args *args,
                                  seqmix_selective_scan_problem *p) {
  seqmix_argument must = {
      .name = "B",
      .symbols = "B, T, G, S",
      .dtypes = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype),
      .rank = 4,
      .shape = {args->u->shape[0], args->u->shape[1], -1, p->states},
      .is_complex = args->is_complex,
  };
  SEQMIX_TRY(seqmix_take_argument(checker, &must, args->B, &p->B));
  p->groups = must.shape[2] = args->B->shape[2];
  SEQMIX_TRY(seqmix_check_not_zero(checker, "B", p->groups, "groups"));
  if (p->channels % p->groups)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: B has %" PRId64 " groups, which does not divide u's %" PRId64
                       " channels",
                       checker->op, p->groups, p->channels);
  must.name = "C";
  return seqmix_take_argument(checker, &must, args->C, &p->C);
}

static seqmix_status lower_states(const seqmix_checker *checker,
                                  const seqmix_selective_scan_args *args,
                                  const seqmix_sequence_args *sequence_args,
                                  seqmix_selective_scan_problem *p) {
  const seqmix_argument state = {
      .symbols = "Din, S",
      .dtypes = SEQMIX_FLOAT_BITS,
      .rank = 3,
      .shape = {-1, p->channels, p->states},
      .is_complex = args->is_complex,
  };
  return seqmix_take_states(checker, sequence_args, &state, &p->at, &p->past_state,
                            &p->present_state);
}

static uint64_t features_of(const seqmix_selective_scan_args *args,
                            const seqmix_selective_scan_problem *p) {
  uint64_t features = 0;
  if (args->is_complex) features |= SEQMIX_SELECTIVE_SCAN_COMPLEX;
  if (args->D) features |= SEQMIX_SELECTIVE_SCAN_D;
  if (args->z) features |= SEQMIX_SELECTIVE_SCAN_Z;
  if (args->delta_bias) features |= SEQMIX_SELECTIVE_SCAN_DELTA_BIAS;
  if (args->delta_softplus) features |= SEQMIX_SELECTIVE_SCAN_SOFTPLUS;
  if (args->past_state) features |= SEQMIX_SELECTIVE_SCAN_PAST;
  if (args->present_state) features |= SEQMIX_SELECTIVE_SCAN_PRESENT;
  if (p->at.state_out_indices.bits) features |= SEQMIX_SELECTIVE_SCAN_STATE_INDICES;
  if (p->at.cu_seqlens.bits) features |= SEQMIX_SELECTIVE_SCAN_PACKED;
  if (p->out.dtype != p->header.dtype) features |= SEQMIX_SELECTIVE_SCAN_OUT_F32;
  return features;
}

static seqmix_status check_memory(const seqmix_checker *checker,
                                  const seqmix_selective_scan_args *args, int is_in_place) {
  const seqmix_named_tensor outputs[] = {
      {"out", args->out},
      {"present_state", args->present_state},
  };
  const seqmix_named_tensor inputs[] = {
      {"u", args->u},
      {"delta", args->delta},
      {"A", args->A},
      {"B", args->B},
      {"C", args->C},
      {"D", args->D},
      {"z", args->z},
      {"delta_bias", args->delta_bias},
      {"past_state", is_in_place ? NULL : args->past_state},
      {"state_indices", args->state_indices},
      {"state_out_indices", args->state_out_indices},
      {"cu_seqlens", args->cu_seqlens},
  };
  return seqmix_check_overlaps(checker, outputs, sizeof outputs / sizeof *outputs, inputs,
                               sizeof inputs / sizeof *inputs);
}

seqmix_status seqmix_lower_selective_scan(const seqmix_checker *checker,
                                          const seqmix_selective_scan_args *args,
                                          seqmix_selective_scan_problem *p) {
  const seqmix_sequence_args sequence_args = SEQMIX_SEQUENCE_ARGS(args);
  *p = (seqmix_selective_scan_problem){
      .header = {.struct_size = sizeof *p, .op = SEQMIX_OP_SELECTIVE_SCAN}};
  SEQMIX_TRY(lower_sizes(checker, args, p));
  SEQMIX_TRY(seqmix_take_sequences(checker, &sequence_args, "u", args->u, &p->at));
  SEQMIX_TRY(lower_channels(checker, args, p));
  SEQMIX_TRY(lower_groups(checker, args, p));
  SEQMIX_TRY(lower_states(checker, args, &sequence_args, p));
  p->header.features = features_of(args, p);
  int is_in_place =
      seqmix_is_in_place(&p->past_state, p->at.past_rows, &p->present_state, p->at.present_rows);
  SEQMIX_TRY(check_memory(checker, args, is_in_place));
  SEQMIX_TRY(seqmix_check_sequences(checker, &sequence_args, is_in_place, &p->at));
  return seqmix_check_state_size(checker, &p->at, (const int64_t[]){p->channels, p->states}, 2);
}

/* ---- entry points ---------------------------------------------------------------------------- */

static seqmix_status lower(const seqmix_context *context, const seqmix_selective_scan_args *given,
                           seqmix_selective_scan_args *args,
                           seqmix_selective_scan_problem *problem) {
  seqmix_checker checker;
  *args = (seqmix_selective_scan_args)SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  SEQMIX_TRY(seqmix_begin_call("selective_scan", context, given, args, sizeof *args, &checker));
  return seqmix_lower_selective_scan(&checker, args, problem);
}

seqmix_status seqmix_selective_scan(seqmix_context *context,
                                    const seqmix_selective_scan_args *args) {
  seqmix_selective_scan_args known;
  seqmix_selective_scan_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (seqmix_writes_nothing(&problem.at)) return SEQMIX_OK;
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_selective_scan_workspace_size(seqmix_context *context,
                                                   const seqmix_selective_scan_args *args,
                                                   uint64_t *bytes) {
  seqmix_selective_scan_args known;
  seqmix_selective_scan_problem problem;
  SEQMIX_TRY(seqmix_check_bytes("selective_scan", bytes));
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (seqmix_writes_nothing(&problem.at)) return SEQMIX_OK;
  return seqmix_run_workspace(context, &problem.header, bytes);
}
