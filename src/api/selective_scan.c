/* SPDX-License-Identifier: Apache-2.0 */
#include "seqmix/selective_scan.h"

#include "core/error.h"

seqmix_status seqmix_selective_scan(seqmix_context *context,
                                    const seqmix_selective_scan_args *args) {
  (void)context, (void)args;
  return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "selective_scan: not built yet");
}

seqmix_status seqmix_selective_scan_workspace_size(seqmix_context *context,
                                                   const seqmix_selective_scan_args *args,
                                                   uint64_t *bytes) {
  (void)context, (void)args, (void)bytes;
  return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED, "selective_scan: not built yet");
}
