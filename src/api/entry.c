/* SPDX-License-Identifier: Apache-2.0 */
#include "api/entry.h"

#include "core/error.h"

seqmix_status seqmix_begin_call(const char *op, const seqmix_context *context, const void *given,
                                void *known, uint64_t size, seqmix_checker *checker) {
  if (!context)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: context is NULL; it must be a context",
                       op);
  *checker = (seqmix_checker){op, &context->device->properties};
  return seqmix_check_struct(op, "args", given, known, size, size);
}

seqmix_status seqmix_check_bytes(const char *op, const uint64_t *bytes) {
  if (bytes) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: bytes is NULL; it must point to a number",
                     op);
}
