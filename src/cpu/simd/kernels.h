/* SPDX-License-Identifier: Apache-2.0 */
/* The loops the CPU backend spends its time in. kernels.c is compiled once per instruction set
 * into a table of this type; everything else is written against the table. All arrays are f32.
 * Sums run in a fixed order, so results do not depend on alignment. */
#ifndef SEQMIX_CPU_SIMD_KERNELS_H
#define SEQMIX_CPU_SIMD_KERNELS_H

#include <stdint.h>

/** Operands of a small matrix product; rows of each matrix are `*_step` floats apart. */
typedef struct seqmix_product {
  float *c;       /* [rows, columns] */
  const float *a; /* [rows, depth] */
  const float *b; /* [depth, columns] */
  int64_t c_step, a_step, b_step;
  int64_t rows, columns, depth;
  const float *keep; /* [rows]: what stays of c; NULL: nothing, c is not read */
} seqmix_product;

typedef struct seqmix_cpu_kernels {
  /** c[r] = keep[r] * c[r] + sum_d a[r,d] b[d]; the sum starts from zero and is added once. */
  void (*product)(const seqmix_product *product);
  /** to[i] = from[i], converted from f32, f16 or bf16. */
  void (*load)(float *to, const void *from, int32_t dtype, int64_t count);
  /** to[i] = factor * from[i], rounded to f32, f16 or bf16. */
  void (*store)(void *to, int32_t dtype, const float *from, float factor, int64_t count);
  /** The largest element, NaN left aside; -inf for none. */
  float (*largest)(const float *x, int64_t count);
  /** x[i] = exp(x[i] - shift); returns their sum. */
  float (*exp_sum)(float *x, float shift, int64_t count);
  /** Whether no element is infinite or NaN. */
  int (*all_finite)(const float *x, int64_t count);
} seqmix_cpu_kernels;

extern const seqmix_cpu_kernels seqmix_cpu_kernels_generic;

#endif
