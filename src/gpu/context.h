/* SPDX-License-Identifier: Apache-2.0 */
/* A GPU opened for one seqmix context: what seqmix_call::device points to. Calls on it come one at
 * a time. */
#ifndef SEQMIX_GPU_CONTEXT_H
#define SEQMIX_GPU_CONTEXT_H

#include "gpu/device.h"
#include "gpu/program.h"

typedef struct gpu_context {
  const gpu_driver *driver;
  gpu_device *device;
  seqmix_device_properties properties;
  gpu_programs programs;
  void *faults;            /* where kernels leave what they found wrong in index arrays */
  int has_launched;        /* since faults were looked at */
  struct gpu_trace *trace; /* where launches are recorded; NULL: they are not (trace.h) */
  int blas_fails;          /* the library of products has refused one: it is not asked again */
} gpu_context;

/* Functions of seqmix_backend. */
seqmix_status seqmix_gpu_open(const gpu_driver *driver, int32_t index, void *queue, void **context);
void seqmix_gpu_close(void *context);
int32_t seqmix_gpu_is_capturing(void *context);
seqmix_status seqmix_gpu_synchronize(void *context);
seqmix_status seqmix_gpu_allocate(void *context, uint64_t bytes, void **data);
void seqmix_gpu_free(void *context, void *data);
seqmix_status seqmix_gpu_upload(void *context, void *data, uint64_t byte_offset, const void *host,
                                uint64_t bytes);
seqmix_status seqmix_gpu_download(void *context, const void *data, uint64_t byte_offset, void *host,
                                  uint64_t bytes);

#endif
