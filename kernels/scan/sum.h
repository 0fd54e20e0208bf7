/* SPDX-License-Identifier: Apache-2.0 */
/* Running sums. */
#include "shared/two_floats.h"

enum { STATE_FLOATS = 2 };

typedef struct state {
  two sum;
} state;

DEVICE state state_first(void) {
  state s = {two_of(lane_of(0.0f))};
  return s;
}

DEVICE state state_step(state s, token k) {
  s.sum = two_add(s.sum, k.x);
  return s;
}

DEVICE state state_join(state s, state later) {
  s.sum = two_add_two(s.sum, later.sum);
  return s;
}

DEVICE void state_result(state s, lane *parts) { parts[0] = two_value(s.sum); }

DEVICE void state_to_floats(state s, lane *floats) {
  floats[0] = s.sum.high;
  floats[1] = s.sum.low;
}

DEVICE state state_from_floats(const lane *floats) {
  state s = {{floats[0], floats[1]}};
  return s;
}

#include "scan/whole.h"
