/* SPDX-License-Identifier: Apache-2.0 */
/* h = a h + x, of real numbers. A span of tokens takes any h to transfer h + own. */
#include "scan/transfer.h"

enum { STATE_FLOATS = 2, SPAN_FLOATS = 5 };

typedef struct state {
  two h;
} state;

typedef struct span {
  two own, transfer;
  lane least; /* that the transfer ever was */
} span;

DEVICE state state_first(void) {
  state s = {two_of(lane_of(0.0f))};
  return s;
}

DEVICE state state_step(state s, token k) {
  s.h = two_multiply_add(s.h, k.a, k.x);
  return s;
}

DEVICE void state_result(state s, lane *parts) { parts[0] = two_value(s.h); }

DEVICE void state_to_floats(state s, lane *floats) {
  floats[0] = s.h.high;
  floats[1] = s.h.low;
}

DEVICE state state_from_floats(const lane *floats) {
  state s = {{floats[0], floats[1]}};
  return s;
}

DEVICE state state_past(const lane *parts) {
  state s = {two_of(parts[0])};
  return s;
}

/* ---- spans ----------------------------------------------------------------------------------- */

DEVICE span span_first(void) {
  span s = {two_of(lane_of(0.0f)), two_of(lane_of(1.0f)), lane_of(1.0f)};
  return s;
}

/* A product of factors that is 0 stays 0 whatever it had been; one that is too small for f32 does
 * not become 0, which an infinite carry would tell from what is small. */
DEVICE two transfer_step(two transfer, lane a) {
  lane_int is_zero = a == lane_of(0.0f) || transfer.high == lane_of(0.0f);
  two next = two_multiply(transfer, a);
  lane_int is_lost = lane_abs(next.high) < lane_of(SMALLEST);
  lane_int sign = lane_bits(next.high) & lane_int_of((int32_t)0x80000000);
  two least = two_of(lane_from_bits(sign | lane_bits(lane_of(SMALLEST))));
  return two_select(is_zero, two_of(lane_of(0.0f)), two_select(is_lost, least, next));
}

DEVICE span span_step(span s, token k) {
  s.own = two_multiply_add(s.own, k.a, k.x);
  s.transfer = transfer_step(s.transfer, k.a);
  s.least = lane_min(s.least, lane_abs(s.transfer.high));
  return s;
}

DEVICE void span_to_floats(span s, lane *floats) {
  floats[0] = s.own.high;
  floats[1] = s.own.low;
  floats[2] = s.transfer.high;
  floats[3] = s.transfer.low;
  floats[4] = s.least;
}

DEVICE span span_from_floats(const lane *floats) {
  span s = {{floats[0], floats[1]}, {floats[2], floats[3]}, floats[4]};
  return s;
}

/* Where factors grow a carry so much, what the span adds may all but cancel it, and where they have
 * been too small for f32 and grew again, nothing is known of it: then only the tokens themselves
 * tell what is left. */
DEVICE lane_int span_is_steady(span s) {
  lane size = lane_abs(s.transfer.high);
  lane_int has_returned = s.least < lane_of(TRANSFER_LEAST) && size > lane_of(TRANSFER_RETURNED);
  return size <= lane_of(TRANSFER_MOST) && !has_returned;
}

DEVICE state span_join(state carry, span s) {
  carry.h = two_add_two(transfer_of(s.transfer, carry.h), s.own);
  return carry;
}
