/* SPDX-License-Identifier: Apache-2.0 */
/* Running sums, products and maxima of integers, which travel as the bits of floats: rows, tiles
 * and workspace hold both alike. */
#include "shared/lane.h"

enum { STATE_FLOATS = 1 };

/* Sums and products wrap around. */
#if KIND == KIND_SUM_I32
#define NOTHING_I32 0u
#define joined_i32(a, b) lane_int_add((a), (b))
#elif KIND == KIND_PRODUCT_I32
#define NOTHING_I32 1u
#define joined_i32(a, b) lane_int_multiply((a), (b))
#else
#define NOTHING_I32 0x80000000u
#define joined_i32(a, b) lane_int_max((a), (b))
#endif

typedef struct state {
  lane_int value;
} state;

DEVICE state state_first(void) {
  state s = {lane_int_of((int32_t)NOTHING_I32)};
  return s;
}

DEVICE state state_join(state s, state later) {
  s.value = joined_i32(s.value, later.value);
  return s;
}

DEVICE state state_step(state s, token k) {
  s.value = joined_i32(s.value, lane_bits(k.x));
  return s;
}

DEVICE void state_result(state s, lane *parts) { parts[0] = lane_from_bits(s.value); }
DEVICE void state_to_floats(state s, lane *floats) { floats[0] = lane_from_bits(s.value); }

DEVICE state state_from_floats(const lane *floats) {
  state s = {lane_bits(floats[0])};
  return s;
}

#include "scan/whole.h"
