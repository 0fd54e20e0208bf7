/* SPDX-License-Identifier: Apache-2.0 */
/* Feature maps: what is done to rows of q and k before all else. */
#include "linear_attention/stream.h"

/* Maps of each number alone; the others come later. NaN stays NaN: it is not below 0. */
DEVICE lane map_lane(int32_t map, lane x) {
  const lane zero = lane_of(0.0f), one = lane_of(1.0f);
  if (map == MAP_ELU1) return lane_select(x > zero, x + one, lane_exp(x));
  if (map == MAP_RELU) return lane_select(x < zero, zero, x);
  if (map == MAP_RELU2) return lane_select(x < zero, zero, x * x);
  if (map == MAP_EXP) return lane_exp(x);
  if (map == MAP_SILU) return x / (one + lane_exp(-x));
  return x;
}

DEVICE int is_map_of_rows(int32_t map) { return map == MAP_SOFTMAX || map == MAP_L2NORM; }

DEVICE float sum_of_row(const GLOBAL float *row, int64_t count, int squares) {
  lane sum = lane_of(0.0f);
  for (int64_t i = 0; i < count; i += LANES) {
    lane x = first_lanes(lane_from_array(row + i), count - i);
    sum = squares ? lane_multiply_add(x, x, sum) : sum + x;
  }
  return lane_sum(sum);
}

/* exp of a row less its largest number. */
DEVICE void exponentiate_row(GLOBAL float *row, int64_t count) {
  float largest = row[0];
  for (int64_t i = 1; i < count; i++) largest = row[i] > largest ? row[i] : largest;
  for (int64_t i = 0; i < count; i += LANES) {
    lane x = lane_exp(lane_from_array(row + i) - lane_of(largest));
    lane_to_array(row + i, first_lanes(x, count - i));
  }
}

/* Maps of a whole row, times `factor`. */
DEVICE void map_row(int32_t map, GLOBAL float *row, int64_t count, float factor) {
  if (map == MAP_SOFTMAX) exponentiate_row(row, count);
  float sum = sum_of_row(row, count, map == MAP_L2NORM);
  float divisor = map == MAP_L2NORM ? square_root(sum + 1e-6f) : sum;
  for (int64_t i = 0; i < count; i += LANES)
    lane_to_array(row + i, lane_from_array(row + i) * lane_of(factor / divisor));
}
