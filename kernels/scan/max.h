/* SPDX-License-Identifier: Apache-2.0 */
/* Running maxima. */
#include "shared/lane.h"

enum { STATE_FLOATS = 1 };

typedef struct state {
  lane largest;
} state;

DEVICE state state_first(void) {
  state s = {lane_of(-INFINITY)};
  return s;
}

/* NaN is larger than anything: nothing compares with it. */
DEVICE state state_join(state s, state later) {
  lane_int is_larger = later.largest > s.largest || later.largest != later.largest;
  s.largest = lane_select(is_larger, later.largest, s.largest);
  return s;
}

DEVICE state state_step(state s, token k) {
  state later = {k.x};
  return state_join(s, later);
}

DEVICE void state_result(state s, lane *parts) { parts[0] = s.largest; }
DEVICE void state_to_floats(state s, lane *floats) { floats[0] = s.largest; }

DEVICE state state_from_floats(const lane *floats) {
  state s = {floats[0]};
  return s;
}

#include "scan/whole.h"
