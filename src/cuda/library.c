/* SPDX-License-Identifier: Apache-2.0 */
/* The driver, opened at run time: without it, or with one that is too old, there is no CUDA here,
 * which is no error. */
#define _GNU_SOURCE /* secure_getenv */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/log.h"
#include "cuda/cuda.h"

/* The first with memory in the order of a stream, and with compilers that make cubins. */
enum { DRIVER_LEAST = 11020 };

static cuda_api api;
static int is_open;
static int version;
static char defect[300];
static pthread_once_t api_once = PTHREAD_ONCE_INIT;

static const cuda_function functions[] = {
#define CUDA_ROW(result, name, parameters) {#name, (void **)&api.name},
    CUDA_FUNCTIONS(CUDA_ROW)
#undef CUDA_ROW
};

const char *seqmix_cuda_functions(void *library, const cuda_function *wanted, size_t count) {
  for (size_t i = 0; i < count; i++) {
    *wanted[i].function = dlsym(library, wanted[i].name);
    if (!*wanted[i].function) return wanted[i].name;
  }
  return NULL;
}

static const char *name_of(CUresult error) {
  const char *name = NULL;
  return api.cuGetErrorName(error, &name) == CUDA_SUCCESS && name ? name : "an error";
}

/* Whether the library, whose functions are there, can be worked with. */
static int start(const char *name) {
  CUresult error = api.cuDriverGetVersion(&version);
  if (!error && version < DRIVER_LEAST) {
    snprintf(defect, sizeof defect, "the driver %s is for CUDA %d.%d; it must be for 11.2 or newer",
             name, version / 1000, version % 1000 / 10);
    return 0;
  }
  if (!error) error = api.cuInit(0);
  if (!error) return 1;
  snprintf(defect, sizeof defect, "the driver %s cannot be started: %s (%d)", name, name_of(error),
           error);
  return 0;
}

static void open_api(void) {
  /* A set-uid program must not run whatever its caller's environment names. */
  const char *name = secure_getenv("SEQMIX_CUDA");
  if (!name || !*name) name = "libcuda.so.1";
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(defect, sizeof defect, "no driver: %s", dlerror());
    seqmix_log(SEQMIX_LOG_DEBUG, "cuda: %s", defect);
    return;
  }
  const char *lacks =
      seqmix_cuda_functions(library, functions, sizeof functions / sizeof *functions);
  if (lacks)
    snprintf(defect, sizeof defect, "the driver %s lacks %s; it must be for CUDA 11.2 or newer",
             name, lacks);
  /* A driver that has been called is not taken away again. */
  is_open = !lacks && start(name);
  if (lacks) dlclose(library);
  if (!is_open) seqmix_log(SEQMIX_LOG_INFO, "cuda: %s", defect);
}

const cuda_api *seqmix_cuda_api(void) {
  pthread_once(&api_once, open_api);
  return is_open ? &api : NULL;
}

const char *seqmix_cuda_api_defect(void) { return seqmix_cuda_api() ? "" : defect; }

int seqmix_cuda_driver_version(void) { return seqmix_cuda_api() ? version : 0; }

/* ---- errors ---------------------------------------------------------------------------------- */

/* After these the driver answers every call of the process with the same error. */
static int is_lost(CUresult error) {
  switch (error) {
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case CUDA_ERROR_CONTAINED:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED: return 1;
    default: return 0;
  }
}

seqmix_status seqmix_cuda_fail(const char *what, CUresult error) {
  return seqmix_fail(
      error == CUDA_ERROR_OUT_OF_MEMORY ? SEQMIX_ERROR_OUT_OF_MEMORY : SEQMIX_ERROR_DEVICE,
      "cuda: %s: %s (%d)%s", what, name_of(error), error,
      is_lost(error)
          ? "; a kernel, not always of this call, has failed, and the device is lost for this "
            "process, which must be started anew"
          : "");
}
