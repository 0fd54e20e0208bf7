/* SPDX-License-Identifier: Apache-2.0 */
#include "seqmix/causal_conv1d.h"

#include "core/error.h"

seqmix_status seqmix_causal_conv1d(seqmix_context *context, const seqmix_causal_conv1d_args *args) {
  (void)context, (void)args;
  return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "causal_conv1d: not built yet");
}

seqmix_status seqmix_causal_conv1d_workspace_size(seqmix_context *context,
                                                  const seqmix_causal_conv1d_args *args,
                                                  uint64_t *bytes) {
  (void)context, (void)args, (void)bytes;
  return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "causal_conv1d: not built yet");
}
