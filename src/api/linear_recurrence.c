/* SPDX-License-Identifier: Apache-2.0 */
#include "seqmix/linear_recurrence.h"

#include "core/error.h"

seqmix_status seqmix_linear_recurrence(seqmix_context *context,
                                       const seqmix_linear_recurrence_args *args) {
  (void)context, (void)args;
  return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "linear_recurrence: not built yet");
}

seqmix_status seqmix_linear_recurrence_workspace_size(seqmix_context *context,
                                                      const seqmix_linear_recurrence_args *args,
                                                      uint64_t *bytes) {
  (void)context, (void)args, (void)bytes;
  return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "linear_recurrence: not built yet");
}
