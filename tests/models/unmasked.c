/* SPDX-License-Identifier: Apache-2.0 */
/* Models without decay, and those that look both ways. */
#include <math.h>

#include "model.h"

/* ---- linear attention (Katharopoulos et al. 2020) ------------------------------------------- */

static void elu_plus_one(const double x[DIM], double y[DIM]) {
  for (int d = 0; d < DIM; d++) y[d] = x[d] > 0 ? x[d] + 1 : exp(x[d]);
}

/* V'_i = sum_{j <= i} (phi(Q_i).phi(K_j)) V_j / sum_{j <= i} phi(Q_i).phi(K_j) */
void linear_attention(model *m) {
  m->args.feature_map = SEQMIX_FEATURE_ELU1;
  m->args.normalize = SEQMIX_NORMALIZE_SUM;
  for (int h = 0; h < HEADS; h++) {
    for (int i = 0; i < TIME; i++) {
      double phi_q[DIM], phi_k[DIM], total = 0;
      elu_plus_one(m->q[i][h], phi_q);
      for (int j = 0; j <= i; j++) {
        elu_plus_one(m->k[j][h], phi_k);
        total += dot(phi_q, phi_k);
        add_values(m->want[i][h], dot(phi_q, phi_k), m->v[j][h]);
      }
      for (int j = 0; j < VALUE_DIM; j++) m->want[i][h][j] /= total;
    }
  }
}

/* ---- Galerkin attention (Cao 2021) ---------------------------------------------------------- */

static void layer_norm(const double *x, int count, double *y) {
  double mean = 0, variance = 0;
  for (int i = 0; i < count; i++) mean += x[i] / count;
  for (int i = 0; i < count; i++) variance += (x[i] - mean) * (x[i] - mean) / count;
  for (int i = 0; i < count; i++) y[i] = (x[i] - mean) / sqrt(variance + 1e-5);
}

/* z = Q (K~^T V~) / n, with layer norms on keys and values, which are the caller's. */
void galerkin(model *m) {
  m->args.causal = 0;
  m->args.scale = 1.0 / TIME;
  for (int h = 0; h < HEADS; h++) {
    double product[DIM][VALUE_DIM] = {0};
    for (int t = 0; t < TIME; t++) {
      layer_norm(m->k[t][h], DIM, m->k[t][h]);
      layer_norm(m->v[t][h], VALUE_DIM, m->v[t][h]);
      for (int d = 0; d < DIM; d++) add_values(product[d], m->k[t][h][d], m->v[t][h]);
    }
    for (int t = 0; t < TIME; t++)
      for (int d = 0; d < DIM; d++) add_values(m->want[t][h], m->q[t][h][d] / TIME, product[d]);
  }
}

/* ---- the linear part of sparse-linear attention (Zhang et al. 2025) -------------------------- */

static void softmax(const double x[DIM], double y[DIM]) {
  double sum = 0;
  for (int d = 0; d < DIM; d++) sum += exp(x[d]);
  for (int d = 0; d < DIM; d++) y[d] = exp(x[d]) / sum;
}

/* O_i = phi(Q_i) H / (phi(Q_i) Z), H = sum_j phi(K_j)^T V_j, Z = sum_j phi(K_j)^T over all j */
void sla(model *m) {
  m->args.causal = 0;
  m->args.feature_map = SEQMIX_FEATURE_SOFTMAX;
  m->args.normalize = SEQMIX_NORMALIZE_SUM;
  for (int h = 0; h < HEADS; h++) {
    double H[DIM][VALUE_DIM] = {0}, Z[DIM] = {0}, phi[DIM];
    for (int t = 0; t < TIME; t++) {
      softmax(m->k[t][h], phi);
      for (int d = 0; d < DIM; d++) add_values(H[d], phi[d], m->v[t][h]);
      for (int d = 0; d < DIM; d++) Z[d] += phi[d];
    }
    for (int t = 0; t < TIME; t++) {
      softmax(m->q[t][h], phi);
      for (int d = 0; d < DIM; d++) add_values(m->want[t][h], phi[d] / dot(phi, Z), H[d]);
    }
  }
}

/* ---- LION (Afzal et al. 2025) --------------------------------------------------------------- */

/* phi(x) = (silu(x) + 0.5) / |silu(x) + 0.5|, the caller's, in place. */
static void lion_features(double rows[TIME][HEADS][DIM]) {
  for (int t = 0; t < TIME; t++) {
    for (int h = 0; h < HEADS; h++) {
      double *x = rows[t][h];
      for (int d = 0; d < DIM; d++) x[d] = silu(x[d]) + 0.5;
      double length = sqrt(dot(x, x));
      for (int d = 0; d < DIM; d++) x[d] /= length;
    }
  }
}

/* Row i of Y = SCALE(Q K^T . M) V, SCALE making the rows' sums 1. */
static void lion_row(model *m, int h, int i, const double mask[TIME]) {
  double total = 0;
  for (int j = 0; j < TIME; j++) {
    double score = dot(m->q[i][h], m->k[j][h]) * mask[j];
    total += score;
    add_values(m->want[i][h], score, m->v[j][h]);
  }
  for (int j = 0; j < VALUE_DIM; j++) m->want[i][h][j] /= total;
}

static void lion_options(model *m) {
  m->args.update_rule = SEQMIX_UPDATE_GATED;
  m->args.bidirectional = 1;
  m->args.normalize = SEQMIX_NORMALIZE_SUM;
  lion_features(m->q);
  lion_features(m->k);
}

/* M_ij = lambda^|i-j| */
void lion_d(model *m) {
  lion_options(m);
  double lambda[HEADS], decay[HEADS], mask[TIME];
  for (int h = 0; h < HEADS; h++) {
    lambda[h] = sigmoid(2 + model_normal(m));
    decay[h] = log(lambda[h]);
    for (int i = 0; i < TIME; i++) {
      for (int j = 0; j < TIME; j++) mask[j] = pow(lambda[h], fabs((double)(i - j)));
      lion_row(m, h, i, mask);
    }
  }
  m->args.decay = model_constants(m, decay);
}

/* M_ij = lambda_j ... lambda_{i-1} below the diagonal, lambda_{i+1} ... lambda_j above it. So the
 * forward pass meets at i what the operator would have called the decay of i - 1, the reverse pass
 * that of i + 1: decays are given shifted by one each way. */
void lion_s(model *m) {
  lion_options(m);
  static double a[TIME][HEADS], lambda[TIME][HEADS], forward[TIME][HEADS], backward[TIME][HEADS];
  model_draw_heads(m, a);
  for (int h = 0; h < HEADS; h++) {
    for (int t = 0; t < TIME; t++) lambda[t][h] = sigmoid(1 + a[t][h]);
    for (int t = 0; t < TIME; t++) {
      forward[t][h] = t > 0 ? log(lambda[t - 1][h]) : 0;
      backward[t][h] = t < TIME - 1 ? log(lambda[t + 1][h]) : 0;
    }
    for (int i = 0; i < TIME; i++) {
      double mask[TIME];
      mask[i] = 1;
      for (int j = i - 1; j >= 0; j--) mask[j] = mask[j + 1] * lambda[j][h];
      for (int j = i + 1; j < TIME; j++) mask[j] = mask[j - 1] * lambda[j][h];
      lion_row(m, h, i, mask);
    }
  }
  m->args.decay = model_heads(m, (const double(*)[HEADS])forward);
  m->args.decay_reverse = model_heads(m, (const double(*)[HEADS])backward);
}
