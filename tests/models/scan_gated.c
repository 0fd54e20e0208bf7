/* SPDX-License-Identifier: Apache-2.0 */
/* Recurrent networks whose gates depend on the token: formulas are written out over the past. */
#include <math.h>

#include "scan_model.h"

/* sum_s (a_{s+1} ... a_t) b_s of one of `channels` channels */
static double complex written_out(int64_t channels, const double complex *a,
                                  const double complex *b, int64_t t, int64_t c) {
  double complex sum = 0, product = 1;
  for (int64_t s = t; s >= 0; s--) {
    sum += product * b[s * channels + c];
    product *= a[s * channels + c];
  }
  return sum;
}

/* ---- complex gates --------------------------------------------------------------------------- */

/* HGRN (Qin et al. 2023): h_t = f_t exp(i theta) h_{t-1} + (1 - f_t) c_t, f_t above a bound of its
 * layer; outputs are the real and the imaginary parts. */
seqmix_status hgrn(scan_model *m) {
  enum { CHANNELS = WIDTH / 2 };
  static double complex a[TIME][CHANNELS], b[TIME][CHANNELS], h[TIME][CHANNELS];
  double theta[CHANNELS], lowest = 0.6;
  for (int c = 0; c < CHANNELS; c++) theta[c] = draw_between(m, -3, 3);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < CHANNELS; c++) {
      double f = lowest + (1 - lowest) * sigmoid(draw_normal(m));
      double re = silu(draw_normal(m)), im = silu(draw_normal(m));
      a[t][c] = f * cexp(I * theta[c]);
      b[t][c] = (1 - f) * (re + I * im);
    }
  }
  seqmix_status status = recur_complex(m, 1, CHANNELS, &a[0][0], &b[0][0], &h[0][0]);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < CHANNELS; c++) {
      double complex want = written_out(CHANNELS, &a[0][0], &b[0][0], t, c);
      m->want[t][c] = creal(want);
      m->want[t][CHANNELS + c] = cimag(want);
      m->got[t][c] = (float)creal(h[t][c]);
      m->got[t][CHANNELS + c] = (float)cimag(h[t][c]);
    }
  }
  return status;
}

/* GateLoop (Katsch 2023), heads of one channel: y_t = Re(q_t sum_s k_s v_s prod_{s < r <= t} a_r)
 * with a = sigmoid(alpha) exp(i beta). */
seqmix_status gateloop(scan_model *m) {
  static double complex a[TIME][WIDTH], b[TIME][WIDTH], h[TIME][WIDTH];
  static double q[TIME][WIDTH];
  draw_tokens(m, q);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < WIDTH; c++) {
      double alpha = 1 + draw_normal(m), beta = draw_normal(m);
      double k = draw_normal(m), v = draw_normal(m);
      a[t][c] = sigmoid(alpha) * cexp(I * beta);
      b[t][c] = k * v;
    }
  }
  seqmix_status status = recur_complex(m, 1, WIDTH, &a[0][0], &b[0][0], &h[0][0]);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < WIDTH; c++) {
      m->want[t][c] = q[t][c] * creal(written_out(WIDTH, &a[0][0], &b[0][0], t, c));
      m->got[t][c] = (float)(q[t][c] * creal(h[t][c]));
    }
  }
  return status;
}

/* ---- real gates ------------------------------------------------------------------------------ */

/* Outputs are h itself. */
static seqmix_status run_real(scan_model *m, double a[TIME][WIDTH], double b[TIME][WIDTH]) {
  static double complex a_written[TIME][WIDTH], b_written[TIME][WIDTH];
  static double h[TIME][WIDTH];
  seqmix_status status = recur(m, 1, WIDTH, &a[0][0], &b[0][0], &h[0][0]);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < WIDTH; c++) {
      a_written[t][c] = a[t][c];
      b_written[t][c] = b[t][c];
      m->want[t][c] = creal(written_out(WIDTH, &a_written[0][0], &b_written[0][0], t, c));
      m->got[t][c] = (float)h[t][c];
    }
  }
  return status;
}

/* minGRU (Feng et al. 2024): h_t = (1 - z_t) h_{t-1} + z_t h~_t, z = sigmoid of a linear map */
seqmix_status mingru(scan_model *m) {
  static double a[TIME][WIDTH], b[TIME][WIDTH];
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < WIDTH; c++) {
      double z = sigmoid(draw_normal(m) - 1);
      a[t][c] = 1 - z;
      b[t][c] = z * draw_normal(m);
    }
  }
  return run_real(m, a, b);
}

/* RG-LRU (De et al. 2024): h_t = a_t h_{t-1} + sqrt(1 - a_t^2) (i_t x_t), a_t = sigmoid(L)^(8 r_t),
 * r and i being sigmoids of linear maps */
seqmix_status rg_lru(scan_model *m) {
  static double a[TIME][WIDTH], b[TIME][WIDTH];
  for (int c = 0; c < WIDTH; c++) {
    double decay = draw_between(m, 0.9, 0.999); /* sigmoid(L)^8 */
    for (int t = 0; t < TIME; t++) {
      double r = sigmoid(draw_normal(m)), i = sigmoid(draw_normal(m));
      a[t][c] = pow(decay, r);
      b[t][c] = sqrt(1 - a[t][c] * a[t][c]) * i * draw_normal(m);
    }
  }
  return run_real(m, a, b);
}
