/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, contexts and errors of the stand-in for libcuda. */
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "driver.h"

namespace emulator {

/* ---- calls ----------------------------------------------------------------------------------- */

namespace {

std::recursive_mutex mutex;
bool is_initialised;

/* EMULATOR_FAIL=function:nth:error: the nth call of it answers with the error. */
CUresult planned_failure(const char *function) {
  static std::string plan;
  static std::map<std::string, int> calls;
  const char *wanted = std::getenv("EMULATOR_FAIL");
  if (!wanted) wanted = "";
  if (plan != wanted) {
    plan = wanted;
    calls.clear();
  }
  if (plan.empty()) return CUDA_SUCCESS;
  char name[64];
  int nth, error;
  if (std::sscanf(wanted, "%63[^:]:%d:%d", name, &nth, &error) != 3) return CUDA_SUCCESS;
  const bool is_it = std::strcmp(name, function) == 0 && ++calls[function] == nth;
  return is_it ? error : CUDA_SUCCESS;
}

/* Errors that no later call on the context survives. */
bool is_lasting(CUresult status) {
  return status == CUDA_ERROR_ECC_UNCORRECTABLE ||
         (status >= CUDA_ERROR_ILLEGAL_ADDRESS && status <= CUDA_ERROR_LAUNCH_FAILED &&
          status != CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
}

/* Programs call the engine by its symbols, whoever loaded this library for himself alone. */
__attribute__((constructor)) void show_symbols() {
  Dl_info info;
  if (dladdr((void *)show_symbols, &info))
    dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_GLOBAL | RTLD_NOW);
}

}  // namespace

entry::entry(const char *function) : lock(mutex), status(planned_failure(function)) {
  const bool is_first =
      std::strcmp(function, "cuInit") == 0 || std::strcmp(function, "cuDriverGetVersion") == 0;
  if (!status && !is_initialised && !is_first) status = CUDA_ERROR_NOT_INITIALIZED;
  if (is_lasting(status) && current_context()) break_context(current_context(), status);
}

int number_of(const char *variable, int otherwise) {
  const char *text = std::getenv(variable);
  return text && *text ? std::atoi(text) : otherwise;
}

/* ---- devices --------------------------------------------------------------------------------- */

int device_count() { return number_of("EMULATOR_DEVICES", 1); }

/* EMULATOR_ARCH=90,80: of the first two; the last goes on. */
int arch_of(int device) {
  const char *text = std::getenv("EMULATOR_ARCH");
  int arch = 90;
  for (int i = 0; text && *text && i <= device; i++) {
    char *end;
    arch = (int)std::strtol(text, &end, 10);
    text = *end == ',' ? end + 1 : nullptr;
  }
  return arch;
}

/* As the programming guide's table of compute capabilities has it. */
uint64_t local_most_of(int device) {
  switch (arch_of(device)) {
    case 75: return 64 << 10;
    case 80:
    case 87: return 163 << 10;
    case 86:
    case 89:
    case 120: return 99 << 10;
    default: return 227 << 10;
  }
}

namespace {

std::vector<std::unique_ptr<CUctx_st>> contexts;
thread_local std::vector<CUctx_st *> current;

bool is_device(CUdevice device) { return device >= 0 && device < device_count(); }

int attribute_of(int attribute, int device) {
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: return 1024;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: return LOCAL_MOST;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: return WARP;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return number_of("EMULATOR_UNITS", 4);
    case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE: return 0;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: return arch_of(device) / 10;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: return arch_of(device) % 10;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: return (int)local_most_of(device);
    case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: return number_of("EMULATOR_POOLS", 1);
    default: return -1;
  }
}

}  // namespace

CUctx_st *current_context() { return current.empty() ? nullptr : current.back(); }

CUresult check_context() {
  const CUctx_st *c = current_context();
  if (!c || c->holders == 0) return CUDA_ERROR_INVALID_CONTEXT;
  return c->broken;
}

void break_context(CUctx_st *context, CUresult status) {
  if (!context->broken) context->broken = status;
}

extern "C" {

CUresult cuInit(unsigned flags) {
  ENTER();
  if (flags) return CUDA_ERROR_INVALID_VALUE;
  is_initialised = true;
  return device_count() > 0 ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}

CUresult cuDriverGetVersion(int *version) {
  ENTER();
  *version = number_of("EMULATOR_DRIVER", 13000);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
  ENTER();
  *count = device_count();
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int index) {
  ENTER();
  if (!is_device(index)) return CUDA_ERROR_INVALID_DEVICE;
  *device = index;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int room, CUdevice device) {
  ENTER();
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  std::snprintf(name, (size_t)room, "CUDA emulator");
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  ENTER();
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  const int found = attribute_of(attribute, device);
  if (found < 0) return CUDA_ERROR_INVALID_VALUE;
  *value = found;
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  ENTER();
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  *bytes = (size_t)number_of("EMULATOR_MEMORY_MIB", 16384) << 20;
  return CUDA_SUCCESS;
}

/* ---- contexts -------------------------------------------------------------------------------- */

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  ENTER();
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  while (contexts.size() <= (size_t)device)
    contexts.push_back(std::make_unique<CUctx_st>(CUctx_st{(int)contexts.size(), 0, CUDA_SUCCESS}));
  *context = contexts[(size_t)device].get();
  (*context)->holders++;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  ENTER();
  if (!is_device(device) || contexts.size() <= (size_t)device) return CUDA_ERROR_INVALID_DEVICE;
  CUctx_st *context = contexts[(size_t)device].get();
  if (context->holders == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (--context->holders == 0) context->broken = CUDA_SUCCESS;
  return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  ENTER();
  if (!context || context->holders == 0) return CUDA_ERROR_INVALID_CONTEXT;
  current.push_back(context);
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  ENTER();
  if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (context) *context = current.back();
  current.pop_back();
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device) {
  ENTER();
  if (!current_context()) return CUDA_ERROR_INVALID_CONTEXT;
  *device = current_context()->device;
  return CUDA_SUCCESS;
}

}  // extern "C"

/* ---- errors ---------------------------------------------------------------------------------- */

namespace {

struct error_name {
  CUresult status;
  const char *name, *text;
};

#define ERROR(name, text) \
  { CUDA_##name, "CUDA_" #name, text }
const error_name error_names[] = {
    ERROR(SUCCESS, "no error"),
    ERROR(ERROR_INVALID_VALUE, "invalid argument"),
    ERROR(ERROR_OUT_OF_MEMORY, "out of memory"),
    ERROR(ERROR_NOT_INITIALIZED, "not initialised"),
    ERROR(ERROR_NO_DEVICE, "no device"),
    ERROR(ERROR_INVALID_DEVICE, "invalid device"),
    ERROR(ERROR_INVALID_IMAGE, "invalid image"),
    ERROR(ERROR_INVALID_CONTEXT, "invalid context"),
    ERROR(ERROR_NO_BINARY_FOR_GPU, "no binary for this device"),
    ERROR(ERROR_ECC_UNCORRECTABLE, "memory fault"),
    ERROR(ERROR_INVALID_PTX, "invalid PTX"),
    ERROR(ERROR_INVALID_HANDLE, "invalid handle"),
    ERROR(ERROR_NOT_FOUND, "not found"),
    ERROR(ERROR_ILLEGAL_ADDRESS, "illegal access of memory"),
    ERROR(ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources for a launch"),
    ERROR(ERROR_LAUNCH_FAILED, "launch failed"),
    ERROR(ERROR_NOT_SUPPORTED, "not supported"),
    ERROR(ERROR_STREAM_CAPTURE_UNSUPPORTED, "not while a stream is captured"),
    ERROR(ERROR_STREAM_CAPTURE_INVALIDATED, "the capture was spoilt"),
    ERROR(ERROR_UNKNOWN, "unknown error"),
};

const error_name *find_error(CUresult status) {
  for (const error_name &e : error_names)
    if (e.status == status) return &e;
  return nullptr;
}

}  // namespace

extern "C" {

CUresult cuGetErrorName(CUresult status, const char **name) {
  const error_name *found = find_error(status);
  *name = found ? found->name : nullptr;
  return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult status, const char **text) {
  const error_name *found = find_error(status);
  *text = found ? found->text : nullptr;
  return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

}  // extern "C"

}  // namespace emulator
