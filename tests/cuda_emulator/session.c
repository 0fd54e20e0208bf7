/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

session_api cuda;
nvrtc_api nvrtc;

static void *find(void *library, const char *name) {
  void *found = dlsym(library, name);
  ck_assert_msg(found != NULL, "%s is missing", name);
  return found;
}

void session_load(void) {
  static int is_done;
  if (is_done) return;
  is_done = 1;
  void *driver = dlopen(CUDA_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(driver != NULL, "%s", dlerror());
  void *compiler = dlopen(NVRTC_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ck_assert_msg(compiler != NULL, "%s", dlerror());
#define FIND(result, name, parameters) *(void **)&cuda.name = find(driver, #name);
  CUDA_FUNCTIONS(FIND)
  CUDA_CAPTURE_FUNCTIONS(FIND)
#undef FIND
#define FIND(result, name, parameters) *(void **)&nvrtc.name = find(compiler, #name);
  NVRTC_FUNCTIONS(FIND)
#undef FIND
  ck_assert_int_eq(cuda.cuInit(0), CUDA_SUCCESS);
}

/* What a test that failed has left would break the next one. */
static void end_others(void) {
  CUdevice device;
  while (cuda.cuCtxGetDevice(&device) == CUDA_SUCCESS) {
    while (cuda.cuDevicePrimaryCtxRelease_v2(device) == CUDA_SUCCESS) continue;
    cuda.cuCtxPopCurrent_v2(NULL);
  }
}

void session_begin(session *s, int device) {
  session_load();
  end_others();
  memset(s, 0, sizeof *s);
  ck_assert_int_eq(cuda.cuDeviceGet(&s->device, device), CUDA_SUCCESS);
  ck_assert_int_eq(cuda.cuDevicePrimaryCtxRetain(&s->context, s->device), CUDA_SUCCESS);
  ck_assert_int_eq(cuda.cuCtxPushCurrent_v2(s->context), CUDA_SUCCESS);
  ck_assert_int_eq(cuda.cuStreamCreate(&s->stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
}

void session_end(session *s) {
  if (s->module) ck_assert_int_eq(cuda.cuModuleUnload(s->module), CUDA_SUCCESS);
  ck_assert_int_eq(cuda.cuStreamDestroy_v2(s->stream), CUDA_SUCCESS);
  ck_assert_int_eq(cuda.cuCtxPopCurrent_v2(NULL), CUDA_SUCCESS);
  ck_assert_int_eq(cuda.cuDevicePrimaryCtxRelease_v2(s->device), CUDA_SUCCESS);
}

static void load_image(session *s, nvrtcProgram program) {
  size_t bytes;
  ck_assert_int_eq(nvrtc.nvrtcGetCUBINSize(program, &bytes), NVRTC_SUCCESS);
  char *image = malloc(bytes);
  ck_assert_int_eq(nvrtc.nvrtcGetCUBIN(program, image), NVRTC_SUCCESS);
  CUresult status = cuda.cuModuleLoadDataEx(&s->module, image, 0, NULL, NULL);
  ck_assert_msg(status == CUDA_SUCCESS, "%d: %s", status, session_said());
  free(image);
}

nvrtcResult session_compile(session *s, const char *text) {
  char *whole = malloc(strlen(text) + 64), option[64];
  sprintf(whole, "#line 1 \"kernels/test.cu\"\n%s", text);
  int major, minor;
  cuda.cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, s->device);
  cuda.cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, s->device);
  snprintf(option, sizeof option, "--gpu-architecture=sm_%d%d", major, minor);
  const char *const options[] = {option, "--std=c++17", "--fmad=false", "-w"};
  nvrtcProgram program;
  ck_assert_int_eq(nvrtc.nvrtcCreateProgram(&program, whole, "test.cu", 0, NULL, NULL),
                   NVRTC_SUCCESS);
  free(whole);
  nvrtcResult result = nvrtc.nvrtcCompileProgram(program, 4, options);
  size_t bytes;
  nvrtc.nvrtcGetProgramLogSize(program, &bytes);
  char *log = malloc(bytes);
  nvrtc.nvrtcGetProgramLog(program, log);
  snprintf(s->log, sizeof s->log, "%s", log);
  free(log);
  if (result == NVRTC_SUCCESS) load_image(s, program);
  nvrtc.nvrtcDestroyProgram(&program);
  return result;
}

CUresult session_run(session *s, const session_launch *launch) {
  CUfunction function;
  CUresult status = cuda.cuModuleGetFunction(&function, s->module, launch->kernel);
  if (!status && launch->local_bytes)
    status = cuda.cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                     (int)launch->local_bytes);
  if (status) return status;
  return cuda.cuLaunchKernel(function, launch->blocks, 1, 1, launch->threads, 1, 1,
                             launch->local_bytes, s->stream, launch->parameters, NULL);
}

CUresult session_try(const char *text, unsigned threads, void *data, size_t bytes) {
  session s;
  session_begin(&s, 0);
  nvrtcResult compiled = session_compile(&s, text);
  ck_assert_msg(compiled == NVRTC_SUCCESS, "%s", s.log);
  CUdeviceptr memory;
  ck_assert_int_eq(cuda.cuMemAlloc_v2(&memory, bytes), CUDA_SUCCESS);
  ck_assert_int_eq(cuda.cuMemcpyHtoDAsync_v2(memory, data, bytes, s.stream), CUDA_SUCCESS);
  void *parameters[] = {&memory};
  CUresult status = session_run(&s, &(session_launch){"test", 1, threads, 0, parameters});
  if (!status)
    ck_assert_int_eq(cuda.cuMemcpyDtoHAsync_v2(data, memory, bytes, s.stream), CUDA_SUCCESS);
  cuda.cuMemFree_v2(memory);
  session_end(&s);
  return status;
}

const char *session_said(void) {
  static char said[8192];
  static FILE *file;
  static long read_to;
  said[0] = 0;
  fflush(stderr);
  if (!file) {
    file = tmpfile();
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(dup2(fileno(file), 2), 0);
    setvbuf(stderr, NULL, _IONBF, 0);
    return said;
  }
  ssize_t count = pread(fileno(file), said, sizeof said - 1, read_to);
  if (count > 0) {
    said[count] = 0;
    read_to += count;
  }
  return said;
}
