/* SPDX-License-Identifier: Apache-2.0 */
#include "api/entry.h"
#include "api/scans.h"
#include "api/sequences.h"
#include "core/dispatch.h"
#include "core/error.h"

static seqmix_status lower_b(const seqmix_checker *checker,
                             const seqmix_linear_recurrence_args *args,
                             seqmix_linear_recurrence_problem *p) {
  const seqmix_argument must = {
      .name = "b",
      .symbols = "B, T, C",
      .dtypes = SEQMIX_FLOAT_BITS,
      .rank = 3,
      .shape = {-1, -1, -1},
      .is_complex = args->is_complex,
  };
  SEQMIX_TRY(seqmix_take_argument(checker, &must, args->b, &p->b));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "b", args->b->shape[2], "channels"));
  p->channels = args->b->shape[2];
  p->header.dtype = args->b->dtype;
  return SEQMIX_OK;
}

/* Constant or of each token. */
static seqmix_status lower_a(const seqmix_checker *checker,
                             const seqmix_linear_recurrence_args *args,
                             seqmix_linear_recurrence_problem *p) {
  const int64_t *shape = args->b->shape;
  seqmix_argument must = {
      .name = "a",
      .symbols = "B, T, C",
      .dtypes = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype),
      .rank = 3,
      .shape = {shape[0], shape[1], shape[2]},
      .is_complex = args->is_complex,
  };
  int32_t pairs = args->is_complex ? 1 : 0;
  if (args->a && args->a->ndim != 1 + pairs && args->a->ndim != 3 + pairs)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: a has rank %d; it must have rank %d or %d%s", checker->op,
                       args->a->ndim, 1 + pairs, 3 + pairs, pairs ? " with is_complex" : "");
  if (!args->a || args->a->ndim == 3 + pairs)
    return seqmix_take_argument(checker, &must, args->a, &p->a);
  must.symbols = "C";
  must.rank = 1;
  must.shape[0] = p->channels;
  SEQMIX_TRY(seqmix_take_argument(checker, &must, args->a, &p->a));
  p->a.stride[2] = p->a.stride[0];
  p->a.stride[0] = 0;
  p->header.features |= SEQMIX_LINEAR_RECURRENCE_CONSTANT;
  return SEQMIX_OK;
}

static seqmix_status lower_out(const seqmix_checker *checker,
                               const seqmix_linear_recurrence_args *args,
                               seqmix_linear_recurrence_problem *p) {
  const int64_t *shape = args->b->shape;
  const seqmix_argument must = {
      .name = "out",
      .symbols = "B, T, C",
      .dtypes = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype),
      .rank = 3,
      .shape = {shape[0], shape[1], shape[2]},
      .is_complex = args->is_complex,
      .is_output = 1,
  };
  return seqmix_take_argument(checker, &must, args->out, &p->out);
}

static seqmix_status lower_states(const seqmix_checker *checker,
                                  const seqmix_linear_recurrence_args *args,
                                  const seqmix_sequence_args *sequence_args,
                                  seqmix_linear_recurrence_problem *p) {
  const seqmix_argument state = {
      .symbols = "C",
      .dtypes = SEQMIX_FLOAT_BITS,
      .rank = 2,
      .shape = {-1, p->channels},
      .is_complex = args->is_complex,
  };
  return seqmix_take_states(checker, sequence_args, &state, &p->at, &p->past_state,
                            &p->present_state);
}

static uint64_t features_of(const seqmix_linear_recurrence_args *args,
                            const seqmix_linear_recurrence_problem *p) {
  uint64_t features = 0;
  if (args->is_complex) features |= SEQMIX_LINEAR_RECURRENCE_COMPLEX;
  if (args->reverse) features |= SEQMIX_LINEAR_RECURRENCE_REVERSE;
  if (args->past_state) features |= SEQMIX_LINEAR_RECURRENCE_PAST;
  if (args->present_state) features |= SEQMIX_LINEAR_RECURRENCE_PRESENT;
  if (p->at.state_out_indices.bits) features |= SEQMIX_LINEAR_RECURRENCE_STATE_INDICES;
  if (p->at.cu_seqlens.bits) features |= SEQMIX_LINEAR_RECURRENCE_PACKED;
  if (p->out.dtype != p->header.dtype) features |= SEQMIX_LINEAR_RECURRENCE_OUT_F32;
  return features;
}

static seqmix_status check_memory(const seqmix_checker *checker,
                                  const seqmix_linear_recurrence_args *args, int is_in_place) {
  const seqmix_named_tensor outputs[] = {
      {"out", args->out},
      {"present_state", args->present_state},
  };
  const seqmix_named_tensor inputs[] = {
      {"a", args->a},
      {"b", args->b},
      {"past_state", is_in_place ? NULL : args->past_state},
      {"state_indices", args->state_indices},
      {"state_out_indices", args->state_out_indices},
      {"cu_seqlens", args->cu_seqlens},
  };
  return seqmix_check_overlaps(checker, outputs, sizeof outputs / sizeof *outputs, inputs,
                               sizeof inputs / sizeof *inputs);
}

seqmix_status seqmix_lower_linear_recurrence(const seqmix_checker *checker,
                                             const seqmix_linear_recurrence_args *args,
                                             seqmix_linear_recurrence_problem *p) {
  const seqmix_sequence_args sequence_args = SEQMIX_SEQUENCE_ARGS(args);
  *p = (seqmix_linear_recurrence_problem){
      .header = {.struct_size = sizeof *p, .op = SEQMIX_OP_LINEAR_RECURRENCE}};
  SEQMIX_TRY(lower_b(checker, args, p));
  SEQMIX_TRY(seqmix_take_sequences(checker, &sequence_args, "b", args->b, &p->at));
  SEQMIX_TRY(lower_a(checker, args, p));
  SEQMIX_TRY(lower_states(checker, args, &sequence_args, p));
  SEQMIX_TRY(lower_out(checker, args, p));
  p->header.features |= features_of(args, p);
  int is_in_place =
      seqmix_is_in_place(&p->past_state, p->at.past_rows, &p->present_state, p->at.present_rows);
  SEQMIX_TRY(check_memory(checker, args, is_in_place));
  SEQMIX_TRY(seqmix_check_sequences(checker, &sequence_args, is_in_place, &p->at));
  return seqmix_check_state_size(checker, &p->at, &p->channels, 1);
}

/* ---- entry points ---------------------------------------------------------------------------- */

static seqmix_status lower(const seqmix_context *context,
                           const seqmix_linear_recurrence_args *given,
                           seqmix_linear_recurrence_args *args,
                           seqmix_linear_recurrence_problem *problem) {
  seqmix_checker checker;
  *args = (seqmix_linear_recurrence_args)SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  SEQMIX_TRY(seqmix_begin_call("linear_recurrence", context, given, args, sizeof *args, &checker));
  return seqmix_lower_linear_recurrence(&checker, args, problem);
}

seqmix_status seqmix_linear_recurrence(seqmix_context *context,
                                       const seqmix_linear_recurrence_args *args) {
  seqmix_linear_recurrence_args known;
  seqmix_linear_recurrence_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (seqmix_writes_nothing(&problem.at)) return SEQMIX_OK;
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_linear_recurrence_workspace_size(seqmix_context *context,
                                                      const seqmix_linear_recurrence_args *args,
                                                      uint64_t *bytes) {
  seqmix_linear_recurrence_args known;
  seqmix_linear_recurrence_problem problem;
  SEQMIX_TRY(seqmix_check_bytes("linear_recurrence", bytes));
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (seqmix_writes_nothing(&problem.at)) return SEQMIX_OK;
  return seqmix_run_workspace(context, &problem.header, bytes);
}
