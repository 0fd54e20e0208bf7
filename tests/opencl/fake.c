/* SPDX-License-Identifier: Apache-2.0 */
/* An OpenCL driver that computes nothing, for what real ones cannot be asked to do: to fail at a
 * certain call, to have another kind of device, to be too old. Memory is real, so copies work.
 *
 * FAKE_OPENCL is a list of words: `cpu`, `old`, `none` (of devices), `without-compiler`,
 * `refuse-binary`, `out-of-order` (of queues), and `<function>=<error>` or
 * `<function>@<n>=<error>` for a function that fails, always or at its n-th call.
 *
 * It is a CLBlast as well, for SEQMIX_CLBLAST to name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl/api.h"

#define FAKE_EXPORT __attribute__((visibility("default")))

/* ---- what is asked of it --------------------------------------------------------------------- */

static const char *words(void) {
  const char *text = getenv("FAKE_OPENCL");
  return text ? text : "";
}

static int has(const char *word) {
  size_t length = strlen(word);
  for (const char *at = words(); *at; at += strcspn(at, " "), at += *at == ' ')
    if (strncmp(at, word, length) == 0 && (at[length] == ' ' || at[length] == 0)) return 1;
  return 0;
}

/* The error that function number `call` of this name is to end with; 0 if none. */
static cl_int fault(const char *function, int call) {
  char wanted[80];
  snprintf(wanted, sizeof wanted, "%s=", function);
  const char *at = strstr(words(), wanted);
  if (at) return (cl_int)strtol(at + strlen(wanted), NULL, 10);
  snprintf(wanted, sizeof wanted, "%s@%d=", function, call);
  at = strstr(words(), wanted);
  return at ? (cl_int)strtol(at + strlen(wanted), NULL, 10) : 0;
}

/* Ends the calling function if it is to fail. */
#define FAIL_IF_ASKED(failure)               \
  do {                                       \
    static int calls;                        \
    cl_int error = fault(__func__, ++calls); \
    if (error) return failure;               \
  } while (0)
#define FAIL_STATUS FAIL_IF_ASKED(error)
#define FAIL_OBJECT(status) FAIL_IF_ASKED((*(status) = error, NULL))

/* ---- objects: anything that has an address ----------------------------------------------------
 */

static char the_platform, the_device, the_queue, the_context, the_program, the_kernel;
static const char the_binary[] = "a program";

static cl_int give(const void *value, size_t bytes, size_t size, void *to, size_t *needed) {
  if (needed) *needed = bytes;
  if (to && size >= bytes) memcpy(to, value, bytes);
  return to && size < bytes ? -30 : CL_SUCCESS;
}

static cl_int give_text(const char *text, size_t size, void *to, size_t *needed) {
  return give(text, strlen(text) + 1, size, to, needed);
}

FAKE_EXPORT cl_int clGetPlatformIDs(cl_uint most, cl_platform_id *ids, cl_uint *count) {
  FAIL_STATUS;
  if (ids && most) ids[0] = (cl_platform_id)(void *)&the_platform;
  if (count) *count = 1;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clGetPlatformInfo(cl_platform_id platform, cl_uint what, size_t size, void *to,
                                     size_t *needed) {
  (void)platform;
  FAIL_STATUS;
  return give_text(what == CL_PLATFORM_VERSION ? "OpenCL 1.2 fake" : "Fake", size, to, needed);
}

FAKE_EXPORT cl_int clGetDeviceIDs(cl_platform_id platform, cl_bitfield types, cl_uint most,
                                  cl_device_id *ids, cl_uint *count) {
  (void)platform, (void)types;
  FAIL_STATUS;
  if (has("none")) return -1;
  if (ids && most) ids[0] = (cl_device_id)(void *)&the_device;
  if (count) *count = 1;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clGetDeviceInfo(cl_device_id device, cl_uint what, size_t size, void *to,
                                   size_t *needed) {
  (void)device;
  FAIL_STATUS;
  cl_ulong number = 0;
  switch (what) {
    case CL_DEVICE_NAME: return give_text("  pretended device ", size, to, needed);
    case CL_DEVICE_VENDOR: return give_text("nobody", size, to, needed);
    case CL_DRIVER_VERSION: return give_text("1", size, to, needed);
    case CL_DEVICE_VERSION:
      return give_text(has("old") ? "OpenCL 1.1 fake" : "OpenCL 1.2 fake", size, to, needed);
    case CL_DEVICE_TYPE: number = has("cpu") ? CL_DEVICE_TYPE_CPU : CL_DEVICE_TYPE_GPU; break;
    case CL_DEVICE_COMPILER_AVAILABLE: number = !has("without-compiler"); break;
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE: number = 1; break;
    case CL_DEVICE_MAX_COMPUTE_UNITS: number = 8; break;
    case CL_DEVICE_MAX_WORK_GROUP_SIZE: number = 256; break;
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT: number = 1; break;
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: number = 1 << 26; break;
    case CL_DEVICE_GLOBAL_MEM_SIZE: number = 1 << 28; break;
    case CL_DEVICE_LOCAL_MEM_SIZE: number = 32768; break;
    default: return -30;
  }
  return give(&number, size < sizeof number ? size : sizeof number, size, to, needed);
}

FAKE_EXPORT cl_context clCreateContext(const cl_context_properties *properties, cl_uint count,
                                       const cl_device_id *devices,
                                       void (*notify)(const char *, const void *, size_t, void *),
                                       void *user, cl_int *status) {
  (void)properties, (void)count, (void)devices, (void)notify, (void)user;
  FAIL_OBJECT(status);
  *status = CL_SUCCESS;
  return (cl_context)(void *)&the_context;
}

FAKE_EXPORT cl_int clRetainContext(cl_context context) {
  (void)context;
  FAIL_STATUS;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clReleaseContext(cl_context context) {
  (void)context;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device,
                                                  cl_bitfield properties, cl_int *status) {
  (void)context, (void)device, (void)properties;
  FAIL_OBJECT(status);
  *status = CL_SUCCESS;
  return (cl_command_queue)(void *)&the_queue;
}

/* A queue whose address is not the_queue's is another device's. */
FAKE_EXPORT cl_int clGetCommandQueueInfo(cl_command_queue queue, cl_uint what, size_t size,
                                         void *to, size_t *needed) {
  FAIL_STATUS;
  const void *object = what == CL_QUEUE_CONTEXT      ? &the_context
                       : queue == (void *)&the_queue ? &the_device
                                                     : &the_platform;
  cl_bitfield properties = has("out-of-order") ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0;
  if (what == CL_QUEUE_PROPERTIES) return give(&properties, sizeof properties, size, to, needed);
  return give(&object, sizeof object, size, to, needed);
}

FAKE_EXPORT cl_int clRetainCommandQueue(cl_command_queue queue) {
  (void)queue;
  FAIL_STATUS;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clReleaseCommandQueue(cl_command_queue queue) {
  (void)queue;
  return CL_SUCCESS;
}

/* ---- memory -----------------------------------------------------------------------------------
 */

FAKE_EXPORT cl_mem clCreateBuffer(cl_context context, cl_bitfield flags, size_t size, void *host,
                                  cl_int *status) {
  (void)context, (void)flags, (void)host;
  FAIL_OBJECT(status);
  *status = CL_SUCCESS;
  return calloc(1, size);
}

FAKE_EXPORT cl_int clReleaseMemObject(cl_mem memory) {
  free(memory);
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_uint blocking,
                                       size_t offset, size_t size, void *to, cl_uint count,
                                       const cl_event *events, cl_event *event) {
  (void)queue, (void)blocking, (void)count, (void)events, (void)event;
  FAIL_STATUS;
  memcpy(to, (char *)memory + offset, size);
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_uint blocking,
                                        size_t offset, size_t size, const void *from, cl_uint count,
                                        const cl_event *events, cl_event *event) {
  (void)queue, (void)blocking, (void)count, (void)events, (void)event;
  FAIL_STATUS;
  memcpy((char *)memory + offset, from, size);
  return CL_SUCCESS;
}

/* ---- programs ---------------------------------------------------------------------------------
 */

FAKE_EXPORT cl_program clCreateProgramWithSource(cl_context context, cl_uint count,
                                                 const char **texts, const size_t *sizes,
                                                 cl_int *status) {
  (void)context, (void)count, (void)texts, (void)sizes;
  FAIL_OBJECT(status);
  *status = CL_SUCCESS;
  return (cl_program)(void *)&the_program;
}

FAKE_EXPORT cl_program clCreateProgramWithBinary(cl_context context, cl_uint count,
                                                 const cl_device_id *devices, const size_t *sizes,
                                                 const unsigned char **binaries, cl_int *loaded,
                                                 cl_int *status) {
  (void)context, (void)count, (void)devices;
  FAIL_OBJECT(status);
  int is_ours = sizes[0] == sizeof the_binary &&
                memcmp(binaries[0], the_binary, sizeof the_binary) == 0 && !has("refuse-binary");
  *loaded = *status = is_ours ? CL_SUCCESS : -42;
  return is_ours ? (cl_program)(void *)&the_program : NULL;
}

FAKE_EXPORT cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices,
                                  const char *options, void (*notify)(cl_program, void *),
                                  void *user) {
  (void)program, (void)count, (void)devices, (void)options, (void)notify, (void)user;
  FAIL_STATUS;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clGetProgramInfo(cl_program program, cl_uint what, size_t size, void *to,
                                    size_t *needed) {
  (void)program;
  FAIL_STATUS;
  size_t bytes = sizeof the_binary;
  if (what == CL_PROGRAM_BINARY_SIZES) return give(&bytes, sizeof bytes, size, to, needed);
  memcpy(*(unsigned char **)to, the_binary, bytes);
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_uint what,
                                         size_t size, void *to, size_t *needed) {
  (void)program, (void)device, (void)what;
  FAIL_STATUS;
  return give_text("line 1: the compiler's words", size, to, needed);
}

FAKE_EXPORT cl_int clReleaseProgram(cl_program program) {
  (void)program;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *status) {
  (void)program, (void)name;
  FAIL_OBJECT(status);
  *status = CL_SUCCESS;
  return (cl_kernel)(void *)&the_kernel;
}

FAKE_EXPORT cl_int clReleaseKernel(cl_kernel kernel) {
  (void)kernel;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value) {
  (void)kernel, (void)index, (void)size, (void)value;
  FAIL_STATUS;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel,
                                          cl_uint dimensions, const size_t *offset,
                                          const size_t *global, const size_t *local, cl_uint count,
                                          const cl_event *events, cl_event *event) {
  (void)queue, (void)kernel, (void)dimensions, (void)offset, (void)global, (void)local;
  (void)count, (void)events, (void)event;
  FAIL_STATUS;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clFlush(cl_command_queue queue) {
  (void)queue;
  FAIL_STATUS;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int clFinish(cl_command_queue queue) {
  (void)queue;
  FAIL_STATUS;
  return CL_SUCCESS;
}

/* ---- CLBlast ----------------------------------------------------------------------------------
 */

FAKE_EXPORT cl_int CLBlastSgemmStridedBatched(cl_int layout, cl_int a_transpose, cl_int b_transpose,
                                              size_t rows, size_t columns, size_t inner,
                                              float alpha, cl_mem a, size_t a_first, size_t a_row,
                                              size_t a_next, cl_mem b, size_t b_first, size_t b_row,
                                              size_t b_next, float beta, cl_mem c, size_t c_first,
                                              size_t c_row, size_t c_next, size_t count,
                                              cl_command_queue *queue, cl_event *event) {
  (void)layout, (void)a_transpose, (void)b_transpose, (void)alpha, (void)beta;
  (void)a, (void)a_first, (void)a_row, (void)a_next, (void)b, (void)b_first, (void)b_row;
  (void)b_next, (void)c, (void)c_first, (void)c_row, (void)c_next, (void)queue, (void)event;
  fprintf(stderr, "fake: %zu products of [%zu, %zu] by [%zu, %zu]\n", count, rows, inner, inner,
          columns);
  FAIL_STATUS;
  return CL_SUCCESS;
}

FAKE_EXPORT cl_int CLBlastClearCache(void) {
  fprintf(stderr, "fake: forgets\n");
  return CL_SUCCESS;
}
