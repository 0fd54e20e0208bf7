/* SPDX-License-Identifier: Apache-2.0 */
/* Feature maps: what linear attention does to rows of q and k. */
#include <math.h>

#include "cpu/linear_attention/stream.h"
#include "cpu/simd/math.h"

static vec elu_plus_one(vec x) { return vec_select(x > 0.0f, x + 1.0f, vec_exp(x)); }
/* NaN stays NaN: it is not below 0. */
static vec relu(vec x) { return vec_select(x < 0.0f, vec_of(0), x); }
static vec squared_relu(vec x) { return relu(x) * relu(x); }
static vec silu(vec x) { return x / (1.0f + vec_exp(-x)); }

/* Maps a row element by element; what lies beyond it stays 0. */
#define MAP_ROW(function)                                               \
  for (int64_t i = 0; i < count; i += LANES) {                          \
    int64_t left = count - i;                                           \
    vec_store(row + i, first_lanes(function(vec_load(row + i)), left)); \
  }

/* x in the first `count` lanes, 0 in the others. */
static vec first_lanes(vec x, int64_t count) {
  ivec lane;
  for (int i = 0; i < LANES; i++) lane[i] = i;
  return vec_from_bits(vec_bits(x) & (lane < (int32_t)(count < LANES ? count : LANES)));
}

static float row_sum(const float *row, int64_t count) {
  vec sum = vec_of(0);
  for (int64_t i = 0; i < count; i += LANES) sum += first_lanes(vec_load(row + i), count - i);
  return vec_sum(sum);
}

static float row_sum_of_squares(const float *row, int64_t count) {
  vec sum = vec_of(0);
  for (int64_t i = 0; i < count; i += LANES) {
    vec x = first_lanes(vec_load(row + i), count - i);
    sum += x * x;
  }
  return vec_sum(sum);
}

static void scale_row(float *row, int64_t count, float factor) {
  for (int64_t i = 0; i < count; i++) row[i] *= factor;
}

static void softmax_row(float *row, int64_t count) {
  float largest = -INFINITY;
  for (int64_t i = 0; i < count; i++) largest = row[i] > largest ? row[i] : largest;
  for (int64_t i = 0; i < count; i++) row[i] -= largest;
  MAP_ROW(vec_exp)
  scale_row(row, count, 1 / row_sum(row, count));
}

void stream_map_features(int32_t map, float *row, int64_t count) {
  switch (map) {
    case SEQMIX_FEATURE_ELU1: MAP_ROW(elu_plus_one) break;
    case SEQMIX_FEATURE_RELU: MAP_ROW(relu) break;
    case SEQMIX_FEATURE_RELU2: MAP_ROW(squared_relu) break;
    case SEQMIX_FEATURE_EXP: MAP_ROW(vec_exp) break;
    case SEQMIX_FEATURE_SILU: MAP_ROW(silu) break;
    case SEQMIX_FEATURE_SOFTMAX: softmax_row(row, count); break;
    case SEQMIX_FEATURE_L2NORM:
      scale_row(row, count, 1 / sqrtf(row_sum_of_squares(row, count) + 1e-6f));
      break;
    default: break;
  }
}
