/* SPDX-License-Identifier: Apache-2.0 */
/* Scans as their definitions have them, a token at a time. Compiled once per level: where channels
 * lie side by side their loops become vectors. */
#include <math.h>
#include <stddef.h>

#include "bench/level.h"
#include "cpu/simd/level.h"
#include "cpu/simd/math.h"

void LEVEL(bench_scan)(const scan_loop *loop);
void LEVEL(bench_convolve)(const scan_loop *loop);
void LEVEL(bench_scan_states)(const scan_loop *loop);

/* ---- linear_recurrence --------------------------------------------------------------------- */

SEQMIX_INLINE void step_real(int64_t columns, const float *restrict a, const float *restrict b,
                             float *restrict h, float *restrict out) {
  for (int64_t c = 0; c < columns; c++) out[c] = h[c] = a[c] * h[c] + b[c];
}

SEQMIX_INLINE void step_complex(int64_t columns, const float *restrict a, const float *restrict b,
                                float *restrict h, float *restrict out) {
  for (int64_t c = 0; c < 2 * columns; c += 2) {
    float re = a[c] * h[c] - a[c + 1] * h[c + 1] + b[c];
    float im = a[c] * h[c + 1] + a[c + 1] * h[c] + b[c + 1];
    out[c] = h[c] = re;
    out[c + 1] = h[c + 1] = im;
  }
}

SEQMIX_INLINE void recur(const scan_loop *l, int64_t columns, int is_complex) {
  const float *a = l->part[SCAN_A], *b = l->part[SCAN_X];
  float *out = l->part[SCAN_OUT], *h = l->part[SCAN_STATE];
  for (int64_t t = 0; t < l->shape->t; t++) {
    if (is_complex)
      step_complex(columns, a, b, h, out);
    else
      step_real(columns, a, b, h, out);
    a += l->step[SCAN_A];
    b += l->step[SCAN_X];
    out += l->step[SCAN_OUT];
  }
}

static void linear_recurrence(const scan_loop *l) {
  int is_complex = l->shape->is_complex;
  if (l->columns == 1)
    is_complex ? recur(l, 1, 1) : recur(l, 1, 0);
  else
    is_complex ? recur(l, l->columns, 1) : recur(l, l->columns, 0);
}

/* ---- prefix_scan --------------------------------------------------------------------------- */

/* Sums are carried in double, as f32 would lose digits after some thousand of them. */
SEQMIX_INLINE double joined(int32_t op, double x, double y) {
  if (op == SEQMIX_SCAN_SUM) return x + y;
  if (op == SEQMIX_SCAN_PRODUCT) return x * y;
  if (op == SEQMIX_SCAN_MAX) return x > y ? x : y;
  return x > y ? x + log1p(exp(y - x)) : y + log1p(exp(x - y));
}

SEQMIX_INLINE void accumulate(const scan_loop *l, int64_t columns, int32_t op) {
  const float *x = l->part[SCAN_X];
  float *out = l->part[SCAN_OUT];
  double *restrict sum = l->scratch;
  double first = op == SEQMIX_SCAN_SUM ? 0 : op == SEQMIX_SCAN_PRODUCT ? 1 : (double)-INFINITY;
  for (int64_t c = 0; c < columns; c++) sum[c] = first;
  for (int64_t t = 0; t < l->shape->t; t++) {
    if (l->shape->is_exclusive)
      for (int64_t c = 0; c < columns; c++) out[c] = (float)sum[c];
    for (int64_t c = 0; c < columns; c++) sum[c] = joined(op, (double)x[c], sum[c]);
    if (!l->shape->is_exclusive)
      for (int64_t c = 0; c < columns; c++) out[c] = (float)sum[c];
    x += l->step[SCAN_X];
    out += l->step[SCAN_OUT];
  }
}

SEQMIX_INLINE void accumulate_columns(const scan_loop *l, int32_t op) {
  if (l->columns == 1)
    accumulate(l, 1, op);
  else
    accumulate(l, l->columns, op);
}

static void prefix_scan(const scan_loop *l) {
  switch (l->shape->scan_op) {
    case SEQMIX_SCAN_SUM: accumulate_columns(l, SEQMIX_SCAN_SUM); break;
    case SEQMIX_SCAN_PRODUCT: accumulate_columns(l, SEQMIX_SCAN_PRODUCT); break;
    case SEQMIX_SCAN_MAX: accumulate_columns(l, SEQMIX_SCAN_MAX); break;
    default: accumulate_columns(l, SEQMIX_SCAN_LOGSUMEXP);
  }
}

void LEVEL(bench_scan)(const scan_loop *l) {
  switch (l->op) {
    case SEQMIX_OP_LINEAR_RECURRENCE: linear_recurrence(l); break;
    case SEQMIX_OP_PREFIX_SCAN: prefix_scan(l); break;
    case SEQMIX_OP_SELECTIVE_SCAN: LEVEL(bench_scan_states)(l); break;
    default: LEVEL(bench_convolve)(l);
  }
}
