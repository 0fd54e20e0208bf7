/* SPDX-License-Identifier: Apache-2.0 */
#include "api/entry.h"
#include "core/dispatch.h"
#include "core/error.h"

static seqmix_status lower_inputs(const seqmix_checker *checker,
                                  const seqmix_attention_merge_args *args,
                                  seqmix_attention_merge_problem *p) {
  const seqmix_tensor *outs = args->outs, *lses = args->lses, *sinks = args->sinks;
  SEQMIX_TRY(seqmix_check_tensor(checker, "outs", outs, 5, 5));
  SEQMIX_TRY(seqmix_check_dtype(checker, "outs", outs, SEQMIX_FLOAT_BITS));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "outs", outs));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "outs", outs->shape[3], "heads"));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "outs", outs->shape[4], "head dim"));
  p->header.dtype = outs->dtype;
  p->parts = outs->shape[0];
  p->batch = outs->shape[1];
  p->time = outs->shape[2];
  p->heads = outs->shape[3];
  p->value_dim = outs->shape[4];
  p->outs = seqmix_view_of(checker, outs, (const int32_t[4]){1, 2, 3, 4});
  p->outs_part_stride = outs->stride[0];

  int64_t lses_shape[] = {p->parts, p->batch, p->heads, p->time};
  SEQMIX_TRY(seqmix_check_tensor(checker, "lses", lses, 4, 4));
  SEQMIX_TRY(seqmix_check_dtype(checker, "lses", lses, SEQMIX_F32_BIT));
  SEQMIX_TRY(seqmix_check_shape(checker, "lses", lses, lses_shape, "[P, B, H, T]"));
  p->lses = seqmix_view_of(checker, lses, (const int32_t[4]){1, 2, 3, -1});
  p->lses_part_stride = lses->stride[0];

  if (!sinks) return SEQMIX_OK;
  SEQMIX_TRY(seqmix_check_tensor(checker, "sinks", sinks, 1, 1));
  SEQMIX_TRY(
      seqmix_check_dtype(checker, "sinks", sinks, SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(outs->dtype)));
  SEQMIX_TRY(seqmix_check_shape(checker, "sinks", sinks, &p->heads, "[H]"));
  p->sinks = seqmix_view_of(checker, sinks, (const int32_t[4]){0, -1, -1, -1});
  p->header.features |= SEQMIX_ATTENTION_MERGE_SINKS;
  return SEQMIX_OK;
}

static seqmix_status lower_outputs(const seqmix_checker *checker,
                                   const seqmix_attention_merge_args *args,
                                   seqmix_attention_merge_problem *p) {
  const seqmix_tensor *out = args->out, *lse = args->lse;
  int64_t out_shape[] = {p->batch, p->time, p->heads, p->value_dim};
  int64_t lse_shape[] = {p->batch, p->heads, p->time};
  SEQMIX_TRY(seqmix_check_output(checker, "out", out,
                                 SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype), out_shape, 4,
                                 "[B, T, H, Dv]"));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "out", out));
  p->out = seqmix_view_of(checker, out, (const int32_t[4]){0, 1, 2, 3});
  if (out->dtype != p->header.dtype) p->header.features |= SEQMIX_ATTENTION_MERGE_OUT_F32;
  if (lse) {
    SEQMIX_TRY(seqmix_check_output(checker, "lse", lse, SEQMIX_F32_BIT, lse_shape, 3, "[B, H, T]"));
    p->lse = seqmix_view_of(checker, lse, (const int32_t[4]){0, 1, 2, -1});
    p->header.features |= SEQMIX_ATTENTION_MERGE_LSE;
  }
  const seqmix_named_tensor outputs[] = {{"out", out}, {"lse", lse}};
  const seqmix_named_tensor inputs[] = {
      {"outs", args->outs}, {"lses", args->lses}, {"sinks", args->sinks}};
  return seqmix_check_overlaps(checker, outputs, 2, inputs, 3);
}

static seqmix_status lower(const seqmix_context *context, const seqmix_attention_merge_args *given,
                           seqmix_attention_merge_args *args,
                           seqmix_attention_merge_problem *problem) {
  seqmix_checker checker;
  *args = (seqmix_attention_merge_args)SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  SEQMIX_TRY(seqmix_begin_call("attention_merge", context, given, args, sizeof *args, &checker));
  *problem = (seqmix_attention_merge_problem){
      .header = {.struct_size = sizeof *problem, .op = SEQMIX_OP_ATTENTION_MERGE}};
  SEQMIX_TRY(lower_inputs(&checker, args, problem));
  return lower_outputs(&checker, args, problem);
}

/* As for attention: without elements nothing bounds the sizes. */
static int writes_nothing(const seqmix_attention_merge_problem *problem) {
  return problem->batch == 0 || problem->time == 0;
}

seqmix_status seqmix_attention_merge(seqmix_context *context,
                                     const seqmix_attention_merge_args *args) {
  seqmix_attention_merge_args known;
  seqmix_attention_merge_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_attention_merge_workspace_size(seqmix_context *context,
                                                    const seqmix_attention_merge_args *args,
                                                    uint64_t *bytes) {
  seqmix_attention_merge_args known;
  seqmix_attention_merge_problem problem;
  SEQMIX_TRY(seqmix_check_bytes("attention_merge", bytes));
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run_workspace(context, &problem.header, bytes);
}
