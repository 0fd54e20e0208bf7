/* SPDX-License-Identifier: Apache-2.0 */
/* Decays as factors. They are multiplied along the way, never divided by and never made of
 * differences of sums: so no decay is too strong. */
#include "shared/lane.h"

#define LARGEST 0x1.fffffep127f

/* exp(x) - 1 for |x| <= log(2)/2: coefficients by a Chebyshev fit. */
DEVICE lane exp_minus_one_near_zero(lane x) {
  lane p = lane_of(1.9875691500e-4f);
  p = lane_multiply_add(p, x, lane_of(1.3981999507e-3f));
  p = lane_multiply_add(p, x, lane_of(8.3334519073e-3f));
  p = lane_multiply_add(p, x, lane_of(4.1665795894e-2f));
  p = lane_multiply_add(p, x, lane_of(1.6666665459e-1f));
  p = lane_multiply_add(p, x, lane_of(5.0000001201e-1f));
  return lane_multiply_add(p * x, x, x);
}

/* exp(x) as a sum of two, `whole` of which is 1 near x = 0 and the result exp(x) - 1 there: what
 * decays slowly for long must not lose that to the rounding of numbers near 1. Elsewhere whole is
 * 0. */
DEVICE lane exp_in_two(lane x, lane *whole) {
  lane_int is_near = lane_abs(x) < lane_of(0.34657359f);
  *whole = lane_select(is_near, lane_of(1.0f), lane_of(0.0f));
  return lane_select(is_near, exp_minus_one_near_zero(x), lane_exp(x));
}

/* Products of positive decays grow what there is, and what there is may be 0: that must stay 0, and
 * an infinite product would make it NaN. So products end at the largest number; where numbers other
 * than 0 grow as far, f32 ends anyway. NaN stays. */
DEVICE lane within_f32(lane x) { return lane_select(x > lane_of(LARGEST), lane_of(LARGEST), x); }

/* A reader's numbers times that. Those that were not finite become NaN. */
DEVICE lane grown(lane x, lane factor) {
  lane y = lane_max(lane_of(-LARGEST), lane_min(lane_of(LARGEST), factor * x));
  return y + x * lane_of(0.0f);
}

/* exp(x - m) where m is at least x; 0 where both are -inf. */
DEVICE float relative_exp(float x, float m) { return m == -INFINITY ? 0.0f : number_exp(x - m); }
