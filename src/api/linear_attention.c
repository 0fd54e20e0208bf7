/* SPDX-License-Identifier: Apache-2.0 */
#include "api/linear_attention.h"

#include "api/entry.h"
#include "core/dispatch.h"
#include "core/error.h"

static seqmix_status lower(const seqmix_context *context, const seqmix_linear_attention_args *given,
                           seqmix_linear_attention_args *args,
                           seqmix_linear_attention_problem *problem) {
  seqmix_checker checker;
  *args = (seqmix_linear_attention_args)SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  SEQMIX_TRY(seqmix_begin_call("linear_attention", context, given, args, sizeof *args, &checker));
  return seqmix_lower_linear_attention(&checker, args, problem);
}

/* As for attention: without elements nothing bounds the sizes. Without tokens there may still be
 * states to pass on. */
static int writes_nothing(const seqmix_linear_attention_problem *problem) {
  if (problem->sequences == 0) return 1;
  return problem->total == 0 && problem->present_rows == 0;
}

seqmix_status seqmix_linear_attention(seqmix_context *context,
                                      const seqmix_linear_attention_args *args) {
  seqmix_linear_attention_args known;
  seqmix_linear_attention_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_linear_attention_workspace_size(seqmix_context *context,
                                                     const seqmix_linear_attention_args *args,
                                                     uint64_t *bytes) {
  seqmix_linear_attention_args known;
  seqmix_linear_attention_problem problem;
  SEQMIX_TRY(seqmix_check_bytes("linear_attention", bytes));
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run_workspace(context, &problem.header, bytes);
}
