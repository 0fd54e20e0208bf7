/* SPDX-License-Identifier: Apache-2.0 */
/* Models that correct what the state holds. Their papers write the state both ways round: each
 * function keeps its paper's. */
#include <math.h>

#include "model.h"

/* Rows as the operator's l2norm has them. */
static void unit_rows(double rows[TIME][HEADS][DIM]) {
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++) to_unit_length(rows[t][h], rows[t][h]);
}

/* ---- DeltaNet (Yang et al. 2024) ------------------------------------------------------------ */

/* S_t = S_{t-1} (I - beta k k^T) + beta v k^T, o_t = S_t q_t; q and k of length 1 */
void deltanet(model *m) {
  static double beta[TIME][HEADS];
  model_draw_heads(m, beta);
  for (int h = 0; h < HEADS; h++) {
    double S[VALUE_DIM][DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      double q[DIM], k[DIM];
      to_unit_length(m->q[t][h], q);
      to_unit_length(m->k[t][h], k);
      beta[t][h] = sigmoid(beta[t][h]);
      for (int j = 0; j < VALUE_DIM; j++) {
        double held = dot(S[j], k);
        for (int d = 0; d < DIM; d++) S[j][d] += beta[t][h] * (m->v[t][h][j] - held) * k[d];
        m->want[t][h][j] = dot(S[j], q);
      }
    }
  }
  m->args.update_rule = SEQMIX_UPDATE_DELTA;
  m->args.feature_map = SEQMIX_FEATURE_L2NORM;
  m->args.beta = model_heads(m, (const double(*)[HEADS])beta);
}

/* ---- Gated DeltaNet (Yang et al. 2025) ------------------------------------------------------ */

/* S_t = S_{t-1} alpha (I - beta k k^T) + beta v k^T, alpha = exp(-exp(A) softplus(a + bias)). The
 * heads of v share one head of q and k. */
void gated_deltanet(model *m) {
  static double beta[TIME][HEADS], a[TIME][HEADS], decay[TIME][HEADS];
  model_draw_heads(m, beta);
  model_draw_heads(m, a);
  for (int h = 0; h < HEADS; h++) {
    double S[VALUE_DIM][DIM] = {0}, A = model_normal(m) - 1, bias = model_normal(m);
    for (int t = 0; t < TIME; t++) {
      double q[DIM], k[DIM];
      to_unit_length(m->q[t][0], q);
      to_unit_length(m->k[t][0], k);
      beta[t][h] = sigmoid(beta[t][h]);
      decay[t][h] = -exp(A) * softplus(a[t][h] + bias);
      for (int j = 0; j < VALUE_DIM; j++) {
        double alpha = exp(decay[t][h]), held = dot(S[j], k);
        for (int d = 0; d < DIM; d++)
          S[j][d] =
              alpha * (S[j][d] - beta[t][h] * held * k[d]) + beta[t][h] * m->v[t][h][j] * k[d];
        m->want[t][h][j] = dot(S[j], q);
      }
    }
  }
  m->query_heads = m->key_heads = 1;
  m->args.update_rule = SEQMIX_UPDATE_GATED_DELTA;
  m->args.feature_map = SEQMIX_FEATURE_L2NORM;
  m->args.decay = model_heads(m, (const double(*)[HEADS])decay);
  m->args.beta = model_heads(m, (const double(*)[HEADS])beta);
}

/* ---- Kimi Delta Attention (Kimi Team 2025), Gated DeltaNet-2 (Hatamizadeh et al. 2026) ------- */

/* S = (I - k e^T) Diag(alpha) S, for a row e that erases. */
static void erase(double S[DIM][VALUE_DIM], const double alpha[DIM], const double k[DIM],
                  const double e[DIM]) {
  double held[VALUE_DIM] = {0};
  for (int d = 0; d < DIM; d++)
    for (int j = 0; j < VALUE_DIM; j++) S[d][j] *= alpha[d];
  for (int d = 0; d < DIM; d++) add_values(held, e[d], S[d]);
  for (int d = 0; d < DIM; d++) add_values(S[d], -k[d], held);
}

/* alpha = exp(-exp(A) softplus(.)) per channel, from deviates; returns their logs. */
static const seqmix_tensor *channel_decay(model *m, double alpha[TIME][HEADS][DIM]) {
  static double decay[TIME][HEADS][DIM];
  model_draw_channels(m, decay);
  for (int h = 0; h < HEADS; h++) {
    double A = model_normal(m) - 1;
    for (int t = 0; t < TIME; t++) {
      for (int d = 0; d < DIM; d++) {
        decay[t][h][d] = -exp(A) * softplus(decay[t][h][d]);
        alpha[t][h][d] = exp(decay[t][h][d]);
      }
    }
  }
  return model_channels(m, (const double(*)[HEADS][DIM])decay);
}

/* S_t = (I - beta k k^T) Diag(alpha) S_{t-1} + beta k v^T, o_t = S_t^T q_t */
void kda(model *m) {
  static double alpha[TIME][HEADS][DIM], beta[TIME][HEADS];
  m->args.decay = channel_decay(m, alpha);
  model_draw_heads(m, beta);
  for (int h = 0; h < HEADS; h++) {
    double S[DIM][VALUE_DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      double q[DIM], k[DIM], beta_k[DIM];
      beta[t][h] = sigmoid(beta[t][h]);
      to_unit_length(m->q[t][h], q);
      to_unit_length(m->k[t][h], k);
      for (int d = 0; d < DIM; d++) beta_k[d] = beta[t][h] * k[d];
      erase(S, alpha[t][h], k, beta_k);
      for (int d = 0; d < DIM; d++) add_values(S[d], beta_k[d], m->v[t][h]);
      for (int d = 0; d < DIM; d++) add_values(m->want[t][h], q[d], S[d]);
    }
  }
  m->args.update_rule = SEQMIX_UPDATE_GATED_DELTA;
  m->args.feature_map = SEQMIX_FEATURE_L2NORM;
  m->args.beta = model_heads(m, (const double(*)[HEADS])beta);
}

/* S_t = (I - k (b . k)^T) Diag(alpha) S_{t-1} + k (w . v)^T: b erases along keys, w writes along
 * values. The erasing row needs k itself, so that its length is the caller's. */
void gated_deltanet2(model *m) {
  static double alpha[TIME][HEADS][DIM], b[TIME][HEADS][DIM], w[TIME][HEADS][VALUE_DIM];
  m->args.decay = channel_decay(m, alpha);
  model_draw_channels(m, b);
  unit_rows(m->q);
  unit_rows(m->k);
  for (int h = 0; h < HEADS; h++) {
    double S[DIM][VALUE_DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      const double *k = m->k[t][h];
      double written[VALUE_DIM];
      for (int j = 0; j < VALUE_DIM; j++) w[t][h][j] = sigmoid(model_normal(m));
      for (int j = 0; j < VALUE_DIM; j++) written[j] = w[t][h][j] * m->v[t][h][j];
      for (int d = 0; d < DIM; d++) b[t][h][d] = sigmoid(b[t][h][d]) * k[d];
      erase(S, alpha[t][h], k, b[t][h]);
      for (int d = 0; d < DIM; d++) add_values(S[d], k[d], written);
      for (int d = 0; d < DIM; d++) add_values(m->want[t][h], m->q[t][h][d], S[d]);
    }
  }
  m->args.update_rule = SEQMIX_UPDATE_GATED_DELTA;
  m->args.beta = model_values(m, (const double(*)[HEADS][VALUE_DIM])w);
  m->args.erase = model_channels(m, (const double(*)[HEADS][DIM])b);
}

/* ---- Comba (Hu et al. 2025) ----------------------------------------------------------------- */

typedef struct comba_gates {
  double alpha[TIME][HEADS], beta[TIME][HEADS];
  double feedback[HEADS], correction[HEADS]; /* b and d */
} comba_gates;

/* Draws the gates; then q becomes q - d k, which is what the state is asked for. */
static void draw_comba(model *m, comba_gates *gates) {
  unit_rows(m->q);
  unit_rows(m->k);
  for (int h = 0; h < HEADS; h++) {
    gates->feedback[h] = sigmoid(model_normal(m));
    gates->correction[h] = sigmoid(model_normal(m));
    for (int t = 0; t < TIME; t++) {
      gates->alpha[t][h] = sigmoid(3 + model_normal(m));
      gates->beta[t][h] = sigmoid(model_normal(m));
      for (int d = 0; d < DIM; d++) m->q[t][h][d] -= gates->correction[h] * m->k[t][h][d];
    }
  }
}

/* S_t = alpha S_{t-1} - (erased^T k) k^T b beta + beta v k^T, o_t = S_t (q_t - d k_t), erased being
 * S_{t-1} after its decay or before it. */
static void run_comba(model *m, const comba_gates *gates, int after_decay) {
  for (int h = 0; h < HEADS; h++) {
    double S[VALUE_DIM][DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      const double *k = m->k[t][h];
      double alpha = gates->alpha[t][h], beta = gates->beta[t][h];
      for (int j = 0; j < VALUE_DIM; j++) {
        double held = dot(S[j], k) * (after_decay ? alpha : 1);
        for (int d = 0; d < DIM; d++)
          S[j][d] = alpha * S[j][d] - gates->feedback[h] * beta * held * k[d] +
                    beta * m->v[t][h][j] * k[d];
        m->want[t][h][j] = dot(S[j], m->q[t][h]);
      }
    }
  }
}

static const seqmix_tensor *comba_decay(model *m, const comba_gates *gates) {
  static double decay[TIME][HEADS];
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++) decay[t][h] = log(gates->alpha[t][h]);
  return model_heads(m, (const double(*)[HEADS])decay);
}

/* As its published step for generation has it: what has decayed is erased by beta p, p = b k. */
void comba(model *m) {
  static comba_gates gates;
  static double erase_row[TIME][HEADS][DIM];
  draw_comba(m, &gates);
  run_comba(m, &gates, 1);
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++)
      for (int d = 0; d < DIM; d++)
        erase_row[t][h][d] = gates.beta[t][h] * gates.feedback[h] * m->k[t][h][d];
  m->args.update_rule = SEQMIX_UPDATE_GATED_DELTA;
  m->args.decay = comba_decay(m, &gates);
  m->args.beta = model_heads(m, (const double(*)[HEADS])gates.beta);
  m->args.erase = model_channels(m, (const double(*)[HEADS][DIM])erase_row);
}

/* As its recurrence is written: S_t = S_{t-1} (alpha - b beta k k^T) + beta v k^T. */
void comba_before_decay(model *m) {
  static comba_gates gates;
  static double a[TIME][HEADS][DIM];
  draw_comba(m, &gates);
  run_comba(m, &gates, 0);
  for (int t = 0; t < TIME; t++) {
    for (int h = 0; h < HEADS; h++) {
      for (int d = 0; d < DIM; d++)
        a[t][h][d] = -gates.beta[t][h] * gates.feedback[h] * m->k[t][h][d];
      for (int j = 0; j < VALUE_DIM; j++) m->v[t][h][j] *= gates.beta[t][h];
    }
  }
  m->args.update_rule = SEQMIX_UPDATE_DPLR;
  m->args.decay = comba_decay(m, &gates);
  m->args.a = model_channels(m, (const double(*)[HEADS][DIM])a);
  m->args.b = model_channels(m, (const double(*)[HEADS][DIM])m->k);
}
