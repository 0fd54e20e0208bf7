/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as sums of two floats, some 48 bits of them: what is carried over thousands of tokens, on
 * devices that may have no doubles. `low` collects what rounding took from `high`, and is not kept
 * small: the way from token to token is then that of plain floats, and the rest goes beside it.
 * Where `high` is infinite or NaN, `low` says nothing. Steps are exact by Knuth (sum) and by a
 * fused multiply-add (product). */
#include "shared/dialect.h"

typedef struct two {
  lane high, low;
} two;

DEVICE two two_of(lane x) {
  two result = {x, lane_of(0.0f)};
  return result;
}

/* Its float. */
DEVICE lane two_value(two a) {
  lane_int is_finite = (a.high - a.high) == lane_of(0.0f);
  return lane_select(is_finite, a.high + a.low, a.high);
}

/* What rounding took from a + b, when s is that. */
DEVICE lane sum_error(lane a, lane b, lane s) {
  lane b_part = s - a;
  return (a - (s - b_part)) + (b - b_part);
}

DEVICE two two_add(two a, lane b) {
  two s = {a.high + b, a.low};
  s.low += sum_error(a.high, b, s.high);
  return s;
}

DEVICE two two_add_two(two a, two b) {
  two s = {a.high + b.high, a.low + b.low};
  s.low += sum_error(a.high, b.high, s.high);
  return s;
}

DEVICE two two_multiply(two a, lane b) {
  two p = {a.high * b, a.low};
  p.low = lane_fma(a.low, b, lane_fma(a.high, b, -p.high));
  return p;
}

DEVICE two two_multiply_two(two a, two b) {
  two p = {a.high * b.high, a.low};
  lane error = lane_fma(a.high, b.high, -p.high);
  p.low = lane_fma(a.high, b.low, lane_fma(a.low, b.high, error));
  return p;
}

/* a b + c. */
DEVICE two two_multiply_add(two a, lane b, lane c) { return two_add(two_multiply(a, b), c); }

DEVICE two two_negative(two a) {
  two result = {-a.high, -a.low};
  return result;
}

DEVICE two two_select(lane_int condition, two yes, two no) {
  two result = {lane_select(condition, yes.high, no.high), lane_select(condition, yes.low, no.low)};
  return result;
}
