/* SPDX-License-Identifier: Apache-2.0 */
/* Products by cuBLAS: what it is asked for, against products counted out here; and libraries that
 * are not there, are no cuBLAS, or fail. The stand-ins are tests/cuda/fake_*.c. */
#define _DEFAULT_SOURCE /* setenv */

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "cuda/cuda.h"
#include "cuda/session.h"
#include "seqmix/backend.h"
#include "support/suite.h"

/* ---- the algebra ----------------------------------------------------------------------------- */

enum { ROOM = 4000 };

typedef struct sizes {
  int64_t count, rows, columns, inner;
  int64_t gap; /* beyond each row's end, and each matrix's */
  int b_is_transposed, is_added;
} sizes;

static const sizes cases[] = {
    {1, 1, 1, 1, 0, 0, 0}, {1, 3, 5, 7, 0, 0, 0}, {1, 3, 5, 7, 0, 1, 0}, {1, 3, 5, 7, 0, 0, 1},
    {1, 3, 5, 7, 0, 1, 1}, {4, 7, 2, 3, 2, 0, 0}, {4, 7, 2, 3, 2, 1, 0}, {4, 2, 7, 3, 1, 0, 1},
    {3, 1, 9, 2, 3, 1, 1}, {3, 9, 1, 2, 1, 1, 0},
};
enum { CASES = sizeof cases / sizeof *cases };

static gpu_matrices matrices(float *memory, int64_t first, int64_t rows, int64_t columns,
                             int64_t gap) {
  return (gpu_matrices){memory, first, columns + gap, rows * (columns + gap) + gap};
}

static float element(const gpu_matrices *m, int64_t i, int64_t row, int64_t column) {
  return ((const float *)m->memory)[m->first + i * m->next + row * m->row + column];
}

static float expected(const gpu_product *p, const gpu_matrices *before, int64_t i, int64_t row,
                      int64_t column) {
  float sum = 0;
  for (int64_t j = 0; j < p->inner; j++)
    sum += element(&p->a, i, row, j) *
           (p->b_is_transposed ? element(&p->b, i, column, j) : element(&p->b, i, j, column));
  return p->factor * sum + (p->is_added ? element(before, i, row, column) : 0);
}

/* Small whole numbers, so that sums are exact; `before` has the memory as it was. */
static int check_product(gpu_device *device, const sizes *s, float *memory, float *before) {
  for (int i = 0; i < ROOM; i++) before[i] = memory[i] = (float)((i * 7 + 3) % 11 - 5);
  gpu_product p = {
      .count = s->count,
      .rows = s->rows,
      .columns = s->columns,
      .inner = s->inner,
      .a = matrices(memory, 5, s->rows, s->inner, s->gap),
      .b = s->b_is_transposed ? matrices(memory, 1000, s->columns, s->inner, s->gap)
                              : matrices(memory, 1000, s->inner, s->columns, s->gap),
      .c = matrices(memory, 2000, s->rows, s->columns, s->gap),
      .factor = 0.5f,
      .b_is_transposed = s->b_is_transposed,
      .is_added = s->is_added,
  };
  CHILD_EXPECT_OK(seqmix_cuda_multiply(device, &p));
  gpu_matrices was = p.c;
  was.memory = before;
  int64_t written = 0;
  for (int64_t i = 0; i < p.count; i++)
    for (int64_t row = 0; row < p.rows; row++)
      for (int64_t column = 0; column < p.columns; column++) {
        float *at = memory + p.c.first + i * p.c.next + row * p.c.row + column;
        CHILD_EXPECT(*at == expected(&p, &was, i, row, column));
        before[at - memory] = *at;
        written++;
      }
  CHILD_EXPECT(written == p.count * p.rows * p.columns);
  CHILD_EXPECT(memcmp(memory, before, ROOM * sizeof *memory) == 0);
  return 0;
}

static int multiply_all(void *environment) {
  gpu_device *device = NULL;
  void *memory = NULL;
  static float before[ROOM];
  (void)environment;
  CHILD_EXPECT(seqmix_cuda_device_count() == 1);
  CHILD_EXPECT_OK(seqmix_cuda_open(0, NULL, &device));
  CHILD_EXPECT_OK(seqmix_cuda_allocate(device, ROOM * sizeof(float), &memory));
  for (int i = 0; i < CASES; i++)
    if (check_product(device, &cases[i], memory, before)) return 1;
  /* One handle and one workspace, however many products. */
  CHILD_EXPECT(cuda_counts().allocations == 2);
  gpu_product large = {.count = 1, .rows = INT64_C(1) << 31, .columns = 1, .inner = 1};
  CHILD_EXPECT(seqmix_cuda_multiply(device, &large) == SEQMIX_ERROR_UNSUPPORTED);
  seqmix_cuda_free(device, memory);
  seqmix_cuda_close(device);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

START_TEST(test_products) {
  setenv("SEQMIX_CUBLAS", FAKE_CUBLAS_LIBRARY, 1);
  cuda_in_child(multiply_all, "");
  cuda_in_child(multiply_all, "capability=75 without-pools");
}
END_TEST

/* ---- attention ------------------------------------------------------------------------------- */

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
  const char *library; /* SEQMIX_CUBLAS */
  const char *fails;   /* FAKE_CUDA */
  seqmix_status status;
  int is_there;
  int products; /* that are asked for by two contexts, with two calls each */
  const char *says;
} expectation;

static const expectation *the_expectation;

static int attend_in_two(void *environment) {
  const expectation *e = the_expectation;
  seqmix_context *contexts[2];
  (void)environment;
  setenv("SEQMIX_LOG", "info", 1);
  for (int i = 0; i < 2; i++) {
    CHILD_EXPECT_OK(seqmix_context_create(&contexts[i], "cuda:0"));
    CHILD_EXPECT(attend(contexts[i]) == e->status);
    CHILD_EXPECT(strstr(seqmix_context_chosen_variant(contexts[i]),
                        e->is_there ? "sm_gemm" : "sm_unfused") != NULL);
    CHILD_EXPECT(attend(contexts[i]) == e->status);
  }
  for (int i = 0; i < 2; i++) seqmix_context_destroy(contexts[i]);
  CHILD_EXPECT(cuda_nothing_left());
  return 0;
}

static int count(const char *text, const char *part) {
  int found = 0;
  for (; (text = strstr(text, part)) != NULL; text++) found++;
  return found;
}

static const expectation expectations[] = {
    {FAKE_CUBLAS_LIBRARY, "", SEQMIX_OK, 1, 8, "[96, 320] by [320, 96]"},
    {"/nowhere/libcublas.so", "", SEQMIX_OK, 0, 0, ""},
    /* A file, but no cuBLAS: found out when the first product is asked for. */
    {FAKE_NVRTC_LIBRARY, "", SEQMIX_OK, 1, 0, "left out: it lacks cublasCreate_v2"},
    /* A library that fails is not asked again. */
    {FAKE_CUBLAS_LIBRARY, "cublasSgemmStridedBatched=13", SEQMIX_OK, 1, 0,
     "products without a library from here on: cuda: cublasSgemmStridedBatched: status 13"},
    {FAKE_CUBLAS_LIBRARY, "cublasSgemmStridedBatched@2=13", SEQMIX_OK, 1, 5, "status 13"},
    {FAKE_CUBLAS_LIBRARY, "cublasCreate_v2=3", SEQMIX_OK, 1, 0, "cublasCreate: status 3"},
    {FAKE_CUBLAS_LIBRARY, "cublasSetWorkspace_v2=14", SEQMIX_OK, 1, 0, "cublasSetWorkspace"},
    {FAKE_CUBLAS_LIBRARY, "cublasSetStream_v2=14", SEQMIX_OK, 1, 0, "cublasSetStream"},
    {FAKE_CUBLAS_LIBRARY, "cublasSetMathMode=14", SEQMIX_OK, 1, 0, "cublasSetMathMode"},
    /* The device itself fails: no reason to blame the library. */
    {FAKE_CUBLAS_LIBRARY, "cuLaunchKernel=701", SEQMIX_ERROR_DEVICE, 1, 0, "OUT_OF_RESOURCES"},
};
enum { EXPECTATIONS = sizeof expectations / sizeof *expectations };

START_TEST(test_library) {
  const expectation *e = &expectations[_i];
  the_expectation = e;
  setenv("SEQMIX_CUBLAS", e->library, 1);
  const char *text = cuda_in_child(attend_in_two, e->fails);
  ck_assert_msg(strstr(text, e->says) != NULL, "%s, %s: it does not say '%s': %s", e->library,
                e->fails, e->says, text);
  ck_assert_msg(count(text, "fake: 2 products") == e->products, "%s, %s: not %d: %s", e->library,
                e->fails, e->products, text);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cuda blas");
  TCase *tcase = tcase_create("cuda blas");
  cuda_use_fakes();
  suite_add(tcase, test_products);
  suite_add_loop(tcase, test_library, 0, EXPECTATIONS);
  suite_add_tcase(suite, tcase);
  return suite;
}
