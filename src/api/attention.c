/* SPDX-License-Identifier: Apache-2.0 */
#include "api/attention.h"

#include "api/entry.h"
#include "core/dispatch.h"
#include "core/error.h"

static seqmix_status lower(const seqmix_context *context, const seqmix_attention_args *given,
                           seqmix_attention_args *args, seqmix_attention_problem *problem) {
  seqmix_checker checker;
  *args = (seqmix_attention_args)SEQMIX_ATTENTION_ARGS_INIT;
  SEQMIX_TRY(seqmix_begin_call("attention", context, given, args, sizeof *args, &checker));
  return seqmix_lower_attention(&checker, args, problem);
}

/* Whether no output has an element. Then sizes that elements would have bounded are not, and no
 * backend should be asked to multiply them. */
static int writes_nothing(const seqmix_attention_problem *problem) {
  return problem->sequences == 0 || problem->query_total == 0;
}

seqmix_status seqmix_attention(seqmix_context *context, const seqmix_attention_args *args) {
  seqmix_attention_args known;
  seqmix_attention_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_attention_workspace_size(seqmix_context *context,
                                              const seqmix_attention_args *args, uint64_t *bytes) {
  seqmix_attention_args known;
  seqmix_attention_problem problem;
  SEQMIX_TRY(seqmix_check_bytes("attention", bytes));
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run_workspace(context, &problem.header, bytes);
}
