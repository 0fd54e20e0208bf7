/* SPDX-License-Identifier: Apache-2.0 */
/* product: a tile of ROWS x COLUMNS sums is kept in registers while the depth runs, so that each
 * loaded row of b serves ROWS rows of a. Written so that a compiler turns the inner loop into
 * vectors of whatever width its target has; no order of summation depends on that width, because
 * the vector runs across columns, not along the depth. */
#include "cpu/simd/kernels.h"

#include <math.h>

#include "core/half.h"
#include "seqmix/types.h"

#ifndef SEQMIX_ISA
#error "SEQMIX_ISA must name the instruction set this file is compiled for"
#endif
#define TABLE_NAME_OF(isa) seqmix_cpu_kernels_##isa
#define TABLE_NAME(isa) TABLE_NAME_OF(isa)

enum { ROWS = 4, COLUMNS = 16 };

static void add_tile(const seqmix_product *p, int64_t r, int64_t n, int64_t rows, int64_t columns,
                     float sums[ROWS][COLUMNS]) {
  for (int64_t i = 0; i < rows; i++) {
    float *c = p->c + (r + i) * p->c_step + n;
    for (int64_t j = 0; j < columns; j++)
      c[j] = p->keep ? p->keep[r + i] * c[j] + sums[i][j] : sums[i][j];
  }
}

static void full_tile(const seqmix_product *p, int64_t r, int64_t n) {
  float sums[ROWS][COLUMNS] = {{0}};
  const float *a = p->a + r * p->a_step, *b = p->b + n;
  for (int64_t d = 0; d < p->depth; d++)
    for (int64_t i = 0; i < ROWS; i++)
      for (int64_t j = 0; j < COLUMNS; j++)
        sums[i][j] += a[i * p->a_step + d] * b[d * p->b_step + j];
  add_tile(p, r, n, ROWS, COLUMNS, sums);
}

static void part_tile(const seqmix_product *p, int64_t r, int64_t n, int64_t rows,
                      int64_t columns) {
  float sums[ROWS][COLUMNS] = {{0}};
  const float *a = p->a + r * p->a_step, *b = p->b + n;
  for (int64_t d = 0; d < p->depth; d++)
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++)
        sums[i][j] += a[i * p->a_step + d] * b[d * p->b_step + j];
  add_tile(p, r, n, rows, columns, sums);
}

static void product(const seqmix_product *p) {
  for (int64_t r = 0; r < p->rows; r += ROWS) {
    int64_t rows = p->rows - r < ROWS ? p->rows - r : ROWS;
    for (int64_t n = 0; n < p->columns; n += COLUMNS) {
      int64_t columns = p->columns - n < COLUMNS ? p->columns - n : COLUMNS;
      if (rows == ROWS && columns == COLUMNS)
        full_tile(p, r, n);
      else
        part_tile(p, r, n, rows, columns);
    }
  }
}

static void load(float *to, const void *from, int32_t dtype, int64_t count) {
  if (dtype == SEQMIX_F32) {
    const float *source = from;
    for (int64_t i = 0; i < count; i++) to[i] = source[i];
  } else if (dtype == SEQMIX_BF16) {
    const uint16_t *source = from;
    for (int64_t i = 0; i < count; i++) to[i] = seqmix_f32_from_bf16(source[i]);
  } else {
    const uint16_t *source = from;
    for (int64_t i = 0; i < count; i++) to[i] = seqmix_f32_from_f16(source[i]);
  }
}

static void store(void *to, int32_t dtype, const float *from, float factor, int64_t count) {
  if (dtype == SEQMIX_F32) {
    float *target = to;
    for (int64_t i = 0; i < count; i++) target[i] = factor * from[i];
  } else if (dtype == SEQMIX_BF16) {
    uint16_t *target = to;
    for (int64_t i = 0; i < count; i++) target[i] = seqmix_bf16_from_f32(factor * from[i]);
  } else {
    uint16_t *target = to;
    for (int64_t i = 0; i < count; i++) target[i] = seqmix_f16_from_f32(factor * from[i]);
  }
}

static float largest(const float *x, int64_t count) {
  float most = -INFINITY;
  for (int64_t i = 0; i < count; i++)
    if (x[i] > most) most = x[i];
  return most;
}

static float exp_sum(float *x, float shift, int64_t count) {
  float sum = 0;
  for (int64_t i = 0; i < count; i++) {
    x[i] = expf(x[i] - shift);
    sum += x[i];
  }
  return sum;
}

static int all_finite(const float *x, int64_t count) {
  /* In integers, because the order of a floating-point sum could not be changed into vectors. */
  uint32_t special = 0;
  for (int64_t i = 0; i < count; i++)
    special |= (seqmix_f32_bits(x[i]) & 0x7f800000u) == 0x7f800000u;
  return !special;
}

const seqmix_cpu_kernels TABLE_NAME(SEQMIX_ISA) = {
    .product = product,
    .load = load,
    .store = store,
    .largest = largest,
    .exp_sum = exp_sum,
    .all_finite = all_finite,
};
