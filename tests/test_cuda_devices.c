/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices of CUDA are listed, how they are described, and what is said of those that are not.
 * The driver is tests/cuda/fake_cuda.c; each test is a child with one of its own. */
#define _DEFAULT_SOURCE /* setenv */

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cuda/session.h"
#include "support/suite.h"

static int find(const char *name, seqmix_device_info *info) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    *info = (seqmix_device_info)SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, info) == SEQMIX_OK && strcmp(info->name, name) == 0) return 1;
  }
  return 0;
}

/* The remark that begins with `cuda: `; "" if there is none. */
static const char *remark(void) {
  static char text[8192];
  for (int32_t i = 0; seqmix_backend_remark(i, text, sizeof text); i++)
    if (strncmp(text, "cuda: ", 6) == 0) return text;
  return "";
}

/* Ends a child's function unless the remark has the words. */
#define EXPECT_REMARK(words)                                                           \
  do {                                                                                 \
    if (!strstr(remark(), words)) {                                                    \
      fprintf(stderr, "the remark lacks '%s': %s\n", (const char *)(words), remark()); \
      return 1;                                                                        \
    }                                                                                  \
  } while (0)

/* ---- none ------------------------------------------------------------------------------------ */

static const char *the_reason;

static int expect_absent(void *environment) {
  seqmix_context *context;
  seqmix_device_info info;
  (void)environment;
  CHILD_EXPECT(!find("cuda:0", &info));
  CHILD_EXPECT(seqmix_context_create(&context, "cuda") == SEQMIX_ERROR_NO_DEVICE);
  CHILD_EXPECT_OK(seqmix_context_create(&context, "auto"));
  CHILD_EXPECT(strcmp(seqmix_context_device(context), "cpu") == 0);
  seqmix_context_destroy(context);
  EXPECT_REMARK(the_reason);
  return 0;
}

static const struct {
  const char *environment, *reason;
} absences[] = {
    {"devices=0", "cuda: there is no device"},
    {"cuDeviceGetCount=100", "there is no device"},
    {"cuDeviceGet=101", "there is no device"},
    {"cuInit=100", "cannot be started: CUDA_ERROR_NO_DEVICE (100)"},
    {"cuInit=803", "cannot be started: an error (803)"},
    {"cuDriverGetVersion=999", "cannot be started"},
    {"driver=11010", "is for CUDA 11.1; it must be for 11.2 or newer"},
    {"capability=70", "'pretended GPU 0' left out: its compute capability is 7.0; it must be 7.5"},
    {"capability=61 cuDeviceGetName=1", "device '' left out"},
    {"cuDeviceGetAttribute=1", "compute capability is 0.0"},
    {"prohibited", "its compute mode prohibits work"},
};
enum { ABSENCES = sizeof absences / sizeof *absences };

START_TEST(test_absent) {
  the_reason = absences[_i].reason;
  cuda_in_child(expect_absent, absences[_i].environment);
}
END_TEST

START_TEST(test_no_driver) {
  setenv("SEQMIX_CUDA", "/nowhere/libcuda.so", 1);
  the_reason = "cuda: no driver: /nowhere/libcuda.so";
  cuda_in_child(expect_absent, "");
  setenv("SEQMIX_CUDA", "libm.so.6", 1);
  the_reason = "cuda: the driver libm.so.6 lacks cuInit";
  cuda_in_child(expect_absent, "");
  cuda_use_fakes();
}
END_TEST

/* ---- some ------------------------------------------------------------------------------------ */

static int expect_one(void *environment) {
  seqmix_device_info info;
  seqmix_context *context;
  (void)environment;
  CHILD_EXPECT(seqmix_device_count() == 3);
  CHILD_EXPECT(find("cuda:0", &info));
  CHILD_EXPECT(strcmp(info.backend, "cuda") == 0 && info.index == 0);
  CHILD_EXPECT(strcmp(info.description, "pretended GPU 0, sm_90") == 0);
  CHILD_EXPECT(info.memory == SEQMIX_MEMORY_CUDA && info.memory_bytes == 1 << 30);
  CHILD_EXPECT(info.compute_units == 132 && info.automatic);
  /* Behind the CPU. */
  CHILD_EXPECT_OK(seqmix_context_create(&context, "auto"));
  CHILD_EXPECT(strcmp(seqmix_context_device(context), "cpu") == 0);
  seqmix_context_destroy(context);
  EXPECT_REMARK("cuda: the driver is for CUDA 13.0\n");
  EXPECT_REMARK("cuda: compiler: NVRTC 13.0, " FAKE_NVRTC_LIBRARY "\n");
  EXPECT_REMARK("cuda: products: by kernels of seqmix, as there is no cuBLAS\n");
  EXPECT_REMARK("cuda: compiled kernels are kept nowhere: ");
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

static int expect_cublas(void *environment) {
  seqmix_device_info info;
  (void)environment;
  CHILD_EXPECT(find("cuda:0", &info));
  CHILD_EXPECT(strcmp(info.description, "pretended GPU 0, sm_75, with cuBLAS") == 0);
  EXPECT_REMARK("cuda: products: " FAKE_CUBLAS_LIBRARY ", opened when it is needed\n");
  return 0;
}

START_TEST(test_one) {
  cuda_in_child(expect_one, "");
  setenv("SEQMIX_CUBLAS", FAKE_CUBLAS_LIBRARY, 1);
  cuda_in_child(expect_cublas, "capability=75");
  cuda_use_fakes();
}
END_TEST

/* A call on tensors that say they lie on CUDA's device `number`. */
static seqmix_status use_memory(seqmix_context *context, int32_t number) {
  cuda_call call;
  seqmix_status status = cuda_call_begin(context, &call);
  for (int i = 0; i < 3; i++) {
    call.tensors[i].memory = SEQMIX_MEMORY_CUDA;
    call.tensors[i].memory_device = number;
  }
  if (!status) status = seqmix_linear_recurrence(context, &call.args);
  cuda_call_end(context, &call);
  return status;
}

/* The second of three is too old: the third is cuda:1 then, and its memory still CUDA's device 2.
 */
static int expect_two(void *environment) {
  seqmix_device_info info;
  seqmix_context *first, *second;
  (void)environment;
  CHILD_EXPECT(find("cuda:0", &info) && info.memory_bytes == UINT64_C(1) << 30);
  CHILD_EXPECT(find("cuda:1", &info) && info.memory_bytes == UINT64_C(3) << 30);
  CHILD_EXPECT(strcmp(info.description, "pretended GPU 2, sm_120") == 0);
  CHILD_EXPECT(!find("cuda:2", &info));
  EXPECT_REMARK("'pretended GPU 1' left out: its compute capability is 6.1");
  CHILD_EXPECT_OK(seqmix_context_create(&first, "cuda:0"));
  CHILD_EXPECT_OK(seqmix_context_create(&second, "cuda:1"));
  CHILD_EXPECT_OK(cuda_session(first));
  CHILD_EXPECT_OK(cuda_session(second));
  CHILD_EXPECT_OK(use_memory(first, 0));
  CHILD_EXPECT_OK(use_memory(second, 2));
  CHILD_EXPECT(use_memory(second, 1) == SEQMIX_ERROR_INVALID_ARGUMENT);
  CHILD_EXPECT(use_memory(first, 2) == SEQMIX_ERROR_INVALID_ARGUMENT);
  seqmix_context_destroy(first);
  CHILD_EXPECT_OK(cuda_session(second));
  seqmix_context_destroy(second);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

START_TEST(test_several) {
  cuda_in_child(expect_two, "devices=3 capability@1=61 capability@2=120");
}
END_TEST

static int expect_remark_cut(void *environment) {
  char text[8];
  int32_t i = 0;
  (void)environment;
  CHILD_EXPECT(!seqmix_backend_remark(-1, text, sizeof text));
  CHILD_EXPECT(!seqmix_backend_remark(0, NULL, sizeof text));
  CHILD_EXPECT(!seqmix_backend_remark(0, text, 0));
  for (; seqmix_backend_remark(i, text, sizeof text); i++) CHILD_EXPECT(strlen(text) < sizeof text);
  CHILD_EXPECT(i >= 3);
  CHILD_EXPECT(!seqmix_backend_remark(i + 1, text, sizeof text));
  return 0;
}

START_TEST(test_remark) { cuda_in_child(expect_remark_cut, ""); }
END_TEST

/* ---- forks ----------------------------------------------------------------------------------- */

static int child_of(seqmix_context *context) {
  seqmix_context *fresh;
  pid_t child = fork();
  if (child == 0) {
    int is_refused = cuda_session(context) == SEQMIX_ERROR_DEVICE &&
                     strstr(seqmix_last_error(), "forked") &&
                     seqmix_context_create(&fresh, "cuda:0") == SEQMIX_ERROR_DEVICE &&
                     seqmix_context_create(&fresh, "cpu") == SEQMIX_OK;
    _exit(is_refused ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status;
}

static int fork_with_context(void *environment) {
  seqmix_context *context;
  (void)environment;
  CHILD_EXPECT_OK(seqmix_context_create(&context, "cuda:0"));
  CHILD_EXPECT_OK(cuda_session(context));
  CHILD_EXPECT(child_of(context) == 0);
  CHILD_EXPECT_OK(cuda_session(context));
  seqmix_context_destroy(context);
  return 0;
}

START_TEST(test_fork) { cuda_in_child(fork_with_context, ""); }
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cuda devices");
  TCase *tcase = tcase_create("cuda devices");
  cuda_use_fakes();
  suite_add_loop(tcase, test_absent, 0, ABSENCES);
  suite_add(tcase, test_no_driver);
  suite_add(tcase, test_one);
  suite_add(tcase, test_several);
  suite_add(tcase, test_remark);
  suite_add(tcase, test_fork);
  suite_add_tcase(suite, tcase);
  return suite;
}
