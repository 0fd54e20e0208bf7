/* SPDX-License-Identifier: Apache-2.0 */
/* An opened device: its queue and its memory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "opencl/opencl.h"

/* ---- opening --------------------------------------------------------------------------------- */

static void identify(gpu_device *device, cl_platform_id platform) {
  char name[128], version[128], driver[64], platform_version[128];
  seqmix_opencl_device_text(device->id, CL_DEVICE_NAME, name, sizeof name);
  seqmix_opencl_device_text(device->id, CL_DEVICE_VERSION, version, sizeof version);
  seqmix_opencl_device_text(device->id, CL_DRIVER_VERSION, driver, sizeof driver);
  seqmix_opencl_platform_text(platform, CL_PLATFORM_VERSION, platform_version,
                              sizeof platform_version);
  snprintf(device->identity, sizeof device->identity, "opencl; %s; %s; %s; %s; %s", name, version,
           driver, platform_version, SEQMIX_OPENCL_BUILD_OPTIONS);
}

static seqmix_status make_queue(gpu_device *device, cl_platform_id platform) {
  const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform,
                                              0};
  cl_int error = CL_SUCCESS;
  device->context = device->api->clCreateContext(properties, 1, &device->id, NULL, NULL, &error);
  if (error) return seqmix_opencl_fail("clCreateContext", error);
  device->queue = device->api->clCreateCommandQueue(device->context, device->id, 0, &error);
  return error ? seqmix_opencl_fail("clCreateCommandQueue", error) : SEQMIX_OK;
}

static seqmix_status adopt_queue(gpu_device *device, cl_command_queue queue) {
  const opencl_api *api = device->api;
  cl_device_id id = NULL;
  cl_context context = NULL;
  cl_bitfield properties = 0;
  cl_int error = api->clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof id, &id, NULL);
  if (!error)
    error = api->clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
  if (!error)
    error = api->clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties,
                                       NULL);
  if (error) return seqmix_opencl_fail("clGetCommandQueueInfo", error);
  if (id != device->id)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_create: queue is of another device; it must be of the one named");
  if (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "context_create: queue works out of order; it must work in order");
  error = api->clRetainContext(context);
  if (error) return seqmix_opencl_fail("clRetainContext", error);
  device->context = context;
  error = api->clRetainCommandQueue(queue);
  if (error) return seqmix_opencl_fail("clRetainCommandQueue", error);
  device->queue = queue;
  return SEQMIX_OK;
}

seqmix_status seqmix_opencl_open(int32_t index, void *queue, gpu_device **out) {
  const opencl_place *place = seqmix_opencl_place(index);
  gpu_device *device = seqmix_memory_allocate_zeroed(sizeof *device);
  if (!device)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "context_create: no memory for %zu bytes",
                       sizeof *device);
  device->api = seqmix_opencl_api();
  device->id = place->device;
  seqmix_device_properties properties = {.struct_size = sizeof properties};
  seqmix_opencl_describe(index, &properties);
  device->largest_bytes = properties.largest_bytes;
  identify(device, place->platform);
  seqmix_status status = queue ? adopt_queue(device, queue) : make_queue(device, place->platform);
  if (status == SEQMIX_OK)
    *out = device;
  else
    seqmix_opencl_close(device);
  return status;
}

void seqmix_opencl_close(gpu_device *device) {
  if (!device) return;
  if (device->queue) device->api->clReleaseCommandQueue(device->queue);
  if (device->context) device->api->clReleaseContext(device->context);
  if (device->has_multiplied) seqmix_opencl_leave_clblast();
  seqmix_memory_free(device);
}

const char *seqmix_opencl_identity(const gpu_device *device) { return device->identity; }

seqmix_status seqmix_opencl_synchronize(gpu_device *device) {
  cl_int error = device->api->clFinish(device->queue);
  return error ? seqmix_opencl_fail("clFinish", error) : SEQMIX_OK;
}

/* ---- memory -----------------------------------------------------------------------------------
 */

seqmix_status seqmix_opencl_allocate(gpu_device *device, uint64_t bytes, void **memory) {
  /* Drivers tell of too large an allocation when it is first used, or not at all. */
  if (bytes > SIZE_MAX || (device->largest_bytes && bytes > device->largest_bytes))
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY,
                       "opencl: %" PRIu64
                       " bytes are more than the device's largest allocation, "
                       "%" PRIu64,
                       bytes, device->largest_bytes);
  cl_int error = CL_SUCCESS;
  size_t size = bytes ? (size_t)bytes : 1;
  *memory = device->api->clCreateBuffer(device->context, CL_MEM_READ_WRITE, size, NULL, &error);
  if (error == CL_SUCCESS) return SEQMIX_OK;
  *memory = NULL;
  /* What has no memory left may call it resources. */
  return seqmix_opencl_fail(
      "clCreateBuffer", error == CL_OUT_OF_RESOURCES ? CL_MEM_OBJECT_ALLOCATION_FAILURE : error);
}

void seqmix_opencl_free(gpu_device *device, void *memory) {
  device->api->clReleaseMemObject(memory);
}

seqmix_status seqmix_opencl_upload(gpu_device *device, void *memory, uint64_t byte_offset,
                                   const void *host, uint64_t bytes) {
  if (!bytes) return SEQMIX_OK;
  cl_int error = device->api->clEnqueueWriteBuffer(device->queue, memory, 1, (size_t)byte_offset,
                                                   (size_t)bytes, host, 0, NULL, NULL);
  return error ? seqmix_opencl_fail("clEnqueueWriteBuffer", error) : SEQMIX_OK;
}

seqmix_status seqmix_opencl_download(gpu_device *device, const void *memory, uint64_t byte_offset,
                                     void *host, uint64_t bytes) {
  if (!bytes) return SEQMIX_OK;
  cl_mem from; /* OpenCL does not say const of a handle */
  memcpy(&from, &memory, sizeof from);
  cl_int error = device->api->clEnqueueReadBuffer(device->queue, from, 1, (size_t)byte_offset,
                                                  (size_t)bytes, host, 0, NULL, NULL);
  return error ? seqmix_opencl_fail("clEnqueueReadBuffer", error) : SEQMIX_OK;
}
