/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of CUDA that the backend calls: the driver (11.2 and up), the compiler NVRTC and cuBLAS
 * (11 to 13), as their manuals have them, so that no header has to be found to build the library.
 * The functions are looked up when a library is opened. Tests' stand-ins define them by the same
 * lists. */
#ifndef SEQMIX_CUDA_API_H
#define SEQMIX_CUDA_API_H

#include <stddef.h>
#include <stdint.h>

/* ---- the driver ------------------------------------------------------------------------------ */

typedef int CUresult;
typedef int CUdevice;
typedef uint64_t CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphExec_st *CUgraphExec;

enum {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_ECC_UNCORRECTABLE = 214,
  CUDA_ERROR_INVALID_PTX = 218,
  CUDA_ERROR_NVLINK_UNCORRECTABLE = 220,
  CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
  CUDA_ERROR_CONTAINED = 226,
  CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701,
  CUDA_ERROR_LAUNCH_TIMEOUT = 702,
  CUDA_ERROR_CONTEXT_IS_DESTROYED = 709,
  CUDA_ERROR_ASSERT = 710,
  CUDA_ERROR_HARDWARE_STACK_ERROR = 714,
  CUDA_ERROR_ILLEGAL_INSTRUCTION = 715,
  CUDA_ERROR_MISALIGNED_ADDRESS = 716,
  CUDA_ERROR_INVALID_ADDRESS_SPACE = 717,
  CUDA_ERROR_INVALID_PC = 718,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_NOT_SUPPORTED = 801,
  CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
  CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
  CUDA_ERROR_UNKNOWN = 999,

  CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 1,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK = 8,
  CU_DEVICE_ATTRIBUTE_WARP_SIZE = 10,
  CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
  CU_DEVICE_ATTRIBUTE_COMPUTE_MODE = 20,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
  CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED = 115,

  CU_COMPUTEMODE_PROHIBITED = 2,

  CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 0,
  CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
  CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES = 3,
  CU_FUNC_ATTRIBUTE_NUM_REGS = 4,
  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,

  CU_JIT_ERROR_LOG_BUFFER = 5,
  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,

  CU_STREAM_NON_BLOCKING = 1,
  CU_STREAM_CAPTURE_STATUS_NONE = 0,
  CU_STREAM_CAPTURE_STATUS_ACTIVE = 1,
  CU_STREAM_CAPTURE_STATUS_INVALIDATED = 2,
  CU_STREAM_CAPTURE_MODE_GLOBAL = 0,
  CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
  CU_STREAM_CAPTURE_MODE_RELAXED = 2
};

/** FUNCTION(result, name, parameters) of every function of the driver that is called. */
#define CUDA_FUNCTIONS(FUNCTION)                                                               \
  FUNCTION(CUresult, cuInit, (unsigned))                                                       \
  FUNCTION(CUresult, cuDriverGetVersion, (int *))                                              \
  FUNCTION(CUresult, cuGetErrorName, (CUresult, const char **))                                \
  FUNCTION(CUresult, cuGetErrorString, (CUresult, const char **))                              \
  FUNCTION(CUresult, cuDeviceGetCount, (int *))                                                \
  FUNCTION(CUresult, cuDeviceGet, (CUdevice *, int))                                           \
  FUNCTION(CUresult, cuDeviceGetName, (char *, int, CUdevice))                                 \
  FUNCTION(CUresult, cuDeviceGetAttribute, (int *, int, CUdevice))                             \
  FUNCTION(CUresult, cuDeviceTotalMem_v2, (size_t *, CUdevice))                                \
  FUNCTION(CUresult, cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice))                        \
  FUNCTION(CUresult, cuDevicePrimaryCtxRelease_v2, (CUdevice))                                 \
  FUNCTION(CUresult, cuCtxPushCurrent_v2, (CUcontext))                                         \
  FUNCTION(CUresult, cuCtxPopCurrent_v2, (CUcontext *))                                        \
  FUNCTION(CUresult, cuCtxGetDevice, (CUdevice *))                                             \
  FUNCTION(CUresult, cuStreamCreate, (CUstream *, unsigned))                                   \
  FUNCTION(CUresult, cuStreamDestroy_v2, (CUstream))                                           \
  FUNCTION(CUresult, cuStreamSynchronize, (CUstream))                                          \
  FUNCTION(CUresult, cuStreamGetCtx, (CUstream, CUcontext *))                                  \
  FUNCTION(CUresult, cuStreamIsCapturing, (CUstream, int *))                                   \
  FUNCTION(CUresult, cuMemAlloc_v2, (CUdeviceptr *, size_t))                                   \
  FUNCTION(CUresult, cuMemFree_v2, (CUdeviceptr))                                              \
  FUNCTION(CUresult, cuMemAllocAsync, (CUdeviceptr *, size_t, CUstream))                       \
  FUNCTION(CUresult, cuMemFreeAsync, (CUdeviceptr, CUstream))                                  \
  FUNCTION(CUresult, cuMemcpyHtoDAsync_v2, (CUdeviceptr, const void *, size_t, CUstream))      \
  FUNCTION(CUresult, cuMemcpyDtoHAsync_v2, (void *, CUdeviceptr, size_t, CUstream))            \
  FUNCTION(CUresult, cuModuleLoadDataEx, (CUmodule *, const void *, unsigned, int *, void **)) \
  FUNCTION(CUresult, cuModuleUnload, (CUmodule))                                               \
  FUNCTION(CUresult, cuModuleGetFunction, (CUfunction *, CUmodule, const char *))              \
  FUNCTION(CUresult, cuFuncGetAttribute, (int *, int, CUfunction))                             \
  FUNCTION(CUresult, cuFuncSetAttribute, (CUfunction, int, int))                               \
  FUNCTION(CUresult, cuLaunchKernel,                                                           \
           (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,  \
            CUstream, void **, void **))

/** Those that a caller captures with: the backend itself calls none of them. */
#define CUDA_CAPTURE_FUNCTIONS(FUNCTION)                                                        \
  FUNCTION(CUresult, cuStreamBeginCapture_v2, (CUstream, int))                                  \
  FUNCTION(CUresult, cuStreamEndCapture, (CUstream, CUgraph *))                                 \
  FUNCTION(CUresult, cuGraphInstantiateWithFlags, (CUgraphExec *, CUgraph, unsigned long long)) \
  FUNCTION(CUresult, cuGraphLaunch, (CUgraphExec, CUstream))                                    \
  FUNCTION(CUresult, cuGraphExecDestroy, (CUgraphExec))                                         \
  FUNCTION(CUresult, cuGraphDestroy, (CUgraph))

/* ---- NVRTC ----------------------------------------------------------------------------------- */

typedef int nvrtcResult;
typedef struct _nvrtcProgram *nvrtcProgram;

enum { NVRTC_SUCCESS = 0, NVRTC_ERROR_OUT_OF_MEMORY = 1, NVRTC_ERROR_COMPILATION = 6 };

/** The same of every function of NVRTC. */
#define NVRTC_FUNCTIONS(FUNCTION)                                                                  \
  FUNCTION(nvrtcResult, nvrtcVersion, (int *, int *))                                              \
  FUNCTION(const char *, nvrtcGetErrorString, (nvrtcResult))                                       \
  FUNCTION(nvrtcResult, nvrtcGetNumSupportedArchs, (int *))                                        \
  FUNCTION(nvrtcResult, nvrtcGetSupportedArchs, (int *))                                           \
  FUNCTION(                                                                                        \
      nvrtcResult, nvrtcCreateProgram,                                                             \
      (nvrtcProgram *, const char *, const char *, int, const char *const *, const char *const *)) \
  FUNCTION(nvrtcResult, nvrtcDestroyProgram, (nvrtcProgram *))                                     \
  FUNCTION(nvrtcResult, nvrtcCompileProgram, (nvrtcProgram, int, const char *const *))             \
  FUNCTION(nvrtcResult, nvrtcGetProgramLogSize, (nvrtcProgram, size_t *))                          \
  FUNCTION(nvrtcResult, nvrtcGetProgramLog, (nvrtcProgram, char *))                                \
  FUNCTION(nvrtcResult, nvrtcGetCUBINSize, (nvrtcProgram, size_t *))                               \
  FUNCTION(nvrtcResult, nvrtcGetCUBIN, (nvrtcProgram, char *))                                     \
  FUNCTION(nvrtcResult, nvrtcGetPTXSize, (nvrtcProgram, size_t *))                                 \
  FUNCTION(nvrtcResult, nvrtcGetPTX, (nvrtcProgram, char *))

/* ---- cuBLAS ---------------------------------------------------------------------------------- */

typedef int cublasStatus_t;
typedef struct cublasContext *cublasHandle_t;

enum {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_OP_N = 0,
  CUBLAS_OP_T = 1,
  CUBLAS_DEFAULT_MATH = 0
};

/** The same of every function of cuBLAS. */
#define CUBLAS_FUNCTIONS(FUNCTION)                                                                 \
  FUNCTION(cublasStatus_t, cublasCreate_v2, (cublasHandle_t *))                                    \
  FUNCTION(cublasStatus_t, cublasDestroy_v2, (cublasHandle_t))                                     \
  FUNCTION(cublasStatus_t, cublasGetVersion_v2, (cublasHandle_t, int *))                           \
  FUNCTION(cublasStatus_t, cublasSetStream_v2, (cublasHandle_t, CUstream))                         \
  FUNCTION(cublasStatus_t, cublasSetWorkspace_v2, (cublasHandle_t, void *, size_t))                \
  FUNCTION(cublasStatus_t, cublasSetMathMode, (cublasHandle_t, int))                               \
  FUNCTION(cublasStatus_t, cublasSgemmStridedBatched,                                              \
           (cublasHandle_t, int, int, int, int, int, const float *, const float *, int, long long, \
            const float *, int, long long, const float *, float *, int, long long, int))

/* ---- tables ---------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(bugprone-macro-parentheses): declarations have none. */
#define CUDA_MEMBER(result, name, parameters) result(*name) parameters;
/** The functions, by their names. */
typedef struct cuda_api {
  CUDA_FUNCTIONS(CUDA_MEMBER)
} cuda_api;
typedef struct nvrtc_api {
  NVRTC_FUNCTIONS(CUDA_MEMBER)
} nvrtc_api;
typedef struct cublas_api {
  CUBLAS_FUNCTIONS(CUDA_MEMBER)
} cublas_api;
#undef CUDA_MEMBER

#endif
