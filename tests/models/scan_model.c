/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_model.h"
#include "tests/support/mirror.h"

#include <math.h>

/* Numbers of a call: pairs per token, channel and state. */
enum { ROOM = TIME * WIDTH * ORDER * 2 };

static double to_f32(double x) { return (double)(float)x; }

double draw_between(scan_model *m, double low, double high) {
  return to_f32(low + (high - low) * random_unit(&m->random));
}

double draw_normal(scan_model *m) { return to_f32(random_normal(&m->random)); }

double complex draw_complex(scan_model *m) {
  double re = draw_normal(m), im = draw_normal(m);
  return rounded((re + im * I) * sqrt(0.5));
}

void draw_tokens(scan_model *m, double x[TIME][WIDTH]) {
  for (int t = 0; t < TIME; t++)
    for (int c = 0; c < WIDTH; c++) x[t][c] = draw_normal(m);
}

double complex rounded(double complex x) { return to_f32(creal(x)) + to_f32(cimag(x)) * I; }

static void round_numbers(const double *from, float *to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = (float)from[i];
}

static seqmix_tensor tensor_of(float *data, int per_token, int64_t channels, int parts) {
  const int64_t shape[] = {1, TIME, channels, 2};
  int without = per_token ? 0 : 2;
  return seqmix_tensor_nd(data, SEQMIX_F32, 3 - without + (parts == 2), shape + without, NULL);
}

static seqmix_status recur_numbers(scan_model *m, int per_token, int64_t channels, int parts,
                                   const double *a, const double *b, double *h) {
  static float a_data[ROOM], b_data[ROOM], h_data[ROOM];
  int64_t count = TIME * channels * parts;
  seqmix_linear_recurrence_args args = SEQMIX_LINEAR_RECURRENCE_ARGS_INIT;
  seqmix_tensor ta = tensor_of(a_data, per_token, channels, parts);
  seqmix_tensor tb = tensor_of(b_data, 1, channels, parts);
  seqmix_tensor th = tensor_of(h_data, 1, channels, parts);
  args.a = &ta;
  args.b = &tb;
  args.out = &th;
  args.is_complex = parts == 2;
  round_numbers(a, a_data, per_token ? count : channels * parts);
  round_numbers(b, b_data, count);
  for (int64_t i = 0; i < count; i++) h_data[i] = NAN;
  seqmix_status status = mirror_call(m->context, SEQMIX_OP_LINEAR_RECURRENCE, &args);
  for (int64_t i = 0; i < count; i++) h[i] = (double)h_data[i];
  return status;
}

seqmix_status recur(scan_model *m, int per_token, int64_t channels, const double *a,
                    const double *b, double *h) {
  return recur_numbers(m, per_token, channels, 1, a, b, h);
}

/* A complex number is an array of two. */
seqmix_status recur_complex(scan_model *m, int per_token, int64_t channels, const double complex *a,
                            const double complex *b, double complex *h) {
  return recur_numbers(m, per_token, channels, 2, (const double *)a, (const double *)b,
                       (double *)h);
}
