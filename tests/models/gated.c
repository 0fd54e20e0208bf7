/* SPDX-License-Identifier: Apache-2.0 */
/* Models with a decay per key channel. */
#include <math.h>

#include "model.h"

/* The logs of factors, as the call's decay. */
static void give_decay(model *m, const double factor[TIME][HEADS][DIM]) {
  static double decay[TIME][HEADS][DIM];
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++)
      for (int d = 0; d < DIM; d++) decay[t][h][d] = log(factor[t][h][d]);
  m->args.update_rule = SEQMIX_UPDATE_GATED;
  m->args.decay = model_channels(m, (const double(*)[HEADS][DIM])decay);
}

/* ---- GLA (Yang et al. 2024) ----------------------------------------------------------------- */

/* P_ij = sum_c Q_ic K_jc b_ic / b_jc for i >= j, b the running product of alpha; O = P V. Here
 * alpha = sigmoid(.)^(1/16), and scores are over sqrt(d). */
void gla(model *m) {
  static double alpha[TIME][HEADS][DIM], log_b[TIME][HEADS][DIM];
  model_draw_channels(m, alpha);
  for (int h = 0; h < HEADS; h++) {
    for (int i = 0; i < TIME; i++) {
      for (int c = 0; c < DIM; c++) {
        alpha[i][h][c] = pow(sigmoid(alpha[i][h][c]), 1.0 / 16);
        log_b[i][h][c] = (i > 0 ? log_b[i - 1][h][c] : 0) + log(alpha[i][h][c]);
      }
      for (int j = 0; j <= i; j++) {
        double P = 0;
        for (int c = 0; c < DIM; c++)
          P += m->q[i][h][c] * m->k[j][h][c] * exp(log_b[i][h][c] - log_b[j][h][c]);
        add_values(m->want[i][h], P / sqrt(DIM), m->v[j][h]);
      }
    }
  }
  m->args.scale = SEQMIX_SCALE_DEFAULT;
  give_decay(m, (const double(*)[HEADS][DIM])alpha);
}

/* ---- HGRN2 (Qin et al. 2024) ---------------------------------------------------------------- */

/* H_t = Diag(f_t) H_{t-1} + (1 - f_t) i_t^T, y_t = H_t^T o_t: the input gate is tied to the forget
 * gate, which has a lower bound, and stands where keys do. */
void hgrn2(model *m) {
  static double f[TIME][HEADS][DIM];
  const double bound = 0.3;
  model_draw_channels(m, f);
  for (int h = 0; h < HEADS; h++) {
    double H[DIM][VALUE_DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      const double *o = m->q[t][h], *i = m->v[t][h];
      for (int c = 0; c < DIM; c++) {
        f[t][h][c] = bound + (1 - bound) * sigmoid(f[t][h][c]);
        for (int j = 0; j < VALUE_DIM; j++)
          H[c][j] = f[t][h][c] * H[c][j] + (1 - f[t][h][c]) * i[j];
        add_values(m->want[t][h], o[c], H[c]);
        m->k[t][h][c] = 1 - f[t][h][c];
      }
    }
  }
  give_decay(m, (const double(*)[HEADS][DIM])f);
}

/* ---- GateLoop with real gates (Katsch 2023) ------------------------------------------------- */

/* y_l = sum_{m <= l} q_l (k_m^T v_m) prod_{m < j <= l} a_j */
void gateloop(model *m) {
  static double a[TIME][HEADS][DIM];
  model_draw_channels(m, a);
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++)
      for (int c = 0; c < DIM; c++) a[t][h][c] = sigmoid(2 + a[t][h][c]);
  for (int h = 0; h < HEADS; h++) {
    for (int l = 0; l < TIME; l++) {
      double product[DIM];
      for (int c = 0; c < DIM; c++) product[c] = 1;
      for (int s = l; s >= 0; s--) {
        for (int c = 0; c < DIM; c++)
          add_values(m->want[l][h], m->q[l][h][c] * product[c] * m->k[s][h][c], m->v[s][h]);
        for (int c = 0; c < DIM; c++) product[c] *= a[s][h][c];
      }
    }
  }
  give_decay(m, (const double(*)[HEADS][DIM])a);
}

/* ---- ReGLA (Lu et al. 2025) ----------------------------------------------------------------- */

/* The largest entry of a head's rows first .. last. */
static double largest(double rows[TIME][HEADS][DIM], int h, int first, int last) {
  double found = rows[first][h][0];
  for (int t = first; t <= last; t++)
    for (int c = 0; c < DIM; c++) found = fmax(found, rows[t][h][c]);
  return found;
}

/* S_t = F_t S_{t-1} + phi(k_t) v_t^T, o_t = S_t^T phi(q_t) / (e sqrt(d (e^2 - 1))), where the gate
 * g is refined by a second one r: F = (1 - r) g^2 + r (1 - (1 - g)^2). phi is exp after subtracting
 * the largest entry: of the row for q, of all rows for k. The subtraction is the caller's. */
void regla(model *m) {
  static double g[TIME][HEADS][DIM], r[TIME][HEADS][DIM], F[TIME][HEADS][DIM];
  const double e = exp(1), factor = 1 / (e * sqrt(DIM * (e * e - 1)));
  model_draw_channels(m, g);
  model_draw_channels(m, r);
  for (int h = 0; h < HEADS; h++) {
    double S[DIM][VALUE_DIM] = {0}, k_largest = largest(m->k, h, 0, TIME - 1);
    for (int t = 0; t < TIME; t++) {
      double q_largest = largest(m->q, h, t, t);
      for (int c = 0; c < DIM; c++) {
        double gate = sigmoid(g[t][h][c]), refine = sigmoid(r[t][h][c]);
        F[t][h][c] = (1 - refine) * gate * gate + refine * (1 - (1 - gate) * (1 - gate));
        m->q[t][h][c] -= q_largest;
        m->k[t][h][c] -= k_largest;
        for (int j = 0; j < VALUE_DIM; j++) S[c][j] *= F[t][h][c];
        add_values(S[c], exp(m->k[t][h][c]), m->v[t][h]);
        add_values(m->want[t][h], exp(m->q[t][h][c]) * factor, S[c]);
      }
    }
  }
  m->args.feature_map = SEQMIX_FEATURE_EXP;
  m->args.scale = factor;
  give_decay(m, (const double(*)[HEADS][DIM])F);
}
