/* SPDX-License-Identifier: Apache-2.0 */
/* LightNet's decay, and the short convolutions. */
#include <math.h>

#include "scan_model.h"
#include "tests/support/mirror.h"

/* ---- LightNet (Qin et al. 2024) ---------------------------------------------------------------
 */

/* o_t = q_t^T kv_t with kv_t = sum_s exp(k_s) / (sum_{r <= t} exp(k_r)) v_s^T, per channel of k.
 * The running denominator is held as its log z: then the recurrence has the decay exp(z_{t-1} -
 * z_t) and the input exp(k_t - z_t) v_t^T. */
seqmix_status lightnet(scan_model *m) {
  static double q[TIME][WIDTH], k[TIME][WIDTH], v[TIME][WIDTH];
  static float k_data[TIME][WIDTH], z[TIME][WIDTH];
  draw_tokens(m, q);
  draw_tokens(m, k);
  draw_tokens(m, v);
  for (int t = 0; t < TIME; t++)
    for (int d = 0; d < WIDTH; d++) k_data[t][d] = (float)k[t][d];
  seqmix_tensor tk = seqmix_tensor_2d(k_data, SEQMIX_F32, TIME, WIDTH);
  seqmix_tensor tz = seqmix_tensor_2d(z, SEQMIX_F32, TIME, WIDTH);
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  args.x = &tk;
  args.out = &tz;
  args.op = SEQMIX_SCAN_LOGSUMEXP;
  args.axis = 0;
  seqmix_status status = mirror_call(m->context, SEQMIX_OP_PREFIX_SCAN, &args);
  double kv[WIDTH][WIDTH] = {0};
  for (int t = 0; t < TIME; t++) {
    double got[WIDTH] = {0};
    for (int d = 0; d < WIDTH; d++) {
      double total = 0;
      for (int s = 0; s <= t; s++) total += exp(k[s][d]);
      double decay = t ? exp((double)z[t - 1][d] - (double)z[t][d]) : 0;
      double input = exp(k[t][d] - (double)z[t][d]);
      for (int j = 0; j < WIDTH; j++) {
        for (int s = 0; s <= t; s++) m->want[t][j] += q[t][d] * exp(k[s][d]) / total * v[s][j];
        kv[d][j] = decay * kv[d][j] + input * v[t][j];
        got[j] += q[t][d] * kv[d][j];
      }
    }
    for (int j = 0; j < WIDTH; j++) m->got[t][j] = (float)got[j];
  }
  return status;
}

/* ---- short convolutions -----------------------------------------------------------------------
 */

/* y_t = sum_i filter_i u_{t-i} + bias per channel: filters begin with the token's own weight, and
 * the call's rows end with it. */
static seqmix_status convolve(scan_model *m, int64_t width, int32_t activation) {
  static double u[TIME][WIDTH];
  static float x_data[TIME][WIDTH], weight_data[WIDTH * ORDER], bias_data[WIDTH];
  draw_tokens(m, u);
  for (int c = 0; c < WIDTH; c++) {
    double filter[ORDER], bias = draw_normal(m);
    bias_data[c] = (float)bias;
    for (int64_t i = 0; i < width; i++) {
      filter[i] = draw_normal(m);
      weight_data[(c + 1) * width - 1 - i] = (float)filter[i];
    }
    for (int t = 0; t < TIME; t++) {
      double y = bias;
      for (int64_t i = 0; i < width && i <= t; i++) y += filter[i] * u[t - i][c];
      m->want[t][c] = activation == SEQMIX_ACTIVATION_SILU ? silu(y) : y;
      x_data[t][c] = (float)u[t][c];
    }
  }
  seqmix_tensor x = seqmix_tensor_3d(x_data, SEQMIX_F32, 1, TIME, WIDTH);
  seqmix_tensor weight = seqmix_tensor_2d(weight_data, SEQMIX_F32, WIDTH, width);
  seqmix_tensor bias = seqmix_tensor_1d(bias_data, SEQMIX_F32, WIDTH);
  seqmix_tensor out = seqmix_tensor_3d(m->got, SEQMIX_F32, 1, TIME, WIDTH);
  seqmix_causal_conv1d_args args = SEQMIX_CAUSAL_CONV1D_ARGS_INIT;
  args.x = &x;
  args.weight = &weight;
  args.bias = &bias;
  args.activation = activation;
  args.out = &out;
  return mirror_call(m->context, SEQMIX_OP_CAUSAL_CONV1D, &args);
}

/* In front of Mamba's scan: silu of a convolution of width 4. */
seqmix_status mamba_convolution(scan_model *m) { return convolve(m, 4, SEQMIX_ACTIVATION_SILU); }

/* Hyena (Poli et al. 2023): filters of width 3 in front of its long ones. */
seqmix_status hyena_filters(scan_model *m) { return convolve(m, 3, SEQMIX_ACTIVATION_NONE); }
