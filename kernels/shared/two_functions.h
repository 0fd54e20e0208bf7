/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of sums of two floats: right to 1e-10 or so, where doubles would be right to 1e-16.
 * Their constants are sums of two floats, too: X and X_REST. */
#include "shared/activations.h"
#include "shared/two_floats.h"

#define LOG_OF_2 0x1.62e43p-1f
#define LOG_OF_2_REST (-0x1.05c61p-29f)
#define HALF_PI 0x1.921fb6p+0f
#define HALF_PI_REST (-0x1.777a5cp-25f)
#define HALF_PI_INVERSE 0x1.45f306p-1f
#define SIXTH 0x1.555556p-3f
#define SIXTH_REST (-0x1.555556p-28f)
#define TWENTY_FOURTH 0x1.555556p-5f
#define TWENTY_FOURTH_REST (-0x1.555556p-30f)

/* Angles beyond this have lost the digits that the quick reduction needs. */
#define FAR_ANGLE 1e5f

DEVICE two two_make(lane high, lane low) {
  two result = {high, low};
  return result;
}

/* A product with a constant. */
DEVICE two two_times(two a, float high, float low) {
  return two_multiply_two(a, two_make(lane_of(high), lane_of(low)));
}

/* a b, and a + b, exactly. */
DEVICE two two_product(lane a, lane b) { return two_multiply(two_of(a), b); }
DEVICE two two_sum(lane a, lane b) { return two_add(two_of(a), b); }

/* What is left of `low` where `high` is finite. */
DEVICE two two_cleared(two a) {
  lane_int is_finite = (a.high - a.high) == lane_of(0.0f);
  a.low = lane_select(is_finite, a.low, lane_of(0.0f));
  return a;
}

/* ---- powers ---------------------------------------------------------------------------------- */

/* Powers are clamped: beyond, a double would be infinite, or 0. */
#define POWER_LEAST (-1075)
#define POWER_BEYOND 1025

/* e^g of |g| <= 0.36: the first terms in two floats. */
DEVICE two two_power_near(two g) {
  two square = two_multiply_two(g, g);
  two cube = two_times(two_multiply_two(square, g), SIXTH, SIXTH_REST);
  lane x = g.high;
  lane tail = lane_fma(lane_of(1.0f / 362880.0f), x, lane_of(1.0f / 40320.0f));
  tail = lane_fma(tail, x, lane_of(1.0f / 5040.0f));
  tail = lane_fma(tail, x, lane_of(1.0f / 720.0f));
  tail = lane_fma(tail, x, lane_of(1.0f / 120.0f));
  tail = lane_fma(tail, x, lane_of(1.0f / 24.0f));
  two sum = two_add_two(two_of(lane_of(1.0f)), g);
  sum = two_add_two(sum, two_make(square.high * lane_of(0.5f), square.low * lane_of(0.5f)));
  sum = two_add_two(sum, cube);
  return two_add(sum, tail * square.high * square.high);
}

/* e^x = 2^n times the result, which is near 1. */
DEVICE two two_power(two x, lane_int *n) {
  two scaled = two_cleared(two_times(x, LOG2_OF_E, LOG2_OF_E_REST));
  lane high = lane_at_most(lane_of((float)POWER_BEYOND),
                           lane_at_least(lane_of((float)POWER_LEAST), scaled.high));
  lane whole = high + lane_of(WHOLE_IN_LOW_BITS);
  *n = lane_bits(whole) - lane_bits(lane_of(WHOLE_IN_LOW_BITS));
  two f = two_make(high - (whole - lane_of(WHOLE_IN_LOW_BITS)), scaled.low);
  return two_power_near(two_times(f, LOG_OF_2, LOG_OF_2_REST));
}

/* x 2^n as doubles would have it: an infinite x stays what it is until 2^n itself is 0. */
DEVICE lane lane_powered(lane x, lane_int n) {
  lane scaled = lane_scale(x, n);
  scaled = lane_select(n > lane_int_of(POWER_BEYOND - 1), x * lane_of(INFINITY), scaled);
  return lane_select(n < lane_int_of(POWER_LEAST + 1), x * lane_of(0.0f), scaled);
}

DEVICE two two_powered(two x, lane_int n) {
  return two_make(lane_powered(x.high, n), lane_powered(x.low, n));
}

/* ---- angles ---------------------------------------------------------------------------------- */

/* Of |r| <= pi / 4. */
DEVICE two two_sine_near(two r) {
  two square = two_multiply_two(r, r);
  lane x = square.high;
  lane tail = lane_fma(lane_of(-1.0f / 39916800.0f), x, lane_of(1.0f / 362880.0f));
  tail = lane_fma(tail, x, lane_of(-1.0f / 5040.0f));
  tail = lane_fma(tail, x, lane_of(1.0f / 120.0f));
  two factor = two_add(two_make(lane_of(-SIXTH), lane_of(-SIXTH_REST)), tail * x);
  return two_add_two(r, two_multiply_two(two_multiply_two(square, r), factor));
}

DEVICE two two_cosine_near(two r) {
  two square = two_multiply_two(r, r);
  lane x = square.high;
  lane tail = lane_fma(lane_of(1.0f / 479001600.0f), x, lane_of(-1.0f / 3628800.0f));
  tail = lane_fma(tail, x, lane_of(1.0f / 40320.0f));
  tail = lane_fma(tail, x, lane_of(-1.0f / 720.0f));
  two factor = two_add(two_make(lane_of(TWENTY_FOURTH), lane_of(TWENTY_FOURTH_REST)), tail * x);
  two fourth = two_multiply_two(two_multiply_two(square, square), factor);
  two minus = two_make(square.high * lane_of(-0.5f), square.low * lane_of(-0.5f));
  return two_add_two(two_add_two(two_of(lane_of(1.0f)), minus), fourth);
}

/* The number with its sign turned where bit 1 of `turns` is set. */
DEVICE two two_turned(two a, lane_int turns) {
  lane_int sign = (turns >> 1 & 1) << 31;
  return two_make(lane_from_bits(lane_bits(a.high) ^ sign),
                  lane_from_bits(lane_bits(a.low) ^ sign));
}

DEVICE void two_sine_cosine(two angle, two *sine, two *cosine) {
  lane whole = lane_fma(angle.high, lane_of(HALF_PI_INVERSE), lane_of(WHOLE_IN_LOW_BITS));
  lane_int turns = lane_bits(whole) - lane_bits(lane_of(WHOLE_IN_LOW_BITS));
  lane count = whole - lane_of(WHOLE_IN_LOW_BITS);
  two taken = two_product(count, lane_of(HALF_PI));
  lane rest = lane_fma(count, lane_of(-HALF_PI_REST), angle.low - taken.low);
  two near = two_sum(angle.high - taken.high, rest);
  two s = two_sine_near(near), c = two_cosine_near(near);
  lane_int is_odd = (turns & 1) != lane_int_of(0);
  *sine = two_turned(two_select(is_odd, c, s), turns);
  *cosine = two_turned(two_select(is_odd, s, c), turns + 1);
  lane_int is_far = lane_abs(angle.high) > lane_of(FAR_ANGLE);
  if (!lane_any(is_far)) return;
  lane far_sine = lane_sin(angle.high), far_cosine = lane_cos(angle.high);
  *sine = two_select(is_far, two_make(far_sine, far_cosine * angle.low), *sine);
  *cosine = two_select(is_far, two_make(far_cosine, -far_sine * angle.low), *cosine);
}

/* ---- softplus -------------------------------------------------------------------------------- */

/* Below this the logarithm's own digits are enough. */
#define SMALL_TAIL 0x1p-9f

/* log(1 + exp(x)): the tail beside max(x, 0), guessed in f32, is corrected by
 * (1 + exp(-|x|)) exp(-tail) - 1, which would be 0. */
DEVICE two two_softplus(two x) {
  lane_int n, is_negative = x.high < lane_of(0.0f);
  two size = two_select(is_negative, two_negative(x), x);
  two power = two_power(two_negative(size), &n);
  two one_more = two_add(two_powered(power, n), lane_of(1.0f));
  lane tail = log_of_one_plus(power_of_e(-size.high));
  two inverse = two_power(two_of(-tail), &n);
  two left = two_add(two_multiply_two(one_more, two_powered(inverse, n)), lane_of(-1.0f));
  lane correction = lane_select(tail > lane_of(SMALL_TAIL), left.high + left.low, lane_of(0.0f));
  two result = two_select(is_negative, two_of(lane_of(0.0f)), x);
  result = two_add_two(result, two_sum(tail, correction));
  return two_cleared(result);
}
