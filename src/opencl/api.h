/* SPDX-License-Identifier: Apache-2.0 */
/* The part of OpenCL 1.2 that the backend calls, as its specification has it, so that no header has
 * to be found to build the library. The functions are looked up when the library is opened. */
#ifndef SEQMIX_OPENCL_API_H
#define SEQMIX_OPENCL_API_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t cl_int;
typedef uint32_t cl_uint;
typedef uint64_t cl_ulong;
typedef cl_ulong cl_bitfield;
typedef struct _cl_platform_id *cl_platform_id;
typedef struct _cl_device_id *cl_device_id;
typedef struct _cl_context *cl_context;
typedef struct _cl_command_queue *cl_command_queue;
typedef struct _cl_mem *cl_mem;
typedef struct _cl_program *cl_program;
typedef struct _cl_kernel *cl_kernel;
typedef struct _cl_event *cl_event;
typedef intptr_t cl_context_properties;

enum {
  CL_SUCCESS = 0,
  CL_MEM_OBJECT_ALLOCATION_FAILURE = -4,
  CL_OUT_OF_RESOURCES = -5,
  CL_OUT_OF_HOST_MEMORY = -6,
  CL_INVALID_BUFFER_SIZE = -61,

  CL_PLATFORM_VERSION = 0x0901,
  CL_PLATFORM_NAME = 0x0902,
  CL_DEVICE_TYPE = 0x1000,
  CL_DEVICE_MAX_COMPUTE_UNITS = 0x1002,
  CL_DEVICE_MAX_WORK_GROUP_SIZE = 0x1004,
  CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT = 0x100A,
  CL_DEVICE_MAX_MEM_ALLOC_SIZE = 0x1010,
  CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F,
  CL_DEVICE_LOCAL_MEM_SIZE = 0x1023,
  CL_DEVICE_ENDIAN_LITTLE = 0x1026,
  CL_DEVICE_AVAILABLE = 0x1027,
  CL_DEVICE_COMPILER_AVAILABLE = 0x1028,
  CL_DEVICE_NAME = 0x102B,
  CL_DEVICE_VENDOR = 0x102C,
  CL_DRIVER_VERSION = 0x102D,
  CL_DEVICE_VERSION = 0x102F,
  CL_DEVICE_EXTENSIONS = 0x1030,
  CL_DEVICE_DOUBLE_FP_CONFIG = 0x1032,
  CL_DEVICE_WARP_SIZE_NV = 0x4003,
  CL_DEVICE_WAVEFRONT_WIDTH_AMD = 0x4043,
  CL_CONTEXT_PLATFORM = 0x1084,
  CL_QUEUE_CONTEXT = 0x1090,
  CL_QUEUE_DEVICE = 0x1091,
  CL_QUEUE_PROPERTIES = 0x1093,
  CL_MEM_READ_WRITE = 1,
  CL_PROGRAM_BINARY_SIZES = 0x1165,
  CL_PROGRAM_BINARIES = 0x1166,
  CL_PROGRAM_BUILD_LOG = 0x1183,
  CL_KERNEL_WORK_GROUP_SIZE = 0x11B0,
  CL_KERNEL_LOCAL_MEM_SIZE = 0x11B2,
  CL_KERNEL_PRIVATE_MEM_SIZE = 0x11B4
};

/* Bit fields. */
#define CL_DEVICE_TYPE_CPU UINT64_C(2)
#define CL_DEVICE_TYPE_GPU UINT64_C(4)
#define CL_DEVICE_TYPE_ACCELERATOR UINT64_C(8)
#define CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE UINT64_C(1)

/** FUNCTION(result, name, parameters) of every function that is called. */
#define OPENCL_FUNCTIONS(FUNCTION)                                                                 \
  FUNCTION(cl_int, clGetPlatformIDs, (cl_uint, cl_platform_id *, cl_uint *))                       \
  FUNCTION(cl_int, clGetPlatformInfo, (cl_platform_id, cl_uint, size_t, void *, size_t *))         \
  FUNCTION(cl_int, clGetDeviceIDs,                                                                 \
           (cl_platform_id, cl_bitfield, cl_uint, cl_device_id *, cl_uint *))                      \
  FUNCTION(cl_int, clGetDeviceInfo, (cl_device_id, cl_uint, size_t, void *, size_t *))             \
  FUNCTION(cl_context, clCreateContext,                                                            \
           (const cl_context_properties *, cl_uint, const cl_device_id *,                          \
            void (*)(const char *, const void *, size_t, void *), void *, cl_int *))               \
  FUNCTION(cl_int, clRetainContext, (cl_context))                                                  \
  FUNCTION(cl_int, clReleaseContext, (cl_context))                                                 \
  FUNCTION(cl_command_queue, clCreateCommandQueue,                                                 \
           (cl_context, cl_device_id, cl_bitfield, cl_int *))                                      \
  FUNCTION(cl_int, clGetCommandQueueInfo, (cl_command_queue, cl_uint, size_t, void *, size_t *))   \
  FUNCTION(cl_int, clRetainCommandQueue, (cl_command_queue))                                       \
  FUNCTION(cl_int, clReleaseCommandQueue, (cl_command_queue))                                      \
  FUNCTION(cl_mem, clCreateBuffer, (cl_context, cl_bitfield, size_t, void *, cl_int *))            \
  FUNCTION(cl_int, clReleaseMemObject, (cl_mem))                                                   \
  FUNCTION(cl_int, clEnqueueReadBuffer,                                                            \
           (cl_command_queue, cl_mem, cl_uint, size_t, size_t, void *, cl_uint, const cl_event *,  \
            cl_event *))                                                                           \
  FUNCTION(cl_int, clEnqueueWriteBuffer,                                                           \
           (cl_command_queue, cl_mem, cl_uint, size_t, size_t, const void *, cl_uint,              \
            const cl_event *, cl_event *))                                                         \
  FUNCTION(cl_program, clCreateProgramWithSource,                                                  \
           (cl_context, cl_uint, const char **, const size_t *, cl_int *))                         \
  FUNCTION(cl_program, clCreateProgramWithBinary,                                                  \
           (cl_context, cl_uint, const cl_device_id *, const size_t *, const unsigned char **,     \
            cl_int *, cl_int *))                                                                   \
  FUNCTION(cl_int, clBuildProgram,                                                                 \
           (cl_program, cl_uint, const cl_device_id *, const char *, void (*)(cl_program, void *), \
            void *))                                                                               \
  FUNCTION(cl_int, clGetProgramInfo, (cl_program, cl_uint, size_t, void *, size_t *))              \
  FUNCTION(cl_int, clGetProgramBuildInfo,                                                          \
           (cl_program, cl_device_id, cl_uint, size_t, void *, size_t *))                          \
  FUNCTION(cl_int, clReleaseProgram, (cl_program))                                                 \
  FUNCTION(cl_kernel, clCreateKernel, (cl_program, const char *, cl_int *))                        \
  FUNCTION(cl_int, clReleaseKernel, (cl_kernel))                                                   \
  FUNCTION(cl_int, clSetKernelArg, (cl_kernel, cl_uint, size_t, const void *))                     \
  FUNCTION(cl_int, clEnqueueNDRangeKernel,                                                         \
           (cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *,  \
            cl_uint, const cl_event *, cl_event *))                                                \
  FUNCTION(cl_int, clFlush, (cl_command_queue))                                                    \
  FUNCTION(cl_int, clFinish, (cl_command_queue))

/** Those that only tell something: a driver may do without. */
#define OPENCL_TELLING_FUNCTIONS(FUNCTION)   \
  FUNCTION(cl_int, clGetKernelWorkGroupInfo, \
           (cl_kernel, cl_device_id, cl_uint, size_t, void *, size_t *))

/** The functions, by their names. */
typedef struct opencl_api {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): declarations have none. */
#define OPENCL_MEMBER(result, name, parameters) result(*name) parameters;
  OPENCL_FUNCTIONS(OPENCL_MEMBER)
  OPENCL_TELLING_FUNCTIONS(OPENCL_MEMBER)
#undef OPENCL_MEMBER
} opencl_api;

#endif
