/* SPDX-License-Identifier: Apache-2.0 */
/* RWKV, whose receptance r reads where others have a query. */
#include <math.h>
#include <string.h>

#include "model.h"

/* ---- RWKV-6 (Peng et al. 2024) -------------------------------------------------------------- */

/* wkv_t = diag(u) k_t^T v_t + sum_{i < t} diag(w_{i+1} ... w_{t-1}) k_i^T v_i, out_t = r_t wkv_t,
 * w = exp(-exp(d)) */
void rwkv6(model *m) {
  static double decay[TIME][HEADS][DIM];
  double u[HEADS][DIM];
  model_draw_channels(m, decay);
  for (int h = 0; h < HEADS; h++) {
    for (int c = 0; c < DIM; c++) u[h][c] = model_normal(m);
    for (int t = 0; t < TIME; t++) {
      const double *r = m->q[t][h];
      double w[DIM];
      for (int c = 0; c < DIM; c++) {
        decay[t][h][c] = -exp(decay[t][h][c] - 2);
        w[c] = 1;
        add_values(m->want[t][h], r[c] * u[h][c] * m->k[t][h][c], m->v[t][h]);
      }
      for (int i = t - 1; i >= 0; i--) {
        for (int c = 0; c < DIM; c++) {
          add_values(m->want[t][h], r[c] * w[c] * m->k[i][h][c], m->v[i][h]);
          w[c] *= exp(decay[i][h][c]);
        }
      }
    }
  }
  m->args.update_rule = SEQMIX_UPDATE_GATED;
  m->args.decay = model_channels(m, (const double(*)[HEADS][DIM])decay);
  m->args.bonus = model_bonus(m, (const double(*)[DIM])u);
}

/* ---- RWKV-7 (Peng et al. 2025) -------------------------------------------------------------- */

typedef struct rwkv7_gates {
  double decay[TIME][HEADS][DIM];   /* log w = -exp(-1/2) sigmoid(.) */
  double removal[TIME][HEADS][DIM]; /* kappa^, of length 1 */
  double rate[TIME][HEADS][DIM];    /* a, the learning rate in context */
} rwkv7_gates;

/* Draws the gates and makes k the replacement key: k . (1 + (a - 1) . alpha). */
static void draw_rwkv7(model *m, rwkv7_gates *gates) {
  model_draw_channels(m, gates->decay);
  model_draw_channels(m, gates->rate);
  for (int h = 0; h < HEADS; h++) {
    double xi[DIM], alpha[DIM];
    for (int c = 0; c < DIM; c++) xi[c] = model_normal(m);
    for (int c = 0; c < DIM; c++) alpha[c] = sigmoid(model_normal(m));
    for (int t = 0; t < TIME; t++) {
      double kappa[DIM];
      for (int c = 0; c < DIM; c++) {
        gates->decay[t][h][c] = -exp(-0.5) * sigmoid(gates->decay[t][h][c]);
        gates->rate[t][h][c] = sigmoid(gates->rate[t][h][c]);
        kappa[c] = m->k[t][h][c] * xi[c];
        m->k[t][h][c] *= 1 + (gates->rate[t][h][c] - 1) * alpha[c];
      }
      to_unit_length(kappa, gates->removal[t][h]);
    }
  }
}

/* wkv_t = wkv_{t-1} (diag(w_t) - kappa^_t^T (a_t . kappa^_t)) + v_t^T k~_t, out_t = wkv_t r_t^T;
 * rows of wkv are values', columns keys'. The term of the current token alone is the caller's. */
void rwkv7(model *m) {
  static rwkv7_gates gates;
  static double minus_removal[TIME][HEADS][DIM], b[TIME][HEADS][DIM];
  draw_rwkv7(m, &gates);
  for (int h = 0; h < HEADS; h++) {
    double wkv[VALUE_DIM][DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      const double *removal = gates.removal[t][h], *rate = gates.rate[t][h];
      for (int j = 0; j < VALUE_DIM; j++) {
        double held = dot(wkv[j], removal);
        for (int c = 0; c < DIM; c++)
          wkv[j][c] = wkv[j][c] * exp(gates.decay[t][h][c]) - held * rate[c] * removal[c] +
                      m->v[t][h][j] * m->k[t][h][c];
        m->want[t][h][j] = dot(wkv[j], m->q[t][h]);
      }
      for (int c = 0; c < DIM; c++) minus_removal[t][h][c] = -removal[c];
      for (int c = 0; c < DIM; c++) b[t][h][c] = rate[c] * removal[c];
    }
  }
  m->args.update_rule = SEQMIX_UPDATE_DPLR;
  m->args.decay = model_channels(m, (const double(*)[HEADS][DIM])gates.decay);
  m->args.a = model_channels(m, (const double(*)[HEADS][DIM])minus_removal);
  m->args.b = model_channels(m, (const double(*)[HEADS][DIM])b);
}
