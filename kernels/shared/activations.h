/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of single numbers that models put around a layer. */
#include "shared/powers.h"

/* x / (1 + exp(-x)); of -inf comes NaN, as in C. */
DEVICE lane lane_silu(lane x) { return x / (lane_of(1.0f) + power_of_e(-x)); }

/* log(1 + e) of e from 0 to 1: 2 atanh(e / (2 + e)), and its series. */
DEVICE lane log_of_one_plus(lane e) {
  lane x = e / (lane_of(2.0f) + e), square = x * x;
  lane sum = lane_fma(lane_of(2.0f / 15.0f), square, lane_of(2.0f / 13.0f));
  sum = lane_fma(sum, square, lane_of(2.0f / 11.0f));
  sum = lane_fma(sum, square, lane_of(2.0f / 9.0f));
  sum = lane_fma(sum, square, lane_of(2.0f / 7.0f));
  sum = lane_fma(sum, square, lane_of(2.0f / 5.0f));
  sum = lane_fma(sum, square, lane_of(2.0f / 3.0f));
  return lane_fma(sum * square, x, x + x);
}

/* log(1 + exp(x)). */
DEVICE lane lane_softplus(lane x) {
  lane tail = log_of_one_plus(power_of_e(-lane_abs(x)));
  return lane_select(x < lane_of(0.0f), lane_of(0.0f), x) + tail;
}
