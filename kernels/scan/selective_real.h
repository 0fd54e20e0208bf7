/* SPDX-License-Identifier: Apache-2.0 */
/* Real states. With k = 2^n h, a state becomes k + (w k + step u B), where exp(step A) is
 * 2^n (1 + w): k is exact, and w has all its digits. What rounding takes from a state is kept
 * beside it, and returned with the next token: over as many tokens as a slow decay remembers, it
 * would exceed what f32 promises. */
#include "scan/selective_item.h"

#define PARTS 1

/* 2^n for x = n + f <= 1/2; f is returned. What is forgotten is 0. */
DEVICE lane split_power(lane x, lane *scale) {
  x = lane_at_least(lane_of(-127.0f), x);
  lane whole = x + lane_of(EXPONENT_IN_LOW_BITS);
  *scale = lane_from_bits(lane_bits(whole) << 23);
  return x - (whole - lane_of(EXPONENT_IN_LOW_BITS));
}

/* A finite state and one that decays or stays. `B` and `C` are of the token, PARTS of each; y takes
 * in C h. */
DEVICE lane step_fast(walk *w, int32_t i, const token *k, const lane *B, const lane *C, lane y) {
  lane scale, f = split_power(k->step.high * lane_of(LOG2_OF_E) * w->A[0][i], &scale);
  lane kept = scale * w->held[0][i];
  lane added = lane_fma(k->input, B[0], scale * w->held[1][i]);
  added = lane_fma(power_beyond_one(f), kept, added);
  lane h = kept + added;
  w->held[0][i] = h;
  w->held[1][i] = added - (h - kept);
  return lane_fma(h, C[0], y);
}

DEVICE lane_int is_finite(lane x) { return (x - x) == lane_of(0.0f); }

/* The same of any state, with a step of two floats. */
DEVICE void step_state(walk *w, int32_t i, two step, const two *added) {
  lane_int n;
  two power = two_power(two_multiply(step, w->A[0][i]), &n);
  lane beyond_one = (power.high - lane_of(1.0f)) + power.low;
  lane h = w->held[0][i];
  lane rest = lane_select(is_finite(h), w->held[1][i], lane_of(0.0f));
  lane kept = lane_powered(h, n);
  lane grown = lane_select(is_finite(kept), beyond_one * kept, lane_of(0.0f));
  /* Of NaN factors comes NaN. */
  kept = lane_select(beyond_one == beyond_one, kept, beyond_one);
  lane low = added->low + grown + lane_powered(rest, n);
  h = kept + (low + added->high);
  two sum = two_add(two_sum(kept, added->high), low);
  sum = two_sum(sum.high, sum.low);
  lane_int is_plain = is_finite(sum.high) && is_finite(h);
  w->held[0][i] = lane_select(is_plain, sum.high, h);
  w->held[1][i] = lane_select(is_plain, sum.low, lane_of(0.0f));
}

DEVICE lane step_careful(walk *w, int32_t i, const token *k, const lane *B, const lane *C, lane y) {
  two added[PARTS] = {two_of(k->input * B[0])};
  step_state(w, i, k->step, added);
  return lane_fma(w->held[0][i], C[0], y);
}
