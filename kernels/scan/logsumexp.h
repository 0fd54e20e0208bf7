/* SPDX-License-Identifier: Apache-2.0 */
/* Logarithms of running sums of exponentials: the sum of exp(x - largest). */
#include "shared/two_floats.h"

enum { STATE_FLOATS = 3 };

/* How far numbers may rise above `largest` before that follows them: each time it does, the sum is
 * rounded, and many small steps of thousands of tokens would add up. */
#define RISE_MOST 4.0f

typedef struct state {
  two sum;
  lane largest;
} state;

DEVICE state state_first(void) {
  state s = {two_of(lane_of(0.0f)), lane_of(-INFINITY)};
  return s;
}

DEVICE state state_join(state s, state later) {
  /* Equal infinities have no difference. */
  lane_int is_level = later.largest == s.largest;
  lane gap = lane_select(is_level, lane_of(0.0f), later.largest - s.largest);
  lane_int is_far = !(gap <= lane_of(RISE_MOST)); /* NaN is, too */
  lane scale = lane_exp(lane_select(is_far, -gap, gap));
  two scaled = two_multiply(two_select(is_far, s.sum, later.sum), scale);
  state joined;
  joined.sum = two_add_two(scaled, two_select(is_far, later.sum, s.sum));
  joined.largest = lane_select(is_far && later.largest > s.largest, later.largest, s.largest);
  return joined;
}

DEVICE state state_step(state s, token k) {
  state later = {two_of(lane_of(1.0f)), k.x};
  return state_join(s, later);
}

DEVICE void state_result(state s, lane *parts) {
  parts[0] = s.largest + lane_log(two_value(s.sum));
}

DEVICE void state_to_floats(state s, lane *floats) {
  floats[0] = s.sum.high;
  floats[1] = s.sum.low;
  floats[2] = s.largest;
}

DEVICE state state_from_floats(const lane *floats) {
  state s = {{floats[0], floats[1]}, floats[2]};
  return s;
}

#include "scan/whole.h"
