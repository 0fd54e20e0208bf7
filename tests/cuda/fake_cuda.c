/* SPDX-License-Identifier: Apache-2.0 */
/* A CUDA driver that computes nothing, for what real ones cannot be asked to do. Its memory is the
 * host's, so copies work. It is stricter than a driver: what is not done in the right context, or
 * while a stream is captured, fails and is counted. */
#include "fake.h"

enum { DEVICES_MOST = 8, STACK_MOST = 16, LOCAL_BYTES_GRANTED = 48 << 10 };

struct CUctx_st {
  CUdevice device;
  int retained;
};

struct CUstream_st {
  CUcontext context;
  int is_capturing;
  int recorded;
};

struct CUfunc_st {
  unsigned local_bytes;
};

struct CUmod_st {
  CUcontext context;
  struct CUfunc_st functions[16];
  int count;
};

struct CUgraph_st {
  int launches;
};

static struct CUctx_st primaries[DEVICES_MOST], others[DEVICES_MOST];
static _Thread_local CUcontext stack[STACK_MOST];
static _Thread_local int depth;
static fake_counts counts;
static unsigned last_launch[3];
static int is_any_capturing;
static CUresult lost;

/* ---- what tests ask -------------------------------------------------------------------------- */

FAKE_EXPORT void fake_cuda_count(fake_counts *to);
FAKE_EXPORT CUcontext fake_cuda_context(int device);
FAKE_EXPORT CUstream fake_cuda_stream(CUcontext context);
FAKE_EXPORT void fake_cuda_make_current(CUcontext context);
FAKE_EXPORT CUcontext fake_cuda_current(void);
FAKE_EXPORT void fake_cuda_last_launch(unsigned numbers[3]);

FAKE_EXPORT void fake_cuda_count(fake_counts *to) {
  *to = counts;
  to->pushed = depth;
}

/* A context that is not the primary one. */
FAKE_EXPORT CUcontext fake_cuda_context(int device) {
  others[device].device = device;
  return &others[device];
}

FAKE_EXPORT CUcontext fake_cuda_current(void) { return depth ? stack[depth - 1] : NULL; }

/* At the bottom of this thread's stack. */
FAKE_EXPORT void fake_cuda_make_current(CUcontext context) {
  depth = context != NULL;
  stack[0] = context;
}

FAKE_EXPORT CUstream fake_cuda_stream(CUcontext context) {
  CUstream stream = calloc(1, sizeof *stream);
  if (stream) stream->context = context;
  return stream;
}

FAKE_EXPORT void fake_cuda_last_launch(unsigned numbers[3]) {
  memcpy(numbers, last_launch, sizeof last_launch);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static int is_sticky(CUresult error) {
  return error == CUDA_ERROR_ILLEGAL_ADDRESS || error == CUDA_ERROR_LAUNCH_FAILED ||
         error == CUDA_ERROR_MISALIGNED_ADDRESS || error == CUDA_ERROR_ECC_UNCORRECTABLE;
}

/* Ends the calling function if it is to fail. */
#define FAIL_IF_ASKED                               \
  do {                                              \
    static int calls;                               \
    CUresult error = fake_fault(__func__, ++calls); \
    if (is_sticky(error)) lost = error;             \
    if (error) return error;                        \
  } while (0)

/* The same of a function that works on a device, in the current context. */
#define NEED(condition)                                \
  do {                                                 \
    FAIL_IF_ASKED;                                     \
    if (lost) return lost;                             \
    if (!depth) return CUDA_ERROR_INVALID_CONTEXT;     \
    if (!(condition)) return CUDA_ERROR_INVALID_VALUE; \
  } while (0)

/* The same of one that a capture forbids. */
#define NEED_NO_CAPTURE                                     \
  do {                                                      \
    if (is_any_capturing) {                                 \
      counts.violations++;                                  \
      fprintf(stderr, "fake: %s in a capture\n", __func__); \
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;         \
    }                                                       \
  } while (0)

static CUcontext current(void) { return stack[depth - 1]; }

/* ---- the driver and its devices -------------------------------------------------------------- */

#define DECLARE(result, name, parameters) FAKE_EXPORT result name parameters;
CUDA_FUNCTIONS(DECLARE)
CUDA_CAPTURE_FUNCTIONS(DECLARE)

CUresult cuInit(unsigned flags) {
  FAIL_IF_ASKED;
  return flags ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version) {
  FAIL_IF_ASKED;
  *version = (int)fake_number("driver", 13000);
  return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult error, const char **name) {
  static const struct {
    CUresult error;
    const char *name;
  } names[] = {
      {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
      {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
      {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
      {CUDA_ERROR_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"},
      {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
      {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
      {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
      {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED"},
  };
  *name = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].error == error) *name = names[i].name;
  return *name ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) { return cuGetErrorName(error, text); }

static int devices(void) { return (int)fake_number("devices", 1); }

CUresult cuDeviceGetCount(int *count) {
  FAIL_IF_ASKED;
  *count = devices();
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int number) {
  FAIL_IF_ASKED;
  if (number < 0 || number >= devices()) return CUDA_ERROR_INVALID_DEVICE;
  *device = number;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int size, CUdevice device) {
  FAIL_IF_ASKED;
  snprintf(name, (size_t)size, "pretended GPU %d", device);
  return CUDA_SUCCESS;
}

static int capability(CUdevice device) {
  char word[32];
  snprintf(word, sizeof word, "capability@%d", device);
  return (int)fake_number(word, fake_number("capability", 90));
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  FAIL_IF_ASKED;
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 48 << 10; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = 227 << 10; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 132; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = capability(device) / 10; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = capability(device) % 10; break;
    case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: *value = !fake_has("without-pools"); break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
      *value = fake_has("prohibited") ? CU_COMPUTEMODE_PROHIBITED : 0;
      break;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  FAIL_IF_ASKED;
  *bytes = (size_t)(device + 1) << 30;
  return CUDA_SUCCESS;
}

/* ---- contexts and streams -------------------------------------------------------------------- */

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  FAIL_IF_ASKED;
  NEED_NO_CAPTURE;
  if (lost) return lost;
  primaries[device].device = device;
  primaries[device].retained++;
  counts.contexts++;
  *context = &primaries[device];
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  if (!primaries[device].retained) return CUDA_ERROR_INVALID_CONTEXT;
  primaries[device].retained--;
  counts.contexts--;
  return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  FAIL_IF_ASKED;
  if (depth == STACK_MOST) return CUDA_ERROR_INVALID_VALUE;
  stack[depth++] = context;
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
  *context = stack[--depth];
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device) {
  NEED(1);
  *device = current()->device;
  return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  (void)flags;
  NEED(1);
  NEED_NO_CAPTURE;
  *stream = fake_cuda_stream(current());
  counts.streams++;
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  if (!depth || stream->context != current()) return CUDA_ERROR_INVALID_CONTEXT;
  counts.streams--;
  free(stream);
  return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
  NEED(stream->context == current());
  NEED_NO_CAPTURE;
  return CUDA_SUCCESS;
}

CUresult cuStreamGetCtx(CUstream stream, CUcontext *context) {
  FAIL_IF_ASKED;
  *context = stream->context;
  return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream stream, int *state) {
  NEED(stream->context == current());
  *state = stream->is_capturing;
  return CUDA_SUCCESS;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Aligned as CUDA's is. */
static CUresult make(CUdeviceptr *memory, size_t size) {
  size_t rounded = (size + 255) / 256 * 256;
  void *made = aligned_alloc(256, rounded);
  *memory = (CUdeviceptr)(uintptr_t)made;
  if (!made) return CUDA_ERROR_OUT_OF_MEMORY;
  memset(made, 0, rounded);
  counts.allocations++;
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *memory, size_t size) {
  NEED(size > 0 && fake_has("without-pools"));
  NEED_NO_CAPTURE;
  return make(memory, size);
}

CUresult cuMemAllocAsync(CUdeviceptr *memory, size_t size, CUstream stream) {
  NEED(size > 0 && stream->context == current() && !fake_has("without-pools"));
  NEED_NO_CAPTURE;
  return make(memory, size);
}

static CUresult end(CUdeviceptr memory) {
  free((void *)(uintptr_t)memory);
  counts.allocations--;
  return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr memory) {
  if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
  NEED_NO_CAPTURE;
  return end(memory);
}

CUresult cuMemFreeAsync(CUdeviceptr memory, CUstream stream) {
  if (!depth || stream->context != current()) return CUDA_ERROR_INVALID_CONTEXT;
  NEED_NO_CAPTURE;
  return end(memory);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr memory, const void *host, size_t size, CUstream stream) {
  NEED(stream->context == current());
  NEED_NO_CAPTURE;
  memcpy((void *)(uintptr_t)memory, host, size);
  return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoHAsync_v2(void *host, CUdeviceptr memory, size_t size, CUstream stream) {
  NEED(stream->context == current());
  NEED_NO_CAPTURE;
  memcpy(host, (const void *)(uintptr_t)memory, size);
  return CUDA_SUCCESS;
}

/* ---- modules --------------------------------------------------------------------------------- */

/* As the compiler beside this makes them. A cubin is for one architecture and for later ones of the
 * same major number, or, with the features of an architecture, for that one alone. */
static int is_ours(const char *image) {
  static const char cubin[] = "fake cubin for sm_";
  int device = capability(current()->device);
  if (strncmp(image, cubin, sizeof cubin - 1) != 0) return strncmp(image, "fake PTX", 8) == 0;
  char *suffix = NULL;
  long code = strtol(image + sizeof cubin - 1, &suffix, 10);
  if (*suffix) return strcmp(suffix, "a") == 0 && code == device;
  return code / 10 == device / 10 && code <= device;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, int *options,
                            void **values) {
  for (unsigned i = 0; i < count; i++)
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER) snprintf(values[i], 20, "the loader's words");
  NEED(1);
  NEED_NO_CAPTURE;
  if (fake_has("refuse-image") || !is_ours(image)) return CUDA_ERROR_INVALID_IMAGE;
  *module = calloc(1, sizeof **module);
  (*module)->context = current();
  counts.modules++;
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
  if (!depth || module->context != current()) return CUDA_ERROR_INVALID_CONTEXT;
  counts.modules--;
  free(module);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  NEED(module->context == current() && *name && module->count < 16);
  NEED_NO_CAPTURE;
  *function = &module->functions[module->count++];
  (*function)->local_bytes = LOCAL_BYTES_GRANTED;
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction function) {
  (void)function;
  NEED(1);
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 512; break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = 1024; break;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = 16; break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 40; break;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  NEED(attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES && value <= 227 << 10);
  NEED_NO_CAPTURE;
  function->local_bytes = (unsigned)value;
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction function, unsigned x, unsigned y, unsigned z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned local_bytes, CUstream stream,
                        void **parameters, void **extra) {
  NEED(stream->context == current() && parameters && parameters[0] && !extra);
  NEED(x > 0 && x <= INT32_MAX && y * z == 1 && block_y * block_z == 1);
  NEED(block_x > 0 && block_x <= 1024 && local_bytes <= function->local_bytes);
  last_launch[0] = x;
  last_launch[1] = block_x;
  last_launch[2] = local_bytes;
  if (stream->is_capturing) {
    stream->recorded++;
    counts.captured++;
  } else {
    counts.launches++;
  }
  return CUDA_SUCCESS;
}

/* ---- graphs ---------------------------------------------------------------------------------- */

CUresult cuStreamBeginCapture_v2(CUstream stream, int mode) {
  (void)mode;
  stream->recorded = 0;
  stream->is_capturing = is_any_capturing = 1;
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  stream->is_capturing = is_any_capturing = 0;
  *graph = calloc(1, sizeof **graph);
  (*graph)->launches = stream->recorded;
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *made, CUgraph graph, unsigned long long flags) {
  (void)flags;
  *made = (CUgraphExec)(void *)graph;
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) {
  (void)stream;
  counts.launches += ((CUgraph)(void *)graph)->launches;
  return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec graph) {
  (void)graph;
  return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
  free(graph);
  return CUDA_SUCCESS;
}
