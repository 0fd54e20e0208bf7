/* SPDX-License-Identifier: Apache-2.0 */
/* An opened device: its context and its stream. */
#include <stdio.h>

#include "core/error.h"
#include "core/memory.h"
#include "cuda/cuda.h"

/* What a stream of the driver's own answers while another is captured, which its order would tie
 * it to: no work can be given to it either. */
enum { STREAM_CAPTURE_IMPLICIT = 906 };

CUresult seqmix_cuda_enter(const gpu_device *device) {
  return device->api->cuCtxPushCurrent_v2(device->context);
}

void seqmix_cuda_leave(const gpu_device *device) {
  CUcontext ours = NULL;
  device->api->cuCtxPopCurrent_v2(&ours);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A stream that waits for the default one, and that one for it: what a caller's runtime has begun
 * there on tensors of a call is done before, and what it begins afterwards comes after. */
static seqmix_status make_stream(gpu_device *device) {
  CUresult error = device->api->cuDevicePrimaryCtxRetain(&device->context, device->id);
  if (error) return seqmix_cuda_fail("cuDevicePrimaryCtxRetain", error);
  device->owns_context = 1;
  error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  error = device->api->cuStreamCreate(&device->stream, 0);
  seqmix_cuda_leave(device);
  if (error) return seqmix_cuda_fail("cuStreamCreate", error);
  device->owns_stream = 1;
  return SEQMIX_OK;
}

static seqmix_status adopt_stream(gpu_device *device, CUstream stream) {
  CUdevice id = -1;
  CUresult error = device->api->cuStreamGetCtx(stream, &device->context);
  if (error) return seqmix_cuda_fail("cuStreamGetCtx", error);
  error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  error = device->api->cuCtxGetDevice(&id);
  seqmix_cuda_leave(device);
  if (error) return seqmix_cuda_fail("cuCtxGetDevice", error);
  if (id != device->id)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_create: queue is of another device; it must be of the one named");
  device->stream = stream;
  return SEQMIX_OK;
}

seqmix_status seqmix_cuda_open(int32_t index, void *queue, gpu_device **out) {
  gpu_device *device = seqmix_memory_allocate_zeroed(sizeof *device);
  if (!device)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "context_create: no memory for %zu bytes",
                       sizeof *device);
  device->api = seqmix_cuda_api();
  device->id = seqmix_cuda_device_id(index);
  device->architecture = seqmix_cuda_architecture(device->id);
  device->has_pools =
      seqmix_cuda_attribute(device->id, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED) != 0;
  /* Nothing of the driver and the compiler: what they made is checked when it is loaded, so that a
   * later process has no compiler to open. */
  snprintf(device->identity, sizeof device->identity, "cuda; sm_%d; %s", device->architecture,
           SEQMIX_CUDA_OPTIONS_TEXT);
  seqmix_status status = queue ? adopt_stream(device, queue) : make_stream(device);
  if (status == SEQMIX_OK)
    *out = device;
  else
    seqmix_cuda_close(device);
  return status;
}

void seqmix_cuda_close(gpu_device *device) {
  if (!device) return;
  if (device->context && seqmix_cuda_enter(device) == CUDA_SUCCESS) {
    seqmix_cuda_end_products(device);
    seqmix_cuda_free_late(device);
    if (device->owns_stream) device->api->cuStreamDestroy_v2(device->stream);
    seqmix_cuda_leave(device);
  }
  if (device->owns_context) device->api->cuDevicePrimaryCtxRelease_v2(device->id);
  seqmix_memory_free(device);
}

const char *seqmix_cuda_identity(const gpu_device *device) { return device->identity; }

/* ---- work ------------------------------------------------------------------------------------ */

int seqmix_cuda_is_capturing(gpu_device *device) {
  int state = CU_STREAM_CAPTURE_STATUS_NONE;
  CUresult error = seqmix_cuda_enter(device);
  if (error) return 0;
  error = device->api->cuStreamIsCapturing(device->stream, &state);
  seqmix_cuda_leave(device);
  return error == STREAM_CAPTURE_IMPLICIT || (!error && state != CU_STREAM_CAPTURE_STATUS_NONE);
}

seqmix_status seqmix_cuda_synchronize(gpu_device *device) {
  CUresult error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  error = device->api->cuStreamSynchronize(device->stream);
  seqmix_cuda_leave(device);
  return error ? seqmix_cuda_fail("cuStreamSynchronize", error) : SEQMIX_OK;
}
