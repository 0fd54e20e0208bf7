/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of two floats, some 48 bits of a number: what is carried over thousands of tokens, on
 * devices that may have no doubles. Infinities and NaN are in `high` alone. Exact steps are those
 * of Knuth (sum) and of a fused multiply-add (product). */
#include "shared/dialect.h"

typedef struct two {
  lane high, low;
} two;

DEVICE two two_of(lane x) {
  two result = {x, lane_of(0.0f)};
  return result;
}

/* What rounding took from a + b, when s is that. */
DEVICE lane sum_error(lane a, lane b, lane s) {
  lane b_part = s - a;
  return (a - (s - b_part)) + (b - b_part);
}

/* high + low as one, where low may be anything if high is not finite. */
DEVICE two two_normal(lane high, lane low) {
  lane_int is_finite = (high - high) == lane_of(0.0f);
  lane kept = lane_select(is_finite, low, lane_of(0.0f));
  two result;
  result.high = high + kept;
  result.low = kept - (result.high - high);
  return result;
}

DEVICE two two_add(two a, lane b) {
  lane s = a.high + b;
  return two_normal(s, sum_error(a.high, b, s) + a.low);
}

DEVICE two two_add_two(two a, two b) {
  lane s = a.high + b.high;
  return two_normal(s, sum_error(a.high, b.high, s) + (a.low + b.low));
}

DEVICE two two_multiply(two a, lane b) {
  lane p = a.high * b;
  return two_normal(p, lane_fma(a.low, b, lane_fma(a.high, b, -p)));
}

DEVICE two two_multiply_two(two a, two b) {
  lane p = a.high * b.high, error = lane_fma(a.high, b.high, -p);
  return two_normal(p, lane_fma(a.high, b.low, lane_fma(a.low, b.high, error)));
}

/* a b + c. */
DEVICE two two_multiply_add(two a, lane b, lane c) {
  lane p = a.high * b, error = lane_fma(a.low, b, lane_fma(a.high, b, -p));
  lane s = p + c;
  return two_normal(s, sum_error(p, c, s) + error);
}

DEVICE two two_select(lane_int condition, two yes, two no) {
  two result = {lane_select(condition, yes.high, no.high), lane_select(condition, yes.low, no.low)};
  return result;
}

DEVICE two two_negative(two a) {
  two result = {-a.high, -a.low};
  return result;
}
