/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator itself: kernels that are right come out right, and each kind of mistake is found and
 * named, with its kernel and line. */
#define _DEFAULT_SOURCE /* setenv */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "support/suite.h"

#define KERNEL "extern \"C\" __global__ __launch_bounds__(128, 1) void test(int *data) {\n"

/* Runs a text with several seeds: it must give `expected`, `count` numbers. */
static void expect_numbers(const char *text, unsigned threads, const int *expected, int count) {
  for (int seed = 1; seed <= 6; seed++) {
    int data[256] = {0};
    char number[16];
    snprintf(number, sizeof number, "%d", seed);
    setenv("EMULATOR_SEED", number, 1);
    session_said();
    CUresult status = session_try(text, threads, data, sizeof data);
    ck_assert_msg(status == CUDA_SUCCESS, "%s", session_said());
    for (int i = 0; i < count; i++) ck_assert_int_eq(data[i], expected[i]);
  }
}

/* ---- what is right --------------------------------------------------------------------------- */

START_TEST(test_threads_meet) {
  int expected[128];
  for (int i = 0; i < 128; i++) expected[i] = 127 - i + 1000 * 64 + (i == 5) * 100000;
  expect_numbers(KERNEL
                 "  int *local = (int *)emulator_local_block(128 * 4);\n"
                 "  int i = threadIdx.x;\n"
                 "  local[i] = i;\n"
                 "  __syncthreads();\n"
                 "  int other = local[127 - i];\n"
                 "  int even = __syncthreads_count(i % 2 == 0);\n"
                 "  int any = __syncthreads_or(i == 5), all = __syncthreads_and(i < 128);\n"
                 "  data[i] = other + 1000 * even + (i == 5 && any && all) * 100000;\n"
                 "}\n",
                 128, expected, 128);
}
END_TEST

START_TEST(test_lanes_meet) {
  int expected[64];
  for (int i = 0; i < 64; i++) {
    int lane = i % 32, warp = i / 32;
    int up = lane >= 3 ? lane - 3 : lane, down = lane % 8 < 6 ? lane + 2 : lane;
    expected[i] = (lane ^ 5) + 100 * up + 10000 * down + 1000000 * (warp * 32 == i ? 1 : 0);
  }
  expect_numbers(
      "extern \"C\" __global__ void test(int *data) {\n"
      "  int i = threadIdx.x, lane = i % 32;\n"
      "  int a = __shfl_xor_sync(0xffffffffu, lane, 5);\n"
      "  int b = __shfl_up_sync(0xffffffffu, lane, 3);\n"
      "  int c = __shfl_down_sync(0xffffffffu, lane, 2, 8);\n"
      "  double d = __shfl_sync(0xffffffffu, (double)lane, 40);\n"
      "  int first = __ballot_sync(0xffffffffu, lane == 7) == 1u << 7 && d == 8.0 &&\n"
      "              __any_sync(0xffffffffu, lane == 9) &&\n"
      "              !__all_sync(0xffffffffu, lane < 31);\n"
      "  data[i] = a + 100 * b + 10000 * c + 1000000 * (first && lane == 0);\n"
      "}\n",
      64, expected, 64);
}
END_TEST

START_TEST(test_atomics) {
  int expected[6] = {96, 95, -95, 0x60, 3, 5};
  expect_numbers(
      "extern \"C\" __global__ void test(int *data) {\n"
      "  int i = threadIdx.x;\n"
      "  atomicAdd(&data[0], 1);\n"
      "  atomicMax(&data[1], i);\n"
      "  atomicMin(&data[2], -i);\n"
      "  atomicOr((unsigned *)&data[3], i & 0x60u);\n"
      "  atomicAdd((float *)&data[8], 0.5f);\n"
      "  if (i == 0) { atomicExch(&data[4], 3); atomicCAS(&data[5], 0, 5); }\n"
      "  if (i == 1) atomicCAS(&data[5], 1, 7);\n"
      "}\n",
      96, expected, 6);
}
END_TEST

/* ---- what is wrong --------------------------------------------------------------------------- */

typedef struct mistake {
  const char *name, *text;
  unsigned threads;
  int needs_observing;
  const char *says[3];
} mistake;

static const mistake mistakes[] = {
    {"exit before a barrier",
     KERNEL "  if (threadIdx.x == 9) return;\n  __syncthreads();\n  data[0] = 1;\n}\n",
     64,
     0,
     {"kernel test: ", "thread 9 of block 0 has left", "the barrier at kernels/test.cu:3"}},
    {"divergent barriers",
     KERNEL "  if (threadIdx.x < 32) {\n    __syncthreads();\n  } else {\n    __syncthreads();\n  "
            "}\n}\n",
     64,
     0,
     {"different barriers", "kernels/test.cu:3", "kernels/test.cu:5"}},
    {"a lane that is missing",
     KERNEL "  if (threadIdx.x == 3) return;\n"
            "  data[0] = __shfl_xor_sync(0xffffffffu, 1, 1);\n}\n",
     32,
     0,
     {"a shuffle", "kernels/test.cu:3", "thread 3"}},
    {"lanes that nobody has",
     KERNEL "  data[0] = __shfl_xor_sync(0xffffffffu, 1, 1);\n}\n",
     48,
     0,
     {"is missing", "a shuffle at kernels/test.cu:2", "no thread 48"}},
    {"lanes that wait elsewhere",
     KERNEL "  if (threadIdx.x % 2) __syncwarp(); else __syncthreads();\n}\n",
     32,
     0,
     {"wait for each other", "kernels/test.cu:2", ""}},
    {"writing behind memory",
     KERNEL "  data[256] = 1;\n}\n",
     1,
     0,
     {"kernel test: ", "writes 4 bytes out of bounds", "kernels/test.cu:2"}},
    {"writing behind shared memory",
     KERNEL "  float *local = emulator_local_block(64);\n  local[threadIdx.x] = 1.0f;\n}\n",
     17,
     0,
     {"thread 16 of block 0", "writes 4 bytes out of bounds", "kernels/test.cu:3"}},
    {"too much shared memory",
     KERNEL "  emulator_local_block(50000);\n}\n",
     1,
     0,
     {"takes 50000 bytes of shared memory", "49152", "kernels/test.cu:2"}},
    {"reading behind memory",
     KERNEL "  data[0] = data[256 + threadIdx.x];\n}\n",
     1,
     1,
     {"reads 4 bytes", "out of bounds", "kernels/test.cu:2"}},
    {"writing where nothing is",
     KERNEL "  *(int *)((char *)data + (1ll << 40)) = 1;\n}\n",
     1,
     1,
     {"writes 4 bytes", "out of bounds", "kernels/test.cu:2"}},
    {"what is not aligned",
     "struct __align__(16) four { float at[4]; };\n" KERNEL
     "  four all = *(four *)(data + 1);\n  *(four *)(data + 8) = all;\n}\n",
     1,
     1,
     {"not aligned", "kernels/test.cu:3", ""}},
    {"an index out of an array",
     KERNEL "  int own[4] = {1, 2, 3, 4};\n  data[0] = own[threadIdx.x + data[5]];\n}\n",
     5,
     1,
     {"element 4", "out of an array's bounds", "kernels/test.cu:3"}},
    {"a matrix that is not aligned",
     KERNEL "  unsigned parts[4];\n"
            "  load_matrices(parts, (char *)emulator_local_block(4096) + 8);\n}\n",
     32,
     0,
     {"not aligned to 16 bytes", "kernels/test.cu:3", ""}},
    {"a matrix elsewhere",
     KERNEL "  unsigned parts[4];\n  load_matrices(parts, data);\n}\n",
     32,
     0,
     {"not in shared memory", "kernels/test.cu:3", ""}},
    {"a copy from nowhere",
     KERNEL "  start_copy_16(emulator_local_block(64), data + 256, 1);\n}\n",
     1,
     0,
     {"from out of bounds", "kernels/test.cu:2", ""}},
};
enum { MISTAKES = sizeof mistakes / sizeof *mistakes };

/* Of writes that nobody observed red zones tell once the kernel is over: no line, but where. */
static const struct {
  const char *name, *says[3];
} told_late[] = {
    {"writing behind memory",
     {"kernel test: ", "of 1024 bytes is written out of bounds", "at its byte 1024"}},
    {"writing behind shared memory",
     {"kernel test: ", "writes out of its 64 bytes of shared memory", "at byte 64"}},
};

static const char *const *said_of(const mistake *m, int is_observed) {
  for (size_t i = 0; i < sizeof told_late / sizeof *told_late; i++)
    if (!is_observed && strcmp(told_late[i].name, m->name) == 0) return told_late[i].says;
  return m->says;
}

static void expect_mistake(const mistake *m, int is_observed) {
  int data[256] = {0};
  session_said();
  CUresult status = session_try(m->text, m->threads, data, sizeof data);
  const char *said = session_said();
  ck_assert_msg(status == CUDA_ERROR_ILLEGAL_ADDRESS, "%s: passes", m->name);
  const char *const *says = said_of(m, is_observed);
  for (int i = 0; i < 3; i++)
    ck_assert_msg(strstr(said, says[i]) != NULL, "%s: \"%s\" is not in %s", m->name, says[i], said);
}

START_TEST(test_mistakes) {
  const mistake *m = &mistakes[_i];
  for (int observed = m->needs_observing; observed < 2; observed++) {
    setenv("EMULATOR_OBSERVE", observed ? "1" : "0", 1);
    expect_mistake(m, observed);
  }
  setenv("EMULATOR_OBSERVE", "0", 1);
}
END_TEST

START_TEST(test_compiler_complains) {
  session s;
  session_begin(&s, 0);
  ck_assert_int_eq(session_compile(&s, "\n" KERNEL "  nothing;\n}\n"), NVRTC_ERROR_COMPILATION);
  ck_assert_msg(strstr(s.log, "kernels/test.cu:3") != NULL, "%s", s.log);
  session_end(&s);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cuda emulator");
  TCase *tcase = tcase_create("cuda emulator");
  tcase_set_timeout(tcase, 300);
  suite_add(tcase, test_threads_meet);
  suite_add(tcase, test_lanes_meet);
  suite_add(tcase, test_atomics);
  suite_add_loop(tcase, test_mistakes, 0, MISTAKES);
  suite_add(tcase, test_compiler_complains);
  suite_add_tcase(suite, tcase);
  return suite;
}
