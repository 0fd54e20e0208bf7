/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled texts, and their kernels. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "cuda/cuda.h"

enum { KERNELS_MOST = 16, KERNEL_NAME = 48, PARAMETERS_MOST = 64, LOADER_LOG = 1000 };

/* What a launch may ask for without having said so before. */
enum { LOCAL_BYTES_GRANTED = 48 << 10 };

struct gpu_kernel {
  CUfunction function;
  uint64_t local_bytes_most; /* that launches may ask for, beside what it declares */
  char name[KERNEL_NAME];
};

struct gpu_program {
  gpu_device *device;
  CUmodule module;
  cuda_image image; /* if it was compiled here, until it is kept */
  gpu_kernel kernels[KERNELS_MOST];
  int32_t kernel_count;
};

static gpu_program *new_program(gpu_device *device) {
  gpu_program *p = seqmix_memory_allocate_zeroed(sizeof *p);
  if (p) p->device = device;
  return p;
}

/* The loader's words go behind the error's name: for PTX they are a compiler's. */
static seqmix_status load_module(gpu_program *p, const void *bytes) {
  const gpu_device *device = p->device;
  const void *code = (const char *)bytes + sizeof(cuda_image_header);
  char log[LOADER_LOG] = "", what[LOADER_LOG + 64];
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  CUresult error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  error = device->api->cuModuleLoadDataEx(&p->module, code, 2, options, values);
  seqmix_cuda_leave(device);
  if (!error) return SEQMIX_OK;
  p->module = NULL;
  log[sizeof log - 1] = 0;
  snprintf(what, sizeof what, "cuModuleLoadDataEx%s%s", *log ? ": " : "", log);
  return seqmix_cuda_fail(what, error);
}

seqmix_status seqmix_cuda_compile(gpu_device *device, const gpu_source *source,
                                  gpu_program **program) {
  gpu_program *p = new_program(device);
  if (!p)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "cuda: no memory for %zu bytes", sizeof *p);
  seqmix_status status = seqmix_cuda_compile_image(device->architecture, source, &p->image);
  if (!status) status = load_module(p, p->image.bytes);
  if (status)
    seqmix_cuda_release(p);
  else
    *program = p;
  return status;
}

gpu_program *seqmix_cuda_load(gpu_device *device, const void *bytes, uint64_t size) {
  if (!seqmix_cuda_image_header(bytes, size)) return NULL;
  gpu_program *p = new_program(device);
  if (!p || load_module(p, bytes) == SEQMIX_OK) return p;
  seqmix_cuda_release(p);
  return NULL;
}

void *seqmix_cuda_binary(gpu_program *p, uint64_t *size) {
  void *bytes = p->image.bytes;
  *size = p->image.size;
  p->image = (cuda_image){NULL, 0};
  return bytes;
}

void seqmix_cuda_release(gpu_program *p) {
  if (!p) return;
  if (p->module && seqmix_cuda_enter(p->device) == CUDA_SUCCESS) {
    p->device->api->cuModuleUnload(p->module);
    seqmix_cuda_leave(p->device);
  }
  seqmix_memory_free(p->image.bytes);
  seqmix_memory_free(p);
}

/* ---- kernels --------------------------------------------------------------------------------- */

/* Drivers load a kernel when it is first looked up. */
static seqmix_status look_up(gpu_program *p, const char *name, CUfunction *function) {
  if (seqmix_cuda_is_capturing(p->device))
    return seqmix_fail(SEQMIX_ERROR_DEVICE,
                       "kernel '%s' is not loaded yet, and cannot be while the stream is captured "
                       "in a graph: call it once before capturing, with the same sizes and options",
                       name);
  CUresult error = seqmix_cuda_enter(p->device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  error = p->device->api->cuModuleGetFunction(function, p->module, name);
  seqmix_cuda_leave(p->device);
  return error ? seqmix_cuda_fail("cuModuleGetFunction", error) : SEQMIX_OK;
}

seqmix_status seqmix_cuda_kernel(gpu_program *p, const char *name, gpu_kernel **kernel) {
  CUfunction function = NULL;
  for (int32_t i = 0; i < p->kernel_count; i++) {
    if (strcmp(p->kernels[i].name, name) != 0) continue;
    *kernel = &p->kernels[i];
    return SEQMIX_OK;
  }
  if (p->kernel_count == KERNELS_MOST || strlen(name) >= KERNEL_NAME)
    return seqmix_fail(SEQMIX_ERROR_INTERNAL, "cuda: no room for kernel %s", name);
  SEQMIX_TRY(look_up(p, name, &function));
  gpu_kernel *row = &p->kernels[p->kernel_count++];
  *row = (gpu_kernel){.function = function, .local_bytes_most = LOCAL_BYTES_GRANTED};
  snprintf(row->name, sizeof row->name, "%s", name);
  *kernel = row;
  return SEQMIX_OK;
}

/* Within the device's context. */
static uint64_t attribute(const gpu_device *device, const gpu_kernel *kernel, int which) {
  int value = 0;
  CUresult error = device->api->cuFuncGetAttribute(&value, which, kernel->function);
  return error || value < 0 ? 0 : (uint64_t)value;
}

void seqmix_cuda_describe_kernel(const gpu_device *device, gpu_kernel *kernel,
                                 gpu_kernel_facts *facts) {
  if (seqmix_cuda_enter(device)) return;
  facts->local_bytes = attribute(device, kernel, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
  facts->private_bytes = attribute(device, kernel, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES);
  facts->items_most = attribute(device, kernel, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
  facts->registers = attribute(device, kernel, CU_FUNC_ATTRIBUTE_NUM_REGS);
  seqmix_cuda_leave(device);
}

/* ---- launches -------------------------------------------------------------------------------- */

/* Within the device's context: the driver wants to be told of more local memory than is usual. */
static CUresult grant(const gpu_device *device, gpu_kernel *kernel, uint64_t bytes) {
  if (bytes <= kernel->local_bytes_most) return CUDA_SUCCESS;
  CUresult error = device->api->cuFuncSetAttribute(
      kernel->function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, (int)bytes);
  if (!error) kernel->local_bytes_most = bytes;
  return error;
}

seqmix_status seqmix_cuda_launch(gpu_device *device, gpu_kernel *kernel, const gpu_grid *grid,
                                 const gpu_argument *arguments, int32_t count) {
  void *parameters[PARAMETERS_MOST];
  if (count > PARAMETERS_MOST)
    return seqmix_fail(SEQMIX_ERROR_INTERNAL, "cuda: kernel %s has %d parameters", kernel->name,
                       count);
  if (grid->groups > INT32_MAX)
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED,
                       "cuda: kernel %s would need %" PRIu64
                       " blocks; a launch has at most 2147483647",
                       kernel->name, grid->groups);
  /* The driver reads them only, but does not say const. */
  for (int32_t i = 0; i < count; i++)
    memcpy(&parameters[i], &arguments[i].value, sizeof parameters[i]);
  CUresult error = seqmix_cuda_enter(device);
  if (error) return seqmix_cuda_fail("cuCtxPushCurrent", error);
  const char *what = "cuFuncSetAttribute";
  error = grant(device, kernel, grid->local_bytes);
  if (!error) {
    what = "cuLaunchKernel";
    error = device->api->cuLaunchKernel(kernel->function, (unsigned)grid->groups, 1, 1,
                                        (unsigned)grid->items, 1, 1, (unsigned)grid->local_bytes,
                                        device->stream, parameters, NULL);
  }
  seqmix_cuda_leave(device);
  return error ? seqmix_cuda_fail(what, error) : SEQMIX_OK;
}
