/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/context.h"

#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "gpu/faults.h"

static seqmix_status open_device(gpu_context *c, int32_t index, void *queue) {
  const int32_t none = 0;
  c->properties.struct_size = sizeof c->properties;
  SEQMIX_TRY(c->driver->describe(index, &c->properties));
  SEQMIX_TRY(c->driver->open(index, queue, &c->device));
  SEQMIX_TRY(c->driver->allocate(c->device, sizeof none, &c->faults));
  return c->driver->upload(c->device, c->faults, 0, &none, sizeof none);
}

seqmix_status seqmix_gpu_open(const gpu_driver *driver, int32_t index, void *queue,
                              void **context) {
  gpu_context *c = seqmix_memory_allocate_zeroed(sizeof *c);
  if (!c)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "context_create: no memory for %zu bytes",
                       sizeof *c);
  c->driver = driver;
  seqmix_status status = open_device(c, index, queue);
  if (status)
    seqmix_gpu_close(c);
  else
    *context = c;
  return status;
}

void seqmix_gpu_close(void *context) {
  gpu_context *c = context;
  seqmix_gpu_release_programs(c);
  if (c->faults) c->driver->free(c->device, c->faults);
  c->driver->close(c->device);
  seqmix_memory_free(c);
}

/* A graph records kernels alone. */
static seqmix_status refuse_capture(const gpu_context *c, const char *what) {
  if (!c->driver->is_capturing || !c->driver->is_capturing(c->device)) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_DEVICE,
                     "%s while the context's stream is captured in a graph: it must be done before "
                     "capturing begins or after it has ended",
                     what);
}

seqmix_status seqmix_gpu_synchronize(void *context) {
  gpu_context *c = context;
  SEQMIX_TRY(refuse_capture(c, "work cannot be waited for"));
  const int32_t none = 0;
  int32_t fault = none;
  SEQMIX_TRY(c->driver->synchronize(c->device));
  if (!c->has_launched) return SEQMIX_OK;
  SEQMIX_TRY(c->driver->download(c->device, c->faults, 0, &fault, sizeof fault));
  c->has_launched = 0;
  seqmix_gpu_keep_programs(c);
  if (fault == none) return SEQMIX_OK;
  SEQMIX_TRY(c->driver->upload(c->device, c->faults, 0, &none, sizeof none));
  return seqmix_gpu_fail_fault(fault);
}

seqmix_status seqmix_gpu_allocate(void *context, uint64_t bytes, void **data) {
  const gpu_context *c = context;
  SEQMIX_TRY(refuse_capture(c, "memory cannot be allocated"));
  return c->driver->allocate(c->device, bytes, data);
}

void seqmix_gpu_free(void *context, void *data) {
  const gpu_context *c = context;
  c->driver->free(c->device, data);
}

seqmix_status seqmix_gpu_upload(void *context, void *data, uint64_t byte_offset, const void *host,
                                uint64_t bytes) {
  const gpu_context *c = context;
  SEQMIX_TRY(refuse_capture(c, "memory cannot be copied"));
  return c->driver->upload(c->device, data, byte_offset, host, bytes);
}

seqmix_status seqmix_gpu_download(void *context, const void *data, uint64_t byte_offset, void *host,
                                  uint64_t bytes) {
  const gpu_context *c = context;
  SEQMIX_TRY(refuse_capture(c, "memory cannot be copied"));
  return c->driver->download(c->device, data, byte_offset, host, bytes);
}
