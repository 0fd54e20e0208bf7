/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and copies of the stand-in for libcuda. All is done at once. */
#include "driver.h"

namespace emulator {
namespace {

CUresult take(CUdeviceptr *memory, size_t bytes) {
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  CUctx_st *context = current_context();
  const uint64_t most = (uint64_t)number_of("EMULATOR_MEMORY_MIB", 16384) << 20;
  const uint64_t used = bytes_allocated(context->device);
  if (bytes > most || used > most - bytes) return CUDA_ERROR_OUT_OF_MEMORY;
  char *got = allocate(bytes, context->device);
  if (!got) return CUDA_ERROR_OUT_OF_MEMORY;
  *memory = (CUdeviceptr)got;
  return CUDA_SUCCESS;
}

/* A broken context's memory is given back all the same. */
CUresult give(CUdeviceptr memory) {
  const CUresult status = check_context();
  if (status == CUDA_ERROR_INVALID_CONTEXT) return status;
  if (memory && !release(memory)) return CUDA_ERROR_INVALID_VALUE;
  return status;
}

CUresult check_copy(CUdeviceptr device, const void *host, size_t bytes, CUstream stream) {
  CUresult status = check_stream(stream);
  if (!status) status = check_not_capturing(current_context());
  if (status) return status;
  uint64_t base;
  const allocation *a = bytes ? allocation_of(device, bytes, &base) : nullptr;
  if (bytes && (!a || !host || a->device != current_context()->device))
    return CUDA_ERROR_INVALID_VALUE;
  return CUDA_SUCCESS;
}

}  // namespace

extern "C" {

CUresult cuMemAlloc_v2(CUdeviceptr *memory, size_t bytes) {
  ENTER();
  CUresult status = check_context();
  if (!status) status = check_not_capturing(current_context());
  return status ? status : take(memory, bytes);
}

CUresult cuMemFree_v2(CUdeviceptr memory) {
  ENTER();
  return give(memory);
}

CUresult cuMemAllocAsync(CUdeviceptr *memory, size_t bytes, CUstream stream) {
  ENTER();
  CUresult status = check_stream(stream);
  if (!status) status = check_not_capturing(current_context());
  return status ? status : take(memory, bytes);
}

CUresult cuMemFreeAsync(CUdeviceptr memory, CUstream stream) {
  ENTER();
  if (stream && stream->context != current_context()) return CUDA_ERROR_INVALID_CONTEXT;
  return give(memory);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  ENTER();
  const CUresult status = check_copy(to, from, bytes, stream);
  if (status || bytes == 0) return status;
  observe_host_write(to, bytes);
  std::memcpy((void *)to, from, bytes);
  return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER();
  const CUresult status = check_copy(from, to, bytes, stream);
  if (status || bytes == 0) return status;
  std::memcpy(to, (const void *)from, bytes);
  return CUDA_SUCCESS;
}

}  // extern "C"

}  // namespace emulator
