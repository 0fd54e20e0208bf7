/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled texts, their binaries and their kernels. */
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "opencl/opencl.h"

enum { KERNELS_MOST = 8, KERNEL_NAME = 48, LOG_MOST = 3000 };

typedef struct named_kernel {
  char name[KERNEL_NAME];
  cl_kernel kernel;
} named_kernel;

struct gpu_program {
  gpu_device *device;
  cl_program program;
  named_kernel kernels[KERNELS_MOST];
  int32_t kernel_count;
};

/* FP_CONTRACT is said in the texts: what they mean is one rounding per operation. */
static const char build_options[] = SEQMIX_OPENCL_BUILD_OPTIONS;

/* The compiler's words, to be freed with seqmix_memory_free(); NULL if there are none. */
static char *build_log(const gpu_program *p) {
  size_t size = 0;
  const opencl_api *api = p->device->api;
  cl_device_id id = p->device->id;
  if (api->clGetProgramBuildInfo(p->program, id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) || !size)
    return NULL;
  char *log = seqmix_memory_allocate_zeroed(size + 1);
  if (log && api->clGetProgramBuildInfo(p->program, id, CL_PROGRAM_BUILD_LOG, size, log, NULL))
    log[0] = 0;
  return log;
}

static seqmix_status finish_build(const gpu_program *p, const char *name, cl_int error) {
  if (!error && !seqmix_log_enabled(SEQMIX_LOG_DEBUG)) return SEQMIX_OK;
  char *log = build_log(p);
  const char *text = log ? log : "";
  if (error)
    seqmix_fail(SEQMIX_ERROR_DEVICE, "opencl: kernels '%s' do not compile (%d): %.*s", name, error,
                LOG_MOST, text);
  else if (*text)
    seqmix_log(SEQMIX_LOG_DEBUG, "opencl: kernels '%s': %.*s", name, LOG_MOST, text);
  seqmix_memory_free(log);
  return error ? SEQMIX_ERROR_DEVICE : SEQMIX_OK;
}

static gpu_program *new_program(gpu_device *device) {
  gpu_program *p = seqmix_memory_allocate_zeroed(sizeof *p);
  if (p) p->device = device;
  return p;
}

static seqmix_status build(gpu_program *p, const gpu_source *source) {
  const opencl_api *api = p->device->api;
  const char *texts[] = {source->constants, source->text->text};
  const size_t sizes[] = {strlen(source->constants), (size_t)source->text->bytes};
  cl_int error = CL_SUCCESS;
  p->program = api->clCreateProgramWithSource(p->device->context, 2, texts, sizes, &error);
  if (error) return seqmix_opencl_fail("clCreateProgramWithSource", error);
  error = api->clBuildProgram(p->program, 1, &p->device->id, build_options, NULL, NULL);
  return finish_build(p, source->text->name, error);
}

seqmix_status seqmix_opencl_compile(gpu_device *device, const gpu_source *source,
                                    gpu_program **program) {
  gpu_program *p = new_program(device);
  if (!p)
    return seqmix_fail(SEQMIX_ERROR_OUT_OF_MEMORY, "opencl: no memory for %zu bytes", sizeof *p);
  seqmix_status status = build(p, source);
  if (status)
    seqmix_opencl_release(p);
  else
    *program = p;
  return status;
}

gpu_program *seqmix_opencl_load(gpu_device *device, const void *bytes, uint64_t size) {
  const opencl_api *api = device->api;
  gpu_program *p = new_program(device);
  if (!p) return NULL;
  const unsigned char *binary = bytes;
  const size_t sizes[] = {(size_t)size};
  cl_int loaded = CL_SUCCESS, error = CL_SUCCESS;
  p->program = api->clCreateProgramWithBinary(device->context, 1, &device->id, sizes, &binary,
                                              &loaded, &error);
  if (!error && !loaded)
    error = api->clBuildProgram(p->program, 1, &device->id, build_options, NULL, NULL);
  if (!error && !loaded) return p;
  seqmix_opencl_release(p);
  return NULL;
}

void *seqmix_opencl_binary(gpu_program *p, uint64_t *size) {
  const opencl_api *api = p->device->api;
  size_t bytes = 0;
  if (api->clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) ||
      !bytes)
    return NULL;
  unsigned char *binary = seqmix_memory_allocate(bytes);
  if (binary && api->clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof binary,
                                      (void *)&binary, NULL)) {
    seqmix_memory_free(binary);
    return NULL;
  }
  *size = bytes;
  return binary;
}

void seqmix_opencl_release(gpu_program *p) {
  if (!p) return;
  const opencl_api *api = p->device->api;
  for (int32_t i = 0; i < p->kernel_count; i++) api->clReleaseKernel(p->kernels[i].kernel);
  if (p->program) api->clReleaseProgram(p->program);
  seqmix_memory_free(p);
}

/* A gpu_kernel is OpenCL's own. */
seqmix_status seqmix_opencl_kernel(gpu_program *p, const char *name, gpu_kernel **kernel) {
  for (int32_t i = 0; i < p->kernel_count; i++) {
    if (strcmp(p->kernels[i].name, name) != 0) continue;
    *kernel = (gpu_kernel *)p->kernels[i].kernel;
    return SEQMIX_OK;
  }
  if (p->kernel_count == KERNELS_MOST || strlen(name) >= KERNEL_NAME)
    return seqmix_fail(SEQMIX_ERROR_INTERNAL, "opencl: no room for kernel %s", name);
  cl_int error = CL_SUCCESS;
  cl_kernel made = p->device->api->clCreateKernel(p->program, name, &error);
  if (error) return seqmix_opencl_fail("clCreateKernel", error);
  named_kernel *row = &p->kernels[p->kernel_count++];
  snprintf(row->name, sizeof row->name, "%s", name);
  row->kernel = made;
  *kernel = (gpu_kernel *)made;
  return SEQMIX_OK;
}

static uint64_t kernel_number(const gpu_device *device, gpu_kernel *kernel, cl_uint what) {
  /* OpenCL is little-endian or refused: shorter numbers are the first bytes of this. */
  uint64_t value = 0;
  cl_int error = device->api->clGetKernelWorkGroupInfo((cl_kernel)kernel, device->id, what,
                                                       sizeof value, &value, NULL);
  return error ? 0 : value;
}

void seqmix_opencl_describe_kernel(const gpu_device *device, gpu_kernel *kernel,
                                   gpu_kernel_facts *facts) {
  if (!device->api->clGetKernelWorkGroupInfo) return;
  facts->local_bytes = kernel_number(device, kernel, CL_KERNEL_LOCAL_MEM_SIZE);
  facts->private_bytes = kernel_number(device, kernel, CL_KERNEL_PRIVATE_MEM_SIZE);
  facts->items_most = kernel_number(device, kernel, CL_KERNEL_WORK_GROUP_SIZE);
}

/* Texts in this dialect declare all the local memory they use. */
seqmix_status seqmix_opencl_launch(gpu_device *device, gpu_kernel *kernel, const gpu_grid *grid,
                                   const gpu_argument *arguments, int32_t count) {
  const opencl_api *api = device->api;
  cl_kernel of = (cl_kernel)kernel;
  for (int32_t i = 0; i < count; i++) {
    cl_int error =
        api->clSetKernelArg(of, (cl_uint)i, (size_t)arguments[i].bytes, arguments[i].value);
    if (error) return seqmix_opencl_fail("clSetKernelArg", error);
  }
  const size_t all = (size_t)(grid->groups * grid->items), each = (size_t)grid->items;
  cl_int error =
      api->clEnqueueNDRangeKernel(device->queue, of, 1, NULL, &all, &each, 0, NULL, NULL);
  if (error) return seqmix_opencl_fail("clEnqueueNDRangeKernel", error);
  /* Or the driver may wait for more before it begins. */
  error = api->clFlush(device->queue);
  return error ? seqmix_opencl_fail("clFlush", error) : SEQMIX_OK;
}
