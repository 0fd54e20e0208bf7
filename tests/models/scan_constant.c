/* SPDX-License-Identifier: Apache-2.0 */
/* State-space models whose diagonal is constant in time: formulas are sums over the past. */
#include <math.h>

#include "scan_model.h"

#define PI 3.14159265358979324

enum { POLES = 8 };

/* ---- S4D (Gu et al. 2022) -------------------------------------------------------------------- */

/* y = K * u + D u with K_l = 2 Re(sum_n C_n A~_n^l B~_n), A~ = exp(dt A), B~ = (A~ - 1) / A, where
 * A = -1/2 + i pi n (S4D-Lin), B = 1, and each channel has a dt of its own. */
seqmix_status s4d(scan_model *m) {
  static double complex a[WIDTH][ORDER], b[TIME][WIDTH][ORDER], h[TIME][WIDTH][ORDER];
  static double u[TIME][WIDTH];
  double complex C[WIDTH][ORDER];
  double D[WIDTH];
  draw_tokens(m, u);
  for (int c = 0; c < WIDTH; c++) {
    double dt = exp(draw_between(m, log(0.001), log(0.1))), K[TIME] = {0};
    D[c] = draw_normal(m);
    for (int n = 0; n < ORDER; n++) {
      double complex A = -0.5 + I * PI * n;
      a[c][n] = rounded(cexp(dt * A));
      C[c][n] = draw_complex(m);
      for (int l = 0; l < TIME; l++)
        K[l] += 2 * creal(C[c][n] * cpow(a[c][n], l) * (a[c][n] - 1) / A);
      for (int t = 0; t < TIME; t++) b[t][c][n] = (a[c][n] - 1) / A * u[t][c];
    }
    for (int t = 0; t < TIME; t++) {
      m->want[t][c] = D[c] * u[t][c];
      for (int s = 0; s <= t; s++) m->want[t][c] += K[t - s] * u[s][c];
    }
  }
  seqmix_status status = recur_complex(m, 0, WIDTH * ORDER, &a[0][0], &b[0][0][0], &h[0][0][0]);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < WIDTH; c++) {
      double complex y = 0;
      for (int n = 0; n < ORDER; n++) y += C[c][n] * h[t][c][n];
      m->got[t][c] = (float)(2 * creal(y) + D[c] * u[t][c]);
    }
  }
  return status;
}

/* ---- all inputs to all states, all states to all outputs --------------------------------------
 */

typedef struct many_to_many {
  double complex pole[POLES];
  double complex B[POLES][WIDTH]; /* discretised */
  double complex C[WIDTH][POLES];
  double D[WIDTH];
  double readout; /* y = readout Re(C x) + D u */
} many_to_many;

static void draw_readout(scan_model *m, many_to_many *s) {
  for (int c = 0; c < WIDTH; c++) {
    s->D[c] = draw_normal(m);
    for (int p = 0; p < POLES; p++) s->C[c][p] = draw_complex(m) / sqrt(POLES);
  }
}

/* x_p of token t is sum_s pole^(t-s) (B u_s)_p. */
static double complex closed_form(const many_to_many *s, const double complex b[TIME][POLES], int p,
                                  int t) {
  double complex x = 0;
  for (int past = 0; past <= t; past++) x += cpow(s->pole[p], t - past) * b[past][p];
  return x;
}

static double read_out(const many_to_many *s, const double complex x[POLES], const double u[WIDTH],
                       int c) {
  double complex y = 0;
  for (int p = 0; p < POLES; p++) y += s->C[c][p] * x[p];
  return s->readout * creal(y) + s->D[c] * u[c];
}

static seqmix_status run_many_to_many(scan_model *m, const many_to_many *s) {
  static double u[TIME][WIDTH];
  static double complex b[TIME][POLES], x[TIME][POLES];
  draw_tokens(m, u);
  for (int t = 0; t < TIME; t++) {
    for (int p = 0; p < POLES; p++) {
      b[t][p] = 0;
      for (int c = 0; c < WIDTH; c++) b[t][p] += s->B[p][c] * u[t][c];
    }
  }
  seqmix_status status = recur_complex(m, 0, POLES, s->pole, &b[0][0], &x[0][0]);
  for (int t = 0; t < TIME; t++) {
    double complex exact[POLES];
    for (int p = 0; p < POLES; p++)
      exact[p] = closed_form(s, (const double complex(*)[POLES])b, p, t);
    for (int c = 0; c < WIDTH; c++) {
      m->want[t][c] = read_out(s, exact, u[t], c);
      m->got[t][c] = (float)read_out(s, x[t], u[t], c);
    }
  }
  return status;
}

/* S5 (Smith et al. 2023): x_k = L~ x_{k-1} + B~ u_k, y_k = 2 Re(C x_k) + D u_k with
 * L~ = exp(L Delta) and B~ = (L~ - 1) / L B. */
seqmix_status s5(scan_model *m) {
  many_to_many s = {.readout = 2};
  for (int p = 0; p < POLES; p++) {
    double Delta = exp(draw_between(m, log(0.001), log(0.1)));
    double complex L = -0.5 + I * PI * draw_between(m, 0, 4);
    s.pole[p] = rounded(cexp(L * Delta));
    for (int c = 0; c < WIDTH; c++) s.B[p][c] = (s.pole[p] - 1) / L * draw_complex(m);
  }
  draw_readout(m, &s);
  return run_many_to_many(m, &s);
}

/* LRU (Orvieto et al. 2023): x_k = lambda x_{k-1} + gamma (B u_k), y_k = Re(C x_k) + D u_k with
 * lambda = exp(-exp(nu) + i exp(theta)) and gamma = sqrt(1 - |lambda|^2). */
seqmix_status lru(scan_model *m) {
  many_to_many s = {.readout = 1};
  for (int p = 0; p < POLES; p++) {
    double nu = log(-log(draw_between(m, 0.9, 0.999))), theta = log(draw_between(m, 0.01, 3.1));
    s.pole[p] = rounded(cexp(-exp(nu) + I * exp(theta)));
    double gamma = sqrt(1 - pow(cabs(s.pole[p]), 2));
    for (int c = 0; c < WIDTH; c++) s.B[p][c] = gamma * draw_complex(m) / sqrt(WIDTH);
  }
  draw_readout(m, &s);
  return run_many_to_many(m, &s);
}
