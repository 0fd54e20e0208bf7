/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* setenv */
#include "cuda/session.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "support/suite.h"

enum { ELEMENTS = 64 };

seqmix_status cuda_call_begin(seqmix_context *context, cuda_call *call) {
  call->args = (seqmix_linear_recurrence_args)SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  memset(call->memory, 0, sizeof call->memory);
  for (int i = 0; i < 3; i++) {
    seqmix_status status =
        seqmix_buffer_allocate(context, ELEMENTS * sizeof(float), &call->memory[i]);
    if (status) return status;
    call->tensors[i] = seqmix_tensor_3d(call->memory[i], SEQMIX_F32, 1, ELEMENTS / 4, 4);
  }
  call->args.a = &call->tensors[0];
  call->args.b = &call->tensors[1];
  call->args.out = &call->tensors[2];
  return SEQMIX_OK;
}

void cuda_call_end(seqmix_context *context, cuda_call *call) {
  for (int i = 0; i < 3; i++) seqmix_buffer_free(context, call->memory[i]);
}

seqmix_status cuda_session(seqmix_context *context) {
  cuda_call call;
  float host[ELEMENTS] = {0};
  seqmix_status status = cuda_call_begin(context, &call);
  if (!status) status = seqmix_buffer_upload(context, call.memory[0], 0, host, sizeof host);
  if (!status) status = seqmix_linear_recurrence(context, &call.args);
  if (!status) status = seqmix_synchronize(context);
  if (!status) status = seqmix_buffer_download(context, call.memory[2], 0, host, sizeof host);
  cuda_call_end(context, &call);
  return status;
}

void *cuda_fake_function(const char *name) {
  void *library = dlopen(FAKE_CUDA_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  void *function = library ? dlsym(library, name) : NULL;
  if (!function) fprintf(stderr, "%s: no %s\n", FAKE_CUDA_LIBRARY, name);
  return function ? function : (abort(), NULL);
}

fake_counts cuda_counts(void) {
  fake_counts counts;
  fake_count_function count;
  *(void **)&count = cuda_fake_function("fake_cuda_count");
  count(&counts);
  return counts;
}

int cuda_nothing_left(void) {
  fake_counts c = cuda_counts();
  int left = c.contexts + c.streams + c.modules + c.allocations + c.pushed;
  if (left)
    fprintf(stderr, "left: %d contexts, %d streams, %d modules, %d allocations, %d pushed\n",
            c.contexts, c.streams, c.modules, c.allocations, c.pushed);
  return left == 0;
}

typedef struct child_work {
  int (*function)(void *);
  char environment[512];
} child_work;

static int work_in_child(void *argument) {
  child_work *work = argument;
  setenv("FAKE_CUDA", work->environment, 1);
  return work->function(work->environment);
}

const char *cuda_in_child(int (*function)(void *), const char *environment) {
  static child_result result;
  child_work work = {.function = function};
  snprintf(work.environment, sizeof work.environment, "%s", environment);
  child_run(&result, work_in_child, &work);
  ck_assert_msg(result.code == 0, "%s: child ended with %d: %s", environment, result.code,
                result.text);
  return result.text;
}

void cuda_use_fakes(void) {
  setenv("SEQMIX_CUDA", FAKE_CUDA_LIBRARY, 1);
  setenv("SEQMIX_NVRTC", FAKE_NVRTC_LIBRARY, 1);
  setenv("SEQMIX_CUBLAS", "/nowhere", 1);
  setenv("SEQMIX_OPENCL", "/nowhere", 1);
  setenv("SEQMIX_CUDA_PACK", "", 1);
  setenv("SEQMIX_CACHE_DIR", "", 1);
  unsetenv("SEQMIX_DEVICE");
}
