/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers that fail, at every call there is: a status, a sentence, and a context that goes on or is
 * cleanly gone. The driver is tests/opencl/fake.c; each test is a child with one of its own. */
#define _DEFAULT_SOURCE /* setenv, mkdtemp */

#include <seqmix/seqmix.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame/child.h"
#include "support/suite.h"

enum { ELEMENTS = 64, OUT_OF_RESOURCES = -5, BUILD_FAILURE = -11 };

typedef struct recurrence {
  void *memory[3];
  seqmix_tensor tensors[3];
  seqmix_linear_recurrence_args args;
} recurrence;

static seqmix_status start(seqmix_context *context, recurrence *r) {
  r->args = (seqmix_linear_recurrence_args)SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  memset(r->memory, 0, sizeof r->memory);
  for (int i = 0; i < 3; i++) {
    seqmix_status status = seqmix_buffer_allocate(context, ELEMENTS * sizeof(float), &r->memory[i]);
    if (status) return status;
    r->tensors[i] = seqmix_tensor_3d(r->memory[i], SEQMIX_F32, 1, ELEMENTS / 4, 4);
  }
  r->args.a = &r->tensors[0];
  r->args.b = &r->tensors[1];
  r->args.out = &r->tensors[2];
  return SEQMIX_OK;
}

static void end(seqmix_context *context, recurrence *r) {
  for (int i = 0; i < 3; i++) seqmix_buffer_free(context, r->memory[i]);
}

/* A whole session; the first status that is not OK. */
static seqmix_status session(seqmix_context *context) {
  recurrence r;
  float host[ELEMENTS] = {0};
  seqmix_status status = start(context, &r);
  if (!status) status = seqmix_buffer_upload(context, r.memory[0], 0, host, sizeof host);
  if (!status) status = seqmix_linear_recurrence(context, &r.args);
  if (!status) status = seqmix_synchronize(context);
  if (!status) status = seqmix_buffer_download(context, r.memory[2], 0, host, sizeof host);
  end(context, &r);
  return status;
}

/* ---- children ---------------------------------------------------------------------------------
 */

static int32_t index_of(const char *name, seqmix_device_info *info) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    *info = (seqmix_device_info)SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, info) == SEQMIX_OK && strcmp(info->name, name) == 0) return i;
  }
  return -1;
}

static int run_with(void *environment) {
  seqmix_context *context;
  setenv("FAKE_OPENCL", environment, 1);
  CHILD_EXPECT_OK(seqmix_context_create(&context, "opencl:0"));
  CHILD_EXPECT_OK(session(context));
  CHILD_EXPECT_OK(session(context));
  seqmix_context_destroy(context);
  return 0;
}

static int expect_absent(void *environment) {
  seqmix_context *context;
  seqmix_device_info info;
  setenv("FAKE_OPENCL", environment, 1);
  CHILD_EXPECT(index_of("opencl:0", &info) == -1);
  CHILD_EXPECT(seqmix_context_create(&context, "opencl") == SEQMIX_ERROR_NO_DEVICE);
  CHILD_EXPECT_OK(seqmix_context_create(&context, "auto"));
  CHILD_EXPECT(strcmp(seqmix_context_device(context), "cpu") == 0);
  seqmix_context_destroy(context);
  return 0;
}

static int expect_automatic(void *environment) {
  seqmix_context *context;
  seqmix_device_info info;
  setenv("FAKE_OPENCL", environment, 1);
  int is_gpu = strstr(environment, "cpu") == NULL;
  CHILD_EXPECT(index_of("opencl:0", &info) == (is_gpu ? 1 : 2));
  CHILD_EXPECT(info.automatic == is_gpu);
  CHILD_EXPECT(info.memory == SEQMIX_MEMORY_OPENCL);
  CHILD_EXPECT(strncmp(info.description, "pretended device", 16) == 0);
  CHILD_EXPECT_OK(seqmix_context_create(&context, "auto"));
  CHILD_EXPECT(strcmp(seqmix_context_device(context), "cpu") == 0);
  seqmix_context_destroy(context);
  return 0;
}

/* A function that fails at its n-th call, with what then comes out. */
typedef struct failure {
  const char *environment;
  seqmix_status status;
  const char *word; /* of the sentence */
} failure;

/* The session fails; a second one of the same context then works, as does a new context. */
static int expect_failure(void *argument) {
  const failure *f = argument;
  seqmix_context *context;
  setenv("FAKE_OPENCL", f->environment, 1);
  seqmix_status status = seqmix_context_create(&context, "opencl:0");
  int is_open = status == SEQMIX_OK;
  if (is_open) status = session(context);
  if (status != f->status || !strstr(seqmix_last_error(), f->word)) {
    fprintf(stderr, "%s: %s: %s\n", f->environment, seqmix_status_name(status),
            seqmix_last_error());
    return 1;
  }
  setenv("FAKE_OPENCL", "", 1);
  if (is_open) {
    CHILD_EXPECT_OK(session(context));
    seqmix_context_destroy(context);
  } else {
    CHILD_EXPECT(context == NULL);
  }
  CHILD_EXPECT_OK(seqmix_context_create(&context, "opencl:0"));
  CHILD_EXPECT_OK(session(context));
  seqmix_context_destroy(context);
  return 0;
}

/* The device is listed, and then is gone: it is refused by name, the others go on, and so does it
 * if it comes back. */
static int expect_vanished(void *environment) {
  seqmix_context *context, *other;
  seqmix_device_info info;
  setenv("FAKE_OPENCL", "", 1);
  CHILD_EXPECT(index_of("opencl:0", &info) >= 0);
  setenv("FAKE_OPENCL", environment, 1);
  CHILD_EXPECT(seqmix_context_create(&context, "opencl:0") == SEQMIX_ERROR_DEVICE);
  CHILD_EXPECT(context == NULL);
  CHILD_EXPECT_OK(seqmix_context_create(&other, "cpu"));
  seqmix_context_destroy(other);
  setenv("FAKE_OPENCL", "", 1);
  CHILD_EXPECT_OK(seqmix_context_create(&context, "opencl:0"));
  CHILD_EXPECT_OK(session(context));
  seqmix_context_destroy(context);
  return 0;
}

static void in_child(int (*function)(void *), const void *argument) {
  static child_result result;
  static char copy[256];
  /* Children take what they are given, whose type is their own. */
  memcpy(copy, argument, sizeof(failure));
  child_run(&result, function, copy);
  ck_assert_msg(result.code == 0, "child ended with %d: %s", result.code, result.text);
}

static void in_child_with(int (*function)(void *), const char *environment) {
  static child_result result;
  static char copy[256];
  snprintf(copy, sizeof copy, "%s", environment);
  child_run(&result, function, copy);
  ck_assert_msg(result.code == 0, "%s: child ended with %d: %s", environment, result.code,
                result.text);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

START_TEST(test_works) {
  in_child_with(run_with, "");
  in_child_with(run_with, "cpu");
}
END_TEST

START_TEST(test_absent) {
  static const char *const none[] = {"none", "old", "without-compiler", "clGetPlatformIDs=-1001",
                                     "clGetDeviceIDs=-30"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) in_child_with(expect_absent, none[i]);
  setenv("SEQMIX_OPENCL", "/nowhere/libOpenCL.so", 1);
  in_child_with(expect_absent, "");
  /* A library that lacks the functions. */
  setenv("SEQMIX_OPENCL", "libm.so.6", 1);
  in_child_with(expect_absent, "");
  setenv("SEQMIX_OPENCL", FAKE_LIBRARY, 1);
}
END_TEST

START_TEST(test_automatic) {
  in_child_with(expect_automatic, "");
  in_child_with(expect_automatic, "cpu");
}
END_TEST

START_TEST(test_vanished) {
  in_child_with(expect_vanished, "clCreateContext=-2");
  in_child_with(expect_vanished, "clCreateContext=-33 clGetDeviceInfo=-33 clGetDeviceIDs=-1");
}
END_TEST

static const failure failures[] = {
    {"clCreateContext=-6", SEQMIX_ERROR_OUT_OF_MEMORY, "clCreateContext"},
    {"clCreateContext=-2", SEQMIX_ERROR_DEVICE, "clCreateContext"},
    {"clCreateCommandQueue=-5", SEQMIX_ERROR_DEVICE, "clCreateCommandQueue"},
    /* Buffers: that of faults, three tensors. */
    {"clCreateBuffer@1=-4", SEQMIX_ERROR_OUT_OF_MEMORY, "clCreateBuffer"},
    {"clCreateBuffer@2=-4", SEQMIX_ERROR_OUT_OF_MEMORY, "clCreateBuffer"},
    {"clCreateBuffer@3=-5", SEQMIX_ERROR_OUT_OF_MEMORY, "clCreateBuffer"},
    {"clCreateBuffer@4=-61", SEQMIX_ERROR_OUT_OF_MEMORY, "clCreateBuffer"},
    {"clEnqueueWriteBuffer@1=-5", SEQMIX_ERROR_DEVICE, "clEnqueueWriteBuffer"},
    {"clEnqueueWriteBuffer@2=-5", SEQMIX_ERROR_DEVICE, "clEnqueueWriteBuffer"},
    {"clEnqueueReadBuffer@1=-36", SEQMIX_ERROR_DEVICE, "clEnqueueReadBuffer"},
    {"clEnqueueReadBuffer@2=-36", SEQMIX_ERROR_DEVICE, "clEnqueueReadBuffer"},
    {"clCreateProgramWithSource=-6", SEQMIX_ERROR_OUT_OF_MEMORY, "clCreateProgramWithSource"},
    {"clBuildProgram=-11", SEQMIX_ERROR_DEVICE, "the compiler's words"},
    {"clBuildProgram=-11 clGetProgramBuildInfo=-30", SEQMIX_ERROR_DEVICE, "do not compile"},
    {"clCreateKernel=-46", SEQMIX_ERROR_DEVICE, "clCreateKernel"},
    {"clSetKernelArg@3=-51", SEQMIX_ERROR_DEVICE, "clSetKernelArg"},
    {"clEnqueueNDRangeKernel=-5", SEQMIX_ERROR_DEVICE, "clEnqueueNDRangeKernel"},
    {"clEnqueueNDRangeKernel=-4", SEQMIX_ERROR_OUT_OF_MEMORY, "clEnqueueNDRangeKernel"},
    {"clFlush=-36", SEQMIX_ERROR_DEVICE, "clFlush"},
    {"clFinish=-36", SEQMIX_ERROR_DEVICE, "clFinish"},
    /* A device that is lost while it works, or has run out of something; one that has gone since it
     * was listed. */
    {"clFinish=-2", SEQMIX_ERROR_DEVICE, "clFinish"},
    {"clFinish=-5", SEQMIX_ERROR_DEVICE, "clFinish"},
    {"clEnqueueNDRangeKernel=-2 clFinish=-2", SEQMIX_ERROR_DEVICE, "clEnqueueNDRangeKernel"},
    {"clCreateContext=-33", SEQMIX_ERROR_DEVICE, "clCreateContext"},
};
enum { FAILURES = sizeof failures / sizeof *failures };

START_TEST(test_failures) { in_child(expect_failure, &failures[_i]); }
END_TEST

/* ---- queues -----------------------------------------------------------------------------------
 */

static int expect_queue(void *environment) {
  static char other;
  seqmix_context *own, *context;
  seqmix_context_options options = SEQMIX_CONTEXT_OPTIONS_INIT;
  setenv("FAKE_OPENCL", environment, 1);
  CHILD_EXPECT_OK(seqmix_context_create(&own, "opencl:0"));
  options.device = "opencl:0";
  options.queue = &other;
  CHILD_EXPECT(seqmix_context_create_with_options(&context, &options) ==
               SEQMIX_ERROR_INVALID_ARGUMENT);
  CHILD_EXPECT(strstr(seqmix_last_error(), "queue is of another device") != NULL);
  CHILD_EXPECT(context == NULL);
  seqmix_context_destroy(own);
  return 0;
}

START_TEST(test_queue_of_another_device) { in_child_with(expect_queue, ""); }
END_TEST

/* ---- the kernel cache -------------------------------------------------------------------------
 */

/* How often a session of a new process compiles. */
static int count_builds(void *environment) {
  setenv("SEQMIX_LOG", "info", 1);
  return run_with(environment);
}

static int compiled(const char *environment) {
  static child_result result;
  static char copy[256];
  snprintf(copy, sizeof copy, "%s", environment);
  child_run(&result, count_builds, copy);
  ck_assert_msg(result.code == 0, "%s: child ended with %d: %s", environment, result.code,
                result.text);
  return strstr(result.text, "compiled in") != NULL;
}

START_TEST(test_cache) {
  char folder[] = "/tmp/seqmix-opencl-test-XXXXXX", command[128];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  setenv("SEQMIX_CACHE_DIR", folder, 1);
  ck_assert_int_eq(compiled(""), 1);
  ck_assert_int_eq(compiled(""), 0);
  /* Another device's entry is none of this one's; what a driver refuses is compiled anew. */
  ck_assert_int_eq(compiled("refuse-binary"), 1);
  ck_assert_int_eq(compiled(""), 0);
  ck_assert_int_eq(compiled("clCreateProgramWithBinary=-42"), 1);
  /* Damaged: compiled anew and put right. */
  snprintf(command, sizeof command, "for f in %s/*; do echo damage > $f; done", folder);
  ck_assert_int_eq(system(command), 0);
  ck_assert_int_eq(compiled(""), 1);
  ck_assert_int_eq(compiled(""), 0);
  /* Without a binary to have, everything works and nothing is kept. */
  snprintf(command, sizeof command, "rm %s/*", folder);
  ck_assert_int_eq(system(command), 0);
  ck_assert_int_eq(compiled("clGetProgramInfo=-30"), 1);
  ck_assert_int_eq(compiled(""), 1);
  snprintf(command, sizeof command, "rm -r %s", folder);
  ck_assert_int_eq(system(command), 0);
  ck_assert_int_eq(compiled(""), 1);
  ck_assert_int_eq(system(command), 0);
  setenv("SEQMIX_CACHE_DIR", "", 1);
  ck_assert_int_eq(compiled(""), 1);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("opencl faults");
  TCase *tcase = tcase_create("opencl faults");
  setenv("SEQMIX_OPENCL", FAKE_LIBRARY, 1);
  setenv("SEQMIX_CACHE_DIR", "", 1);
  unsetenv("SEQMIX_DEVICE");
  suite_add(tcase, test_works);
  suite_add(tcase, test_absent);
  suite_add(tcase, test_automatic);
  suite_add(tcase, test_vanished);
  suite_add_loop(tcase, test_failures, 0, FAILURES);
  suite_add(tcase, test_queue_of_another_device);
  suite_add(tcase, test_cache);
  suite_add_tcase(suite, tcase);
  return suite;
}
