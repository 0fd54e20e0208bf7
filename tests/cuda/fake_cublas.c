/* SPDX-License-Identifier: Apache-2.0 */
/* A cuBLAS that computes on the host, whose memory is the stand-in driver's: matrices by columns,
 * as its manual has them. It wants a workspace that was given after the stream, as a capture needs.
 */
#include "fake.h"

struct cublasContext {
  CUstream stream;
  void *workspace;
  int math;
};

#define DECLARE(result, name, parameters) FAKE_EXPORT result name parameters;
CUBLAS_FUNCTIONS(DECLARE)
FAKE_EXPORT int fake_cublas_handles(void);

/* Ends the calling function if it is to fail. */
#define FAIL_IF_ASKED                                     \
  do {                                                    \
    static int calls;                                     \
    cublasStatus_t error = fake_fault(__func__, ++calls); \
    if (error) return error;                              \
  } while (0)

static int handles;

int fake_cublas_handles(void) { return handles; }

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
  FAIL_IF_ASKED;
  *handle = calloc(1, sizeof **handle);
  (*handle)->math = -1;
  handles++;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  free(handle);
  handles--;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version) {
  (void)handle;
  *version = 130000;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, CUstream stream) {
  FAIL_IF_ASKED;
  handle->stream = stream;
  handle->workspace = NULL;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t bytes) {
  FAIL_IF_ASKED;
  memset(workspace, 0, bytes);
  handle->workspace = workspace;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, int mode) {
  FAIL_IF_ASKED;
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

/* Element (row, column) of op(matrix), by columns with `step` from one to the next. */
static float at(const float *matrix, int step, int op, int row, int column) {
  return op == CUBLAS_OP_T ? matrix[(size_t)row * (size_t)step + (size_t)column]
                           : matrix[(size_t)column * (size_t)step + (size_t)row];
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, int op_a, int op_b, int m, int n,
                                         int k, const float *alpha, const float *a, int a_step,
                                         long long a_next, const float *b, int b_step,
                                         long long b_next, const float *beta, float *c, int c_step,
                                         long long c_next, int count) {
  FAIL_IF_ASKED;
  fprintf(stderr, "fake: %d products of [%d, %d] by [%d, %d]\n", count, n, k, k, m);
  if (!handle->stream || !handle->workspace || handle->math != CUBLAS_DEFAULT_MATH) return 7;
  if (a_step < (op_a == CUBLAS_OP_N ? m : k) || b_step < (op_b == CUBLAS_OP_N ? k : n) ||
      c_step < m)
    return 7;
  for (int i = 0; i < count; i++, a += a_next, b += b_next, c += c_next)
    for (int column = 0; column < n; column++)
      for (int row = 0; row < m; row++) {
        float *to = c + (size_t)column * (size_t)c_step + (size_t)row, sum = 0;
        for (int j = 0; j < k; j++)
          sum += at(a, a_step, op_a, row, j) * at(b, b_step, op_b, j, column);
        *to = *alpha * sum + (*beta != 0 ? *beta * *to : 0);
      }
  return CUBLAS_STATUS_SUCCESS;
}
