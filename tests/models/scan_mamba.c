/* SPDX-License-Identifier: Apache-2.0 */
/* Mamba (Gu and Dao 2023): A is drawn as its layers begin with it, real or complex. */
#include <math.h>

#include "scan_model.h"
#include "tests/support/mirror.h"

#define PI 3.14159265358979324

typedef struct mamba_layer {
  double complex A[WIDTH][ORDER];
  double complex B[TIME][ORDER], C[TIME][ORDER];
  double u[TIME][WIDTH], raw[TIME][WIDTH], z[TIME][WIDTH]; /* raw: Delta before softplus */
  double D[WIDTH], bias[WIDTH];
} mamba_layer;

static void draw_layer(scan_model *m, mamba_layer *l, int is_complex) {
  draw_tokens(m, l->u);
  draw_tokens(m, l->raw);
  draw_tokens(m, l->z);
  for (int t = 0; t < TIME; t++) {
    for (int n = 0; n < ORDER; n++) {
      l->B[t][n] = is_complex ? draw_complex(m) : draw_normal(m);
      l->C[t][n] = is_complex ? draw_complex(m) : draw_normal(m);
    }
  }
  for (int c = 0; c < WIDTH; c++) {
    l->D[c] = draw_normal(m);
    l->bias[c] = draw_between(m, -4, -1);
    for (int n = 0; n < ORDER; n++)
      l->A[c][n] = is_complex ? rounded(-0.5 + I * PI * n) : (double complex) - (n + 1);
  }
}

/* y_t = sum_n C_t sum_s exp(A (Delta_{s+1} + ... + Delta_t)) Delta_s B_s u_s, of complex numbers
 * twice the real part; then (y + D u) silu(z). */
static double formula(const mamba_layer *l, int t, int c, int is_complex) {
  double complex y = 0;
  double since = 0; /* the sum of steps after s */
  for (int s = t; s >= 0; s--) {
    double Delta = softplus(l->raw[s][c] + l->bias[c]);
    for (int n = 0; n < ORDER; n++)
      y += l->C[t][n] * cexp(l->A[c][n] * since) * Delta * l->B[s][n] * l->u[s][c];
    since += Delta;
  }
  double read = is_complex ? 2 * creal(y) : creal(y);
  return (read + l->D[c] * l->u[t][c]) * silu(l->z[t][c]);
}

/* ---- the call -------------------------------------------------------------------------------- */

/* A copy in f32. Memory is of this call. */
static seqmix_tensor copy(float *data, int32_t rank, const int64_t *shape, const double *x) {
  int64_t count = 1;
  for (int32_t i = 0; i < rank; i++) count *= shape[i];
  for (int64_t i = 0; i < count; i++) data[i] = (float)x[i];
  return seqmix_tensor_nd(data, SEQMIX_F32, rank, shape, NULL);
}

/* The same of complex numbers, or of their real parts: the last axis is that of the parts. */
static seqmix_tensor copy_pairs(float *data, int32_t rank, const int64_t *shape,
                                const double complex *x, int is_complex) {
  if (is_complex) return copy(data, rank, shape, (const double *)x);
  int64_t count = 1;
  for (int32_t i = 0; i < rank - 1; i++) count *= shape[i];
  for (int64_t i = 0; i < count; i++) data[i] = (float)creal(x[i]);
  return seqmix_tensor_nd(data, SEQMIX_F32, rank - 1, shape, NULL);
}

static seqmix_status run_layer(scan_model *m, const mamba_layer *l, int is_complex) {
  static float u[TIME * WIDTH], raw[TIME * WIDTH], z[TIME * WIDTH], D[WIDTH], bias[WIDTH];
  static float A[WIDTH * ORDER * 2], B[TIME * ORDER * 2], C[TIME * ORDER * 2];
  const int64_t tokens[] = {1, TIME, WIDTH}, rows[] = {1, TIME, 1, ORDER, 2};
  const int64_t matrix[] = {WIDTH, ORDER, 2}, channels[] = {WIDTH};
  seqmix_tensor tu = copy(u, 3, tokens, &l->u[0][0]), tz = copy(z, 3, tokens, &l->z[0][0]);
  seqmix_tensor tdelta = copy(raw, 3, tokens, &l->raw[0][0]);
  seqmix_tensor tA = copy_pairs(A, 3, matrix, &l->A[0][0], is_complex);
  seqmix_tensor tB = copy_pairs(B, 5, rows, &l->B[0][0], is_complex);
  seqmix_tensor tC = copy_pairs(C, 5, rows, &l->C[0][0], is_complex);
  seqmix_tensor tD = copy(D, 1, channels, l->D), tbias = copy(bias, 1, channels, l->bias);
  seqmix_tensor out = seqmix_tensor_nd(m->got, SEQMIX_F32, 3, tokens, NULL);
  seqmix_selective_scan_args args = SEQMIX_SELECTIVE_SCAN_ARGS_INIT;
  args.u = &tu;
  args.delta = &tdelta;
  args.A = &tA;
  args.B = &tB;
  args.C = &tC;
  args.D = &tD;
  args.z = &tz;
  args.delta_bias = &tbias;
  args.delta_softplus = 1;
  args.is_complex = is_complex;
  args.out = &out;
  return mirror_call(m->context, SEQMIX_OP_SELECTIVE_SCAN, &args);
}

static seqmix_status run_mamba(scan_model *m, int is_complex) {
  static mamba_layer layer;
  draw_layer(m, &layer, is_complex);
  for (int t = 0; t < TIME; t++)
    for (int c = 0; c < WIDTH; c++) m->want[t][c] = formula(&layer, t, c, is_complex);
  return run_layer(m, &layer, is_complex);
}

seqmix_status mamba(scan_model *m) { return run_mamba(m, 0); }

seqmix_status mamba_complex(scan_model *m) { return run_mamba(m, 1); }
