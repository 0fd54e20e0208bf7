/* SPDX-License-Identifier: Apache-2.0 */
/* Models with dense matrices, which the caller has brought to their eigenvectors: formulas are
 * those of the dense matrices. */
#include <math.h>

#include "scan_model.h"

/* ---- LSSL (Gu et al. 2021) --------------------------------------------------------------------
 */

/* HiPPO-LegS: lower triangular, with eigenvalues -(n + 1). */
static double legs(int n, int k) {
  if (n < k) return 0;
  return n == k ? -(n + 1) : -sqrt((2 * n + 1) * (2 * k + 1));
}

/* x of (1 - dt/2 A) x = (1 + dt/2 A) x_before + dt B u, row by row. */
static void legs_step(double x[ORDER], double dt, double u) {
  double right[ORDER];
  for (int n = 0; n < ORDER; n++) {
    right[n] = x[n] + dt * sqrt(2 * n + 1) * u;
    for (int k = 0; k <= n; k++) right[n] += dt / 2 * legs(n, k) * x[k];
  }
  for (int n = 0; n < ORDER; n++) {
    x[n] = right[n];
    for (int k = 0; k < n; k++) x[n] += dt / 2 * legs(n, k) * x[k];
    x[n] /= 1 - dt / 2 * legs(n, n);
  }
}

/* Column j of V is the eigenvector of -(j + 1), 1 in row j. */
static void legs_eigenvectors(double V[ORDER][ORDER]) {
  for (int j = 0; j < ORDER; j++) {
    for (int n = 0; n < ORDER; n++) {
      V[n][j] = n == j;
      for (int k = j; k < n; k++) V[n][j] += legs(n, k) * V[k][j] / (legs(j, j) - legs(n, n));
    }
  }
}

/* V^-1 B */
static void legs_input(double V[ORDER][ORDER], double input[ORDER]) {
  for (int n = 0; n < ORDER; n++) {
    input[n] = sqrt(2 * n + 1);
    for (int k = 0; k < n; k++) input[n] -= V[n][k] * input[k];
  }
}

/* y = C x + D u, x discretised by the bilinear transform. With V: x = V z, each z_n by itself. */
seqmix_status lssl(scan_model *m) {
  static double a[WIDTH][ORDER], b[TIME][WIDTH][ORDER], z[TIME][WIDTH][ORDER], u[TIME][WIDTH];
  double V[ORDER][ORDER], input[ORDER], C[WIDTH][ORDER], D[WIDTH];
  draw_tokens(m, u);
  legs_eigenvectors(V);
  legs_input(V, input);
  for (int c = 0; c < WIDTH; c++) {
    double dt = draw_between(m, 0.1, 1), x[ORDER] = {0};
    D[c] = draw_normal(m);
    for (int n = 0; n < ORDER; n++) C[c][n] = draw_normal(m);
    for (int n = 0; n < ORDER; n++) a[c][n] = (1 - dt / 2 * (n + 1)) / (1 + dt / 2 * (n + 1));
    for (int t = 0; t < TIME; t++) {
      legs_step(x, dt, u[t][c]);
      m->want[t][c] = D[c] * u[t][c];
      for (int n = 0; n < ORDER; n++) m->want[t][c] += C[c][n] * x[n];
      for (int n = 0; n < ORDER; n++) b[t][c][n] = dt / (1 + dt / 2 * (n + 1)) * input[n] * u[t][c];
    }
  }
  seqmix_status status = recur(m, 0, WIDTH * ORDER, &a[0][0], &b[0][0][0], &z[0][0][0]);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < WIDTH; c++) {
      double y = D[c] * u[t][c];
      for (int n = 0; n < ORDER; n++)
        for (int k = 0; k <= n; k++) y += C[c][n] * V[n][k] * z[t][c][k];
      m->got[t][c] = (float)y;
    }
  }
  return status;
}

/* ---- LMU of order 2 (Voelker et al. 2019) -----------------------------------------------------
 */

/* A~ = exp(A) and B~ = A^-1 (exp(A) - 1) B, term by term, of A = [[-1, -1], [3, -3]] / theta and
 * B = [1, -3] / theta. */
static void lmu_discretise(double theta, double A[2][2], double B[2]) {
  double column[3][2] = {{1, 0}, {0, 1}, {1 / theta, -3 / theta}};
  for (int i = 0; i < 2; i++) {
    A[i][0] = A[i][1] = B[i] = 0;
  }
  for (int k = 1; k < 40; k++) {
    for (int i = 0; i < 2; i++) {
      A[i][0] += column[0][i];
      A[i][1] += column[1][i];
      B[i] += column[2][i];
    }
    for (int j = 0; j < 3; j++) {
      double x = column[j][0], y = column[j][1], by = theta * (j < 2 ? k : k + 1);
      column[j][0] = (-x - y) / by;
      column[j][1] = (3 * x - 3 * y) / by;
    }
  }
}

/* m_t = A~ m_{t-1} + B~ u_t. A theta has the eigenvalues -2 +- i sqrt(2) with the eigenvectors
 * (1, 1 -+ i sqrt(2)), of which B theta is 1/2 -+ i sqrt(2): the half of a pair is enough. */
seqmix_status lmu(scan_model *m) {
  enum { INPUTS = WIDTH / 2 };
  static double complex a[INPUTS], b[TIME][INPUTS], h[TIME][INPUTS];
  const double complex pole = -2 + I * sqrt(2), input = 0.5 - I * sqrt(2);
  const double complex second = 1 - I * sqrt(2);
  for (int c = 0; c < INPUTS; c++) {
    double theta = draw_between(m, 2, 20), A[2][2], B[2], x[2] = {0};
    lmu_discretise(theta, A, B);
    a[c] = cexp(pole / theta);
    for (int t = 0; t < TIME; t++) {
      double u = draw_normal(m), first = A[0][0] * x[0] + A[0][1] * x[1] + B[0] * u;
      x[1] = A[1][0] * x[0] + A[1][1] * x[1] + B[1] * u;
      x[0] = first;
      m->want[t][2 * c] = x[0];
      m->want[t][2 * c + 1] = x[1];
      b[t][c] = (a[c] - 1) / pole * input * u;
    }
  }
  seqmix_status status = recur_complex(m, 0, INPUTS, a, &b[0][0], &h[0][0]);
  for (int t = 0; t < TIME; t++) {
    for (int c = 0; c < INPUTS; c++) {
      m->got[t][2 * c] = (float)(2 * creal(h[t][c]));
      m->got[t][2 * c + 1] = (float)(2 * creal(second * h[t][c]));
    }
  }
  return status;
}
