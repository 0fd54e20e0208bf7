/* SPDX-License-Identifier: Apache-2.0 */
/* A CLBlast that multiplies on the host, for SEQMIX_CLBLAST to name where CLBlast's own kernels do
 * not work. A rectangle of each matrix is read, and one written back: nothing around it. */
#include <stdint.h>
#include <stdlib.h>

#include "opencl/api.h"

#define DECLARED(result, name, parameters) result name parameters;
OPENCL_FUNCTIONS(DECLARED)

#define EXPORT __attribute__((visibility("default")))
enum { TRANSPOSED = 112, OUT_OF_MEMORY = -6 };

typedef struct matrix {
  cl_mem memory;
  size_t first, row; /* in memory */
  size_t rows, columns;
  float *numbers; /* here, without gaps */
} matrix;

static float *row_of(const matrix *m, size_t i) { return m->numbers + i * m->columns; }

static cl_int read_rows(cl_command_queue queue, const matrix *m) {
  cl_int error = 0;
  for (size_t i = 0; i < m->rows && !error; i++)
    error = clEnqueueReadBuffer(queue, m->memory, 1, sizeof(float) * (m->first + i * m->row),
                                sizeof(float) * m->columns, row_of(m, i), 0, NULL, NULL);
  return error;
}

static cl_int write_rows(cl_command_queue queue, const matrix *m) {
  cl_int error = 0;
  for (size_t i = 0; i < m->rows && !error; i++)
    error = clEnqueueWriteBuffer(queue, m->memory, 1, sizeof(float) * (m->first + i * m->row),
                                 sizeof(float) * m->columns, row_of(m, i), 0, NULL, NULL);
  return error;
}

static float product_of(const matrix *a, const matrix *b, int is_transposed, size_t i, size_t j) {
  float sum = 0;
  for (size_t k = 0; k < a->columns; k++)
    sum += row_of(a, i)[k] * (is_transposed ? row_of(b, j)[k] : row_of(b, k)[j]);
  return sum;
}

static cl_int multiply(cl_command_queue queue, const matrix *a, const matrix *b, const matrix *c,
                       int is_transposed, float alpha, float beta) {
  cl_int error = read_rows(queue, a);
  if (!error) error = read_rows(queue, b);
  if (!error && beta != 0) error = read_rows(queue, c);
  if (error) return error;
  for (size_t i = 0; i < c->rows; i++)
    for (size_t j = 0; j < c->columns; j++) {
      float *to = row_of(c, i) + j;
      float before = beta != 0 ? beta * *to : 0;
      *to = alpha * product_of(a, b, is_transposed, i, j) + before;
    }
  return write_rows(queue, c);
}

static int hold(matrix *m) {
  m->numbers = malloc(sizeof(float) * (m->rows * m->columns + 1));
  return m->numbers != NULL;
}

EXPORT cl_int CLBlastSgemmStridedBatched(cl_int layout, cl_int a_transpose, cl_int b_transpose,
                                         size_t rows, size_t columns, size_t inner, float alpha,
                                         cl_mem a, size_t a_first, size_t a_row, size_t a_next,
                                         cl_mem b, size_t b_first, size_t b_row, size_t b_next,
                                         float beta, cl_mem c, size_t c_first, size_t c_row,
                                         size_t c_next, size_t count, cl_command_queue *queue,
                                         cl_event *event) {
  int is_transposed = b_transpose == TRANSPOSED;
  matrix left = {a, a_first, a_row, rows, inner, NULL};
  matrix right = {
      b, b_first, b_row, is_transposed ? columns : inner, is_transposed ? inner : columns, NULL};
  matrix result = {c, c_first, c_row, rows, columns, NULL};
  cl_int error = hold(&left) && hold(&right) && hold(&result) ? 0 : OUT_OF_MEMORY;
  (void)layout, (void)a_transpose, (void)event;
  for (size_t i = 0; i < count && !error; i++) {
    error = multiply(*queue, &left, &right, &result, is_transposed, alpha, beta);
    left.first += a_next;
    right.first += b_next;
    result.first += c_next;
  }
  free(left.numbers);
  free(right.numbers);
  free(result.numbers);
  return error;
}

EXPORT cl_int CLBlastClearCache(void) { return 0; }
