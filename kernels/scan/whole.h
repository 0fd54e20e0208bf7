/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds whose spans of tokens are what a state after them is: sums, products, maxima, logsumexp. */
enum { SPAN_FLOATS = STATE_FLOATS };

typedef state span;

DEVICE span span_first(void) { return state_first(); }
DEVICE span span_step(span s, token k) { return state_step(s, k); }
DEVICE void span_to_floats(span s, lane *floats) { state_to_floats(s, floats); }
DEVICE span span_from_floats(const lane *floats) { return state_from_floats(floats); }
DEVICE lane_int span_is_steady(span s) { return lane_int_of(-1); }
DEVICE state span_join(state carry, span s) { return state_join(carry, s); }

/* None of them begins with a state of the caller's. */
DEVICE state state_past(const lane *parts) { return state_first(); }
