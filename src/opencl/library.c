/* SPDX-License-Identifier: Apache-2.0 */
/* The ICD loader, opened at run time: without it, or without a function of it, there is no OpenCL
 * here, which is no error. */
#define _GNU_SOURCE /* secure_getenv */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/log.h"
#include "opencl/opencl.h"

static opencl_api api;
static int is_open;
static char defect[300]; /* why it is not */
static pthread_once_t api_once = PTHREAD_ONCE_INIT;

static const struct {
  const char *name;
  void **function;
  int is_needed;
} functions[] = {
#define OPENCL_ROW(result, name, parameters) {#name, (void **)&api.name, 1},
    OPENCL_FUNCTIONS(OPENCL_ROW)
#undef OPENCL_ROW
#define OPENCL_ROW(result, name, parameters) {#name, (void **)&api.name, 0},
        OPENCL_TELLING_FUNCTIONS(OPENCL_ROW)
#undef OPENCL_ROW
};

static void open_api(void) {
  /* A set-uid program must not run whatever its caller's environment names. */
  const char *name = secure_getenv("SEQMIX_OPENCL");
  if (!name || !*name) name = "libOpenCL.so.1";
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(defect, sizeof defect, "no driver: %s", dlerror());
    seqmix_log(SEQMIX_LOG_DEBUG, "opencl: %s", defect);
    return;
  }
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    *functions[i].function = dlsym(library, functions[i].name);
    if (*functions[i].function || !functions[i].is_needed) continue;
    snprintf(defect, sizeof defect, "%s lacks %s: it is left out", name, functions[i].name);
    seqmix_log(SEQMIX_LOG_WARNING, "opencl: %s", defect);
    dlclose(library);
    return;
  }
  is_open = 1;
}

const opencl_api *seqmix_opencl_api(void) {
  pthread_once(&api_once, open_api);
  return is_open ? &api : NULL;
}

const char *seqmix_opencl_api_defect(void) { return seqmix_opencl_api() ? "" : defect; }

/* ---- errors ----------------------------------------------------------------------------------
 */

/* Errors that users of a correct library may meet, by their names in the specification. */
static const struct {
  cl_int error;
  const char *name;
} errors[] = {
    {-1, "DEVICE_NOT_FOUND"},
    {-2, "DEVICE_NOT_AVAILABLE"},
    {-3, "COMPILER_NOT_AVAILABLE"},
    {-4, "MEM_OBJECT_ALLOCATION_FAILURE"},
    {-5, "OUT_OF_RESOURCES"},
    {-6, "OUT_OF_HOST_MEMORY"},
    {-11, "BUILD_PROGRAM_FAILURE"},
    {-14, "EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
    {-30, "INVALID_VALUE"},
    {-33, "INVALID_DEVICE"},
    {-34, "INVALID_CONTEXT"},
    {-36, "INVALID_COMMAND_QUEUE"},
    {-38, "INVALID_MEM_OBJECT"},
    {-42, "INVALID_BINARY"},
    {-45, "INVALID_PROGRAM_EXECUTABLE"},
    {-46, "INVALID_KERNEL_NAME"},
    {-48, "INVALID_KERNEL"},
    {-52, "INVALID_KERNEL_ARGS"},
    {-54, "INVALID_WORK_GROUP_SIZE"},
    {-61, "INVALID_BUFFER_SIZE"},
};

seqmix_status seqmix_opencl_fail(const char *what, cl_int error) {
  const char *name = "an error";
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].error == error) name = errors[i].name;
  int is_memory = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_HOST_MEMORY ||
                  error == CL_INVALID_BUFFER_SIZE;
  return seqmix_fail(is_memory ? SEQMIX_ERROR_OUT_OF_MEMORY : SEQMIX_ERROR_DEVICE,
                     "opencl: %s: %s (%d)", what, name, error);
}
