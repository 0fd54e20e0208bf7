/* SPDX-License-Identifier: Apache-2.0 */
/* Models whose state decays by one number per head. */
#include <complex.h>
#include <math.h>

#include "model.h"

/* ---- RetNet (Sun et al. 2023) --------------------------------------------------------------- */

/* theta of a pair of channels */
static double angle(int pair) { return pow(10000, -2.0 * pair / DIM); }

static double complex pair_of(const double x[DIM], int pair) {
  return x[2 * pair] + x[2 * pair + 1] * I;
}

/* Row n times exp(i n theta), which is the caller's. */
static void rotate(double x[DIM], int n) {
  for (int pair = 0; pair < DIM / 2; pair++) {
    double complex z = pair_of(x, pair) * cexp(I * n * angle(pair));
    x[2 * pair] = creal(z);
    x[2 * pair + 1] = cimag(z);
  }
}

/* Retention(X) = (Q K^T . D) V / sqrt(d), D_nm = gamma^(n-m) for n >= m. Q and K are complex:
 * Q_n = q_n exp(i n theta), and K has the conjugate. */
void retnet(model *m) {
  double gamma[HEADS], decay[HEADS];
  m->args.update_rule = SEQMIX_UPDATE_GATED;
  m->args.scale = SEQMIX_SCALE_DEFAULT;
  for (int h = 0; h < HEADS; h++) {
    gamma[h] = 1 - pow(2, -5 - h);
    decay[h] = log(gamma[h]);
    for (int n = 0; n < TIME; n++) {
      for (int s = 0; s <= n; s++) {
        double complex score = 0;
        for (int pair = 0; pair < DIM / 2; pair++)
          score += pair_of(m->q[n][h], pair) * cexp(I * (n - s) * angle(pair)) *
                   conj(pair_of(m->k[s][h], pair));
        add_values(m->want[n][h], pow(gamma[h], n - s) * creal(score) / sqrt(DIM), m->v[s][h]);
      }
    }
    for (int n = 0; n < TIME; n++) rotate(m->q[n][h], n);
    for (int n = 0; n < TIME; n++) rotate(m->k[n][h], n);
  }
  m->args.decay = model_constants(m, decay);
}

/* ---- Lightning attention, TransNormerLLM (Qin et al. 2024) ----------------------------------- */

/* kv_t = lambda kv_{t-1} + k_t v_t^T, o_t = q_t^T kv_t, where q and k have been through silu, and
 * lambda = exp(-8 h/H (1 - l/L)) of layer l */
void lightning(model *m) {
  double decay[HEADS];
  m->args.update_rule = SEQMIX_UPDATE_GATED;
  m->args.feature_map = SEQMIX_FEATURE_SILU;
  for (int h = 0; h < HEADS; h++) {
    double kv[DIM][VALUE_DIM] = {0};
    decay[h] = -8.0 * h / HEADS * (1 - 0.75);
    for (int t = 0; t < TIME; t++) {
      for (int d = 0; d < DIM; d++) {
        for (int j = 0; j < VALUE_DIM; j++) kv[d][j] *= exp(decay[h]);
        add_values(kv[d], silu(m->k[t][h][d]), m->v[t][h]);
      }
      for (int d = 0; d < DIM; d++) add_values(m->want[t][h], silu(m->q[t][h][d]), kv[d]);
    }
  }
  m->args.decay = model_constants(m, decay);
}

/* ---- SSD, Mamba-2 (Dao and Gu 2024) --------------------------------------------------------- */

/* Y = (L . C B^T) (dt X), L_ts = exp(sum_{s < r <= t} dt_r A). One group: all heads share B and C.
 * The skip D x is the caller's, and so is the product dt x. */
void mamba2(model *m) {
  static double raw[TIME][HEADS], dt[TIME][HEADS], decay[TIME][HEADS];
  static double x[TIME][HEADS][VALUE_DIM];
  const double(*C)[HEADS][DIM] = (const double(*)[HEADS][DIM])m->q;
  const double(*B)[HEADS][DIM] = (const double(*)[HEADS][DIM])m->k;
  model_draw_heads(m, raw);
  for (int h = 0; h < HEADS; h++) {
    double dt_bias = model_normal(m), A = -exp(model_normal(m) - 1);
    for (int t = 0; t < TIME; t++) {
      dt[t][h] = softplus(raw[t][h] + dt_bias);
      decay[t][h] = dt[t][h] * A;
      for (int j = 0; j < VALUE_DIM; j++) x[t][h][j] = m->v[t][h][j];
      for (int j = 0; j < VALUE_DIM; j++) m->v[t][h][j] = dt[t][h] * x[t][h][j];
    }
    for (int t = 0; t < TIME; t++) {
      double L = 1;
      for (int s = t; s >= 0; s--) {
        add_values(m->want[t][h], L * dot(C[t][0], B[s][0]) * dt[s][h], x[s][h]);
        L *= exp(dt[s][h] * A);
      }
    }
  }
  m->query_heads = m->key_heads = 1;
  m->args.update_rule = SEQMIX_UPDATE_GATED;
  m->args.decay = model_heads(m, (const double(*)[HEADS])decay);
}

/* ---- mLSTM (Beck et al. 2024) --------------------------------------------------------------- */

/* C_t = f_t C_{t-1} + i_t v_t k_t^T, n_t = f_t n_{t-1} + i_t k_t, h_t = C_t q_t / max(|n_t.q_t|, 1)
 * with k over sqrt(d), i = exp(i~) and f = sigmoid(f~): without the stabilizer m, which cancels. */
void mlstm(model *m) {
  static double i_raw[TIME][HEADS], f_raw[TIME][HEADS], decay[TIME][HEADS];
  model_draw_heads(m, i_raw);
  model_draw_heads(m, f_raw);
  for (int h = 0; h < HEADS; h++) {
    double C[VALUE_DIM][DIM] = {0}, n[DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      double i = exp(i_raw[t][h]), f = sigmoid(2 + f_raw[t][h]);
      decay[t][h] = log(f);
      for (int d = 0; d < DIM; d++) {
        double k = m->k[t][h][d] / sqrt(DIM);
        for (int j = 0; j < VALUE_DIM; j++) C[j][d] = f * C[j][d] + i * m->v[t][h][j] * k;
        n[d] = f * n[d] + i * k;
      }
      double below = fmax(fabs(dot(n, m->q[t][h])), 1);
      for (int j = 0; j < VALUE_DIM; j++) m->want[t][h][j] = dot(C[j], m->q[t][h]) / below;
    }
  }
  m->args.update_rule = SEQMIX_UPDATE_GATED;
  m->args.scale = SEQMIX_SCALE_DEFAULT;
  m->args.normalize = SEQMIX_NORMALIZE_ABS_MAX;
  m->args.decay = model_heads(m, (const double(*)[HEADS])decay);
  m->args.input_gate = model_heads(m, (const double(*)[HEADS])i_raw);
}
