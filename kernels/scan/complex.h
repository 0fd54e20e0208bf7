/* SPDX-License-Identifier: Apache-2.0 */
/* h = a h + x, of complex numbers, each part a sum of two floats. */
#include "scan/transfer.h"

enum { STATE_FLOATS = 4, SPAN_FLOATS = 9 };

typedef struct pair {
  two re, im;
} pair;

typedef struct state {
  pair h;
} state;

typedef struct span {
  pair own, transfer;
  lane least; /* that the larger part of the transfer ever was */
} span;

DEVICE pair pair_of(lane re, lane im) {
  pair p = {two_of(re), two_of(im)};
  return p;
}

DEVICE pair pair_times(pair p, lane re, lane im) {
  pair result;
  result.re = two_add_two(two_multiply(p.re, re), two_multiply(p.im, -im));
  result.im = two_add_two(two_multiply(p.im, re), two_multiply(p.re, im));
  return result;
}

DEVICE pair pair_step(pair h, token k) {
  h = pair_times(h, k.a, k.a_im);
  h.re = two_add(h.re, k.x);
  h.im = two_add(h.im, k.x_im);
  return h;
}

DEVICE void pair_to_floats(pair p, lane *floats) {
  floats[0] = p.re.high;
  floats[1] = p.re.low;
  floats[2] = p.im.high;
  floats[3] = p.im.low;
}

DEVICE pair pair_from_floats(const lane *floats) {
  pair p = {{floats[0], floats[1]}, {floats[2], floats[3]}};
  return p;
}

DEVICE state state_first(void) {
  state s = {pair_of(lane_of(0.0f), lane_of(0.0f))};
  return s;
}

DEVICE state state_step(state s, token k) {
  s.h = pair_step(s.h, k);
  return s;
}

DEVICE void state_result(state s, lane *parts) {
  parts[0] = two_value(s.h.re);
  parts[1] = two_value(s.h.im);
}

DEVICE void state_to_floats(state s, lane *floats) { pair_to_floats(s.h, floats); }

DEVICE state state_from_floats(const lane *floats) {
  state s = {pair_from_floats(floats)};
  return s;
}

DEVICE state state_past(const lane *parts) {
  state s = {pair_of(parts[0], parts[1])};
  return s;
}

/* ---- spans: see recurrence.h ------------------------------------------------------------------
 */

DEVICE lane pair_size(pair p) { return lane_max(lane_abs(p.re.high), lane_abs(p.im.high)); }

DEVICE span span_first(void) {
  span s = {pair_of(lane_of(0.0f), lane_of(0.0f)), pair_of(lane_of(1.0f), lane_of(0.0f)),
            lane_of(1.0f)};
  return s;
}

DEVICE span span_step(span s, token k) {
  s.own = pair_step(s.own, k);
  s.transfer = pair_times(s.transfer, k.a, k.a_im);
  s.least = lane_min(s.least, pair_size(s.transfer));
  return s;
}

DEVICE void span_to_floats(span s, lane *floats) {
  pair_to_floats(s.own, floats);
  pair_to_floats(s.transfer, floats + 4);
  floats[8] = s.least;
}

DEVICE span span_from_floats(const lane *floats) {
  span s = {pair_from_floats(floats), pair_from_floats(floats + 4), floats[8]};
  return s;
}

DEVICE lane_int span_is_steady(span s) {
  lane re = lane_abs(s.transfer.re.high), im = lane_abs(s.transfer.im.high);
  lane_int has_returned =
      s.least < lane_of(TRANSFER_LEAST) && pair_size(s.transfer) > lane_of(TRANSFER_RETURNED);
  return re <= lane_of(TRANSFER_MOST) && im <= lane_of(TRANSFER_MOST) && !has_returned;
}

DEVICE state span_join(state carry, span s) {
  two minus = transfer_of(s.transfer.im, carry.h.im);
  two re = two_add_two(transfer_of(s.transfer.re, carry.h.re), two_negative(minus));
  two im =
      two_add_two(transfer_of(s.transfer.re, carry.h.im), transfer_of(s.transfer.im, carry.h.re));
  carry.h.re = two_add_two(re, s.own.re);
  carry.h.im = two_add_two(im, s.own.im);
  return carry;
}
