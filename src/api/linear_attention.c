/* SPDX-License-Identifier: Apache-2.0 */
#include "api/linear_attention.h"

#include <inttypes.h>

#include "core/context.h"
#include "core/dispatch.h"
#include "core/error.h"

static seqmix_status lower(const seqmix_context *context, const seqmix_linear_attention_args *given,
                           seqmix_linear_attention_args *args,
                           seqmix_linear_attention_problem *problem) {
  if (!context)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "linear_attention: context is NULL; it must be a context");
  const seqmix_checker checker = {"linear_attention", &context->device->properties};
  *args = (seqmix_linear_attention_args)SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  SEQMIX_TRY(
      seqmix_check_struct("linear_attention", "args", given, args, sizeof *args, sizeof *args));
  return seqmix_lower_linear_attention(&checker, args, problem);
}

/* As for attention: without elements nothing bounds the sizes. Without tokens there may still be
 * states to pass on. */
static int writes_nothing(const seqmix_linear_attention_problem *problem) {
  if (problem->sequences == 0) return 1;
  return problem->total == 0 && problem->present_rows == 0;
}

/* Even then nothing bounds the state, of which the caller may hold no copy. With this a backend
 * may multiply its sizes. */
static seqmix_status check_state_size(const seqmix_linear_attention_problem *problem) {
  int64_t bytes;
  if (!__builtin_mul_overflow(problem->head_dim, problem->value_dim, &bytes) &&
      !__builtin_mul_overflow(bytes, problem->state_heads, &bytes) &&
      !__builtin_mul_overflow(bytes, (int64_t)sizeof(double), &bytes))
    return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY,
                     "linear_attention: the state of a sequence is %" PRId64 " x %" PRId64
                     " x %" PRId64 " elements, which is beyond the address space",
                     problem->state_heads, problem->head_dim, problem->value_dim);
}

seqmix_status seqmix_linear_attention(seqmix_context *context,
                                      const seqmix_linear_attention_args *args) {
  seqmix_linear_attention_args known;
  seqmix_linear_attention_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (writes_nothing(&problem)) return SEQMIX_OK;
  SEQMIX_TRY(check_state_size(&problem));
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_linear_attention_workspace_size(seqmix_context *context,
                                                     const seqmix_linear_attention_args *args,
                                                     uint64_t *bytes) {
  seqmix_linear_attention_args known;
  seqmix_linear_attention_problem problem;
  if (!bytes)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "linear_attention: bytes is NULL; it must point to a number");
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (writes_nothing(&problem)) return SEQMIX_OK;
  SEQMIX_TRY(check_state_size(&problem));
  return seqmix_run_workspace(context, &problem.header, bytes);
}
