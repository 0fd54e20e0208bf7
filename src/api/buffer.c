/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/context.h"
#include "core/error.h"

seqmix_status seqmix_buffer_allocate(seqmix_context *context, uint64_t bytes, void **data) {
  if (!data)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "buffer_allocate: data is NULL; it must point to a pointer");
  *data = NULL;
  seqmix_active active;
  SEQMIX_TRY(seqmix_context_enter(context, &active, "buffer_allocate"));
  seqmix_status status = seqmix_context_allocate(context, "buffer_allocate", bytes, data);
  seqmix_context_leave(context, &active);
  return status;
}

void seqmix_buffer_free(seqmix_context *context, void *data) {
  seqmix_active active;
  if (!data || seqmix_context_enter(context, &active, "buffer_free")) return;
  seqmix_context_free(context, data);
  seqmix_context_leave(context, &active);
}

/* What uploads and downloads have in common before the copy. */
static seqmix_status enter_copy(seqmix_context *context, seqmix_active *active,
                                const char *operation, const void *data, const void *host,
                                uint64_t bytes) {
  if (bytes && (!data || !host))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s is NULL, with %llu bytes to copy",
                       operation, data ? "host" : "data", (unsigned long long)bytes);
  return seqmix_context_enter(context, active, operation);
}

seqmix_status seqmix_buffer_upload(seqmix_context *context, void *data, uint64_t byte_offset,
                                   const void *host, uint64_t bytes) {
  seqmix_active active;
  SEQMIX_TRY(enter_copy(context, &active, "buffer_upload", data, host, bytes));
  const seqmix_backend *backend = context->device->backend;
  seqmix_status status = SEQMIX_OK;
  if (backend->upload)
    status = backend->upload(context->state, data, byte_offset, host, bytes);
  else if (bytes)
    memcpy((char *)data + byte_offset, host, (size_t)bytes);
  seqmix_context_leave(context, &active);
  return status;
}

seqmix_status seqmix_buffer_download(seqmix_context *context, const void *data,
                                     uint64_t byte_offset, void *host, uint64_t bytes) {
  seqmix_active active;
  SEQMIX_TRY(enter_copy(context, &active, "buffer_download", data, host, bytes));
  const seqmix_backend *backend = context->device->backend;
  seqmix_status status = SEQMIX_OK;
  if (backend->download)
    status = backend->download(context->state, data, byte_offset, host, bytes);
  else if (bytes)
    memcpy(host, (const char *)data + byte_offset, (size_t)bytes);
  seqmix_context_leave(context, &active);
  return status;
}
