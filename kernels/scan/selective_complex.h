/* SPDX-License-Identifier: Apache-2.0 */
/* Complex states: both parts, their factors and the steps are sums of two floats, as angles add up
 * over all tokens. The factor exp(step A) is turned about first, and then scaled by 2^n. */
#include "scan/selective_item.h"

#define PARTS 2

/* Of the factor, without 2^n. */
DEVICE void factor_of(const walk *w, int32_t i, two step, two *re, two *im, lane_int *n) {
  two sine, cosine;
  two size = two_power(two_multiply(step, w->A[0][i]), n);
  two_sine_cosine(two_multiply(step, w->A[1][i]), &sine, &cosine);
  *re = two_multiply_two(size, cosine);
  *im = two_multiply_two(size, sine);
}

/* The factor's exponent is `n`; `careful`: where it may be any, and the state infinite. */
DEVICE two scaled_by(two a, lane_int n, int careful) {
  if (careful) return two_powered(a, n);
  lane scale = lane_from_bits((lane_int_clamp(n, -127, 127) + 127) << 23);
  return two_make(a.high * scale, a.low * scale);
}

/* The parts of what is added follow each other, real before imaginary. */
DEVICE void turn_state(walk *w, int32_t i, two step, const two *added, int careful) {
  two a_re, a_im;
  lane_int n;
  factor_of(w, i, step, &a_re, &a_im, &n);
  two re = two_make(w->held[0][i], w->held[1][i]), im = two_make(w->held[2][i], w->held[3][i]);
  two new_re = two_add_two(two_multiply_two(re, a_re), two_negative(two_multiply_two(im, a_im)));
  two new_im = two_add_two(two_multiply_two(im, a_re), two_multiply_two(re, a_im));
  new_re = two_add_two(scaled_by(new_re, n, careful), added[0]);
  new_im = two_add_two(scaled_by(new_im, n, careful), added[1]);
  w->held[0][i] = new_re.high;
  w->held[1][i] = new_re.low;
  w->held[2][i] = new_im.high;
  w->held[3][i] = new_im.low;
}

DEVICE void step_state(walk *w, int32_t i, two step, const two *added) {
  turn_state(w, i, step, added, 1);
}

DEVICE lane step_any(walk *w, int32_t i, const token *k, const lane *B, const lane *C, lane y,
                     int careful) {
  const two added[PARTS] = {two_of(k->input * B[0]), two_of(k->input * B[1])};
  turn_state(w, i, k->step, added, careful);
  lane re = two_value(two_make(w->held[0][i], w->held[1][i]));
  lane im = two_value(two_make(w->held[2][i], w->held[3][i]));
  return lane_fma(-im, C[1], lane_fma(re, C[0], y));
}

DEVICE lane step_fast(walk *w, int32_t i, const token *k, const lane *B, const lane *C, lane y) {
  return step_any(w, i, k, B, C, y, 0);
}

DEVICE lane step_careful(walk *w, int32_t i, const token *k, const lane *B, const lane *C, lane y) {
  return step_any(w, i, k, B, C, y, 1);
}
