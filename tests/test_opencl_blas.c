/* SPDX-License-Identifier: Apache-2.0 */
/* CLBlast that is there, is not, belongs to another OpenCL, or fails: attention that would use it
 * works all the same. Driver and library are tests/opencl/fake.c; each test is a child. */
#define _DEFAULT_SOURCE /* setenv */

#include <seqmix/seqmix.h>
#include <stdlib.h>
#include <string.h>

#include "frame/child.h"
#include "support/suite.h"

/* Of attention with 2 heads, each wider than tiles are made for. */
enum { TOKENS = 96, HEADS = 2, DIM = 320, ELEMENTS = TOKENS * HEADS * DIM };

static seqmix_status attend(seqmix_context *context) {
  void *memory[4] = {0};
  seqmix_tensor tensors[4];
  seqmix_status status = SEQMIX_OK;
  for (int i = 0; i < 4 && !status; i++) {
    status = seqmix_buffer_allocate(context, ELEMENTS * sizeof(float), &memory[i]);
    tensors[i] = seqmix_tensor_4d(memory[i], SEQMIX_F32, 1, TOKENS, HEADS, DIM);
  }
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  args.q = &tensors[0];
  args.k = &tensors[1];
  args.v = &tensors[2];
  args.out = &tensors[3];
  if (!status) status = seqmix_attention(context, &args);
  if (!status) status = seqmix_synchronize(context);
  for (int i = 0; i < 4; i++) seqmix_buffer_free(context, memory[i]);
  return status;
}

/* What a child is to find: the library, or a call that fails. */
typedef struct expectation {
  const char *library; /* SEQMIX_CLBLAST; "" for the machine's own */
  const char *fails;   /* FAKE_OPENCL */
  seqmix_status status;
  int is_there;
  int products; /* that are asked for by two contexts, with two calls each */
  const char *says;
} expectation;

static int describes_clblast(void) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) == SEQMIX_OK && strcmp(info.name, "opencl:0") == 0)
      return strstr(info.description, "with CLBlast") != NULL;
  }
  return 0;
}

static int run(void *argument) {
  const expectation *e = argument;
  seqmix_context *contexts[2];
  setenv("SEQMIX_CLBLAST", e->library, 1);
  setenv("FAKE_OPENCL", e->fails, 1);
  setenv("SEQMIX_LOG", "info", 1);
  CHILD_EXPECT(describes_clblast() == e->is_there);
  for (int i = 0; i < 2; i++) {
    CHILD_EXPECT_OK(seqmix_context_create(&contexts[i], "opencl:0"));
    CHILD_EXPECT(attend(contexts[i]) == e->status);
    CHILD_EXPECT(strstr(seqmix_context_chosen_variant(contexts[i]),
                        e->is_there ? "cl_gemm" : "cl_unfused") != NULL);
    CHILD_EXPECT(attend(contexts[i]) == e->status);
    seqmix_status forced = seqmix_context_set_variant(contexts[i], "attention__any_cl_gemm");
    CHILD_EXPECT(forced == (e->is_there ? SEQMIX_OK : SEQMIX_ERROR_INVALID_ARGUMENT));
  }
  for (int i = 0; i < 2; i++) seqmix_context_destroy(contexts[i]);
  return 0;
}

static int count(const char *text, const char *part) {
  int found = 0;
  for (; (text = strstr(text, part)) != NULL; text++) found++;
  return found;
}

static void expect(const expectation *e) {
  static child_result result;
  static expectation copy;
  copy = *e;
  child_run(&result, run, &copy);
  ck_assert_msg(result.code == 0, "%s, %s: child ended with %d: %s", e->library, e->fails,
                result.code, result.text);
  ck_assert_msg(strstr(result.text, e->says) != NULL, "%s, %s: it does not say '%s': %s",
                e->library, e->fails, e->says, result.text);
  ck_assert_msg(count(result.text, "fake: 2 products") == e->products, "%s, %s: not %d: %s",
                e->library, e->fails, e->products, result.text);
  /* Programs of a context are given back with the last that has some. */
  ck_assert_msg(count(result.text, "fake: forgets") == (e->products > 0), "%s", result.text);
}

static const expectation expectations[] = {
    {FAKE_LIBRARY, "", SEQMIX_OK, 1, 8, "[96, 320] by [320, 96]"},
    {"/nowhere/libclblast.so", "", SEQMIX_OK, 0, 0, ""},
    /* Has none of its functions. */
    {"libm.so.6", "", SEQMIX_OK, 0, 0, "it lacks a function"},
    /* That of the machine, if there is one, works on the machine's OpenCL. */
    {"", "", SEQMIX_OK, 0, 0, ""},
    /* A library that fails is not asked again. */
    {FAKE_LIBRARY, "CLBlastSgemmStridedBatched=-11", SEQMIX_OK, 1, 2,
     "warning: attention: products without a library from here on: opencl: "
     "CLBlastSgemmStridedBatched: BUILD_PROGRAM_FAILURE"},
    {FAKE_LIBRARY, "CLBlastSgemmStridedBatched@2=-4", SEQMIX_OK, 1, 6, "ALLOCATION_FAILURE"},
    {FAKE_LIBRARY, "CLBlastSgemmStridedBatched=-2039", SEQMIX_OK, 1, 2, "(-2039)"},
    /* The device itself fails: no reason to blame the library. */
    {FAKE_LIBRARY, "clEnqueueNDRangeKernel=-5", SEQMIX_ERROR_DEVICE, 1, 0, "OUT_OF_RESOURCES"},
};
enum { EXPECTATIONS = sizeof expectations / sizeof *expectations };

START_TEST(test_library) { expect(&expectations[_i]); }
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("opencl blas");
  TCase *tcase = tcase_create("opencl blas");
  setenv("SEQMIX_OPENCL", FAKE_LIBRARY, 1);
  setenv("SEQMIX_CACHE_DIR", "", 1);
  unsetenv("SEQMIX_DEVICE");
  suite_add_loop(tcase, test_library, 0, EXPECTATIONS);
  suite_add_tcase(suite, tcase);
  return suite;
}
