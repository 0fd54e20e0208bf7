/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of an opened device, in the order of its stream where it has pools. */
#include "core/memory.h"

#include <inttypes.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "cuda/cuda.h"

/* What could not be given back when it was freed. */
struct late_memory {
  struct late_memory *next;
  CUdeviceptr memory;
};

static CUdeviceptr pointer_of(const void *memory) { return (CUdeviceptr)(uintptr_t)memory; }

seqmix_status seqmix_cuda_allocate(gpu_device *device, uint64_t bytes, void **memory) {
  CUdeviceptr made = 0;
  size_t size = bytes ? (size_t)bytes : 1;
  *memory = NULL;
  if (bytes > SIZE_MAX / 2)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY,
                       "cuda: %" PRIu64 " bytes are beyond the address space", bytes);
  CUresult error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  seqmix_cuda_free_late(device);
  if (device->has_pools)
    error = device->api->cuMemAllocAsync(&made, size, device->stream);
  else
    error = device->api->cuMemAlloc_v2(&made, size);
  seqmix_cuda_leave(device);
  if (error) return seqmix_cuda_fail(device->has_pools ? "cuMemAllocAsync" : "cuMemAlloc", error);
  *memory = (void *)(uintptr_t)made;
  return SEQMIX_OK;
}

/* Within the device's context. */
static void give_back(const gpu_device *device, CUdeviceptr memory) {
  if (device->has_pools)
    device->api->cuMemFreeAsync(memory, device->stream);
  else
    device->api->cuMemFree_v2(memory);
}

void seqmix_cuda_free_late(gpu_device *device) {
  while (device->late) {
    struct late_memory *first = device->late;
    device->late = first->next;
    give_back(device, first->memory);
    seqmix_memory_free(first);
  }
}

/* A graph that is captured would take it for its own to free. */
static void remember(gpu_device *device, CUdeviceptr memory) {
  struct late_memory *row = seqmix_memory_allocate(sizeof *row);
  if (!row) {
    seqmix_log(SEQMIX_LOG_WARNING, "cuda: no memory to remember what is to be freed: it is lost");
    return;
  }
  *row = (struct late_memory){device->late, memory};
  device->late = row;
}

void seqmix_cuda_free(gpu_device *device, void *memory) {
  if (seqmix_cuda_is_capturing(device)) {
    remember(device, pointer_of(memory));
    return;
  }
  if (seqmix_cuda_enter(device)) return;
  give_back(device, pointer_of(memory));
  seqmix_cuda_leave(device);
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* After a copy was started: it is waited for even if it was not, so that nothing reads or writes
 * the caller's memory later on. */
static seqmix_status finish(const gpu_device *device, const char *what, CUresult error) {
  CUresult end = device->api->cuStreamSynchronize(device->stream);
  seqmix_cuda_leave(device);
  if (error) return seqmix_cuda_fail(what, error);
  return end ? seqmix_cuda_fail("cuStreamSynchronize", end) : SEQMIX_OK;
}

seqmix_status seqmix_cuda_upload(gpu_device *device, void *memory, uint64_t byte_offset,
                                 const void *host, uint64_t bytes) {
  if (!bytes) return SEQMIX_OK;
  CUresult error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  error = device->api->cuMemcpyHtoDAsync_v2(pointer_of(memory) + byte_offset, host, (size_t)bytes,
                                            device->stream);
  return finish(device, "cuMemcpyHtoDAsync", error);
}

seqmix_status seqmix_cuda_download(gpu_device *device, const void *memory, uint64_t byte_offset,
                                   void *host, uint64_t bytes) {
  if (!bytes) return SEQMIX_OK;
  CUresult error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  error = device->api->cuMemcpyDtoHAsync_v2(host, pointer_of(memory) + byte_offset, (size_t)bytes,
                                            device->stream);
  return finish(device, "cuMemcpyDtoHAsync", error);
}
