/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers and compilers that fail, at every call there is: a status, a sentence, nothing left
 * behind, and contexts that go on. The stand-ins are tests/cuda/fake_*.c; each test is a child with
 * its own. */
#define _DEFAULT_SOURCE /* setenv, mkdtemp */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cuda/session.h"
#include "support/suite.h"

static int run_twice(void *environment) {
  seqmix_context *context;
  (void)environment;
  CHILD_EXPECT_OK(seqmix_context_create(&context, "cuda:0"));
  CHILD_EXPECT_OK(cuda_session(context));
  CHILD_EXPECT_OK(cuda_session(context));
  seqmix_context_destroy(context);
  CHILD_EXPECT(cuda_nothing_left());
  CHILD_EXPECT(cuda_counts().launches > 0);
  return 0;
}

START_TEST(test_works) {
  const char *text = cuda_in_child(run_twice, "");
  ck_assert_ptr_nonnull(strstr(text,
                               "fake: compiles scan/scan: --gpu-architecture=sm_90 --std=c++17 "
                               "--fmad=false -w"));
  cuda_in_child(run_twice, "without-pools");
  text = cuda_in_child(run_twice, "capability=75");
  ck_assert_ptr_nonnull(strstr(text, "--gpu-architecture=sm_75"));
}
END_TEST

/* Of an architecture that the compiler does not know yet: PTX of the newest below. */
START_TEST(test_ptx) {
  const char *text = cuda_in_child(run_twice, "capability=103");
  ck_assert_ptr_nonnull(strstr(text, "--gpu-architecture=compute_100"));
  text = cuda_in_child(run_twice, "capability=90 newest=86");
  ck_assert_ptr_nonnull(strstr(text, "--gpu-architecture=compute_86"));
}
END_TEST

/* ---- failures -------------------------------------------------------------------------------- */

/* A function that fails at its n-th call, with what then comes out. */
typedef struct failure {
  const char *environment;
  seqmix_status status;
  const char *word; /* of the sentence */
} failure;

static const failure failures[] = {
    {"cuDevicePrimaryCtxRetain=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuDevicePrimaryCtxRetain"},
    {"cuDevicePrimaryCtxRetain=101", SEQMIX_ERROR_DEVICE, "cuDevicePrimaryCtxRetain"},
    {"cuCtxPushCurrent_v2@1=201", SEQMIX_ERROR_DEVICE, "CUDA_ERROR_INVALID_CONTEXT"},
    {"cuCtxPushCurrent_v2@2=201", SEQMIX_ERROR_DEVICE, "CUDA_ERROR_INVALID_CONTEXT"},
    {"cuStreamCreate=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuStreamCreate"},
    {"cuStreamCreate=999", SEQMIX_ERROR_DEVICE, "cuStreamCreate: an error (999)"},
    /* Memory: that of faults, three tensors. */
    {"cuMemAllocAsync@1=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuMemAllocAsync: CUDA_ERROR_OUT_OF_MEM"},
    {"cuMemAllocAsync@2=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuMemAllocAsync"},
    {"cuMemAllocAsync@4=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuMemAllocAsync"},
    {"without-pools cuMemAlloc_v2@4=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuMemAlloc"},
    {"cuMemcpyHtoDAsync_v2@1=1", SEQMIX_ERROR_DEVICE, "cuMemcpyHtoDAsync"},
    {"cuMemcpyHtoDAsync_v2@2=1", SEQMIX_ERROR_DEVICE, "cuMemcpyHtoDAsync"},
    {"cuMemcpyDtoHAsync_v2@1=1", SEQMIX_ERROR_DEVICE, "cuMemcpyDtoHAsync"},
    {"cuMemcpyDtoHAsync_v2@2=1", SEQMIX_ERROR_DEVICE, "cuMemcpyDtoHAsync"},
    {"cuStreamSynchronize@1=1", SEQMIX_ERROR_DEVICE, "cuStreamSynchronize"},
    {"cuStreamSynchronize@3=1", SEQMIX_ERROR_DEVICE, "cuStreamSynchronize"},
    /* The compiler. */
    {"nvrtcCreateProgram=1", SEQMIX_ERROR_OUT_OF_MEMORY, "nvrtcCreateProgram"},
    {"nvrtcCreateProgram=3", SEQMIX_ERROR_DEVICE, "nvrtcCreateProgram"},
    {"nvrtcCompileProgram=6", SEQMIX_ERROR_DEVICE, "the compiler's words"},
    {"nvrtcCompileProgram=6 nvrtcGetProgramLog=11", SEQMIX_ERROR_DEVICE, "do not compile"},
    {"nvrtcCompileProgram=6 nvrtcGetProgramLogSize=11", SEQMIX_ERROR_DEVICE, "do not compile"},
    {"nvrtcCompileProgram=6 long-log", SEQMIX_ERROR_DEVICE, "the compiler's words"},
    {"nvrtcGetCUBINSize=11", SEQMIX_ERROR_DEVICE, "nvrtcGetCUBINSize"},
    {"nvrtcGetCUBIN=1", SEQMIX_ERROR_OUT_OF_MEMORY, "nvrtcGetCUBIN"},
    {"capability=103 nvrtcGetPTX=11", SEQMIX_ERROR_DEVICE, "nvrtcGetPTX"},
    {"capability=80 newest=75 nvrtcGetPTXSize=11", SEQMIX_ERROR_DEVICE, "nvrtcGetPTXSize"},
    /* Modules and launches. */
    {"cuModuleLoadDataEx=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuModuleLoadDataEx"},
    {"cuModuleLoadDataEx=222", SEQMIX_ERROR_DEVICE, "the loader's words"},
    {"refuse-image", SEQMIX_ERROR_DEVICE, "CUDA_ERROR_INVALID_IMAGE"},
    {"cuModuleGetFunction=500", SEQMIX_ERROR_DEVICE, "CUDA_ERROR_NOT_FOUND"},
    {"cuLaunchKernel=701", SEQMIX_ERROR_DEVICE, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
    {"cuLaunchKernel=2", SEQMIX_ERROR_OUT_OF_MEMORY, "cuLaunchKernel"},
};
enum { FAILURES = sizeof failures / sizeof *failures };

static const failure *the_failure;

/* The session fails; a second one of the same context then works, as does a new context, and one
 * that was open before. */
static int expect_failure(void *environment) {
  const failure *f = the_failure;
  seqmix_context *before, *context, *after;
  char copy[512];
  snprintf(copy, sizeof copy, "%s", (const char *)environment);
  setenv("FAKE_CUDA", strstr(copy, "capability") ? copy : "", 1);
  CHILD_EXPECT(seqmix_device_count() == 3);
  CHILD_EXPECT_OK(seqmix_context_create(&before, "cpu"));
  setenv("FAKE_CUDA", copy, 1);
  seqmix_status status = seqmix_context_create(&context, "cuda:0");
  int is_open = status == SEQMIX_OK;
  if (is_open) status = cuda_session(context);
  if (status != f->status || !strstr(seqmix_last_error(), f->word)) {
    fprintf(stderr, "%s: %s: %s\n", copy, seqmix_status_name(status), seqmix_last_error());
    return 1;
  }
  setenv("FAKE_CUDA", strstr(copy, "without-pools") ? "without-pools" : "", 1);
  CHILD_EXPECT(is_open || context == NULL);
  /* Another architecture's context would go on with what is not made for it. */
  if (is_open && !strstr(copy, "capability")) CHILD_EXPECT_OK(cuda_session(context));
  seqmix_context_destroy(context);
  CHILD_EXPECT(cuda_nothing_left());
  CHILD_EXPECT_OK(seqmix_context_create(&after, "cuda:0"));
  CHILD_EXPECT_OK(cuda_session(after));
  seqmix_context_destroy(after);
  seqmix_context_destroy(before);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

START_TEST(test_failures) {
  the_failure = &failures[_i];
  cuda_in_child(expect_failure, failures[_i].environment);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cuda faults");
  TCase *tcase = tcase_create("cuda faults");
  cuda_use_fakes();
  suite_add(tcase, test_works);
  suite_add(tcase, test_ptx);
  suite_add_loop(tcase, test_failures, 0, FAILURES);
  suite_add_tcase(suite, tcase);
  return suite;
}
