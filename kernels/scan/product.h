/* SPDX-License-Identifier: Apache-2.0 */
/* Running products: a mantissa of two floats between 1 and 2, and a power of two, as products leave
 * the range of floats and may come back. 0, infinities and NaN are mantissas of their own. */
#include "shared/two_floats.h"

enum { STATE_FLOATS = 3 };

/* Powers are whole numbers that floats hold; beyond this a product will not come back. */
#define POWER_MOST 4000000

/* Powers beyond this are infinite or 0 in f32. */
#define POWER_OF_RESULT 300

typedef struct state {
  two mantissa;
  lane_int power;
} state;

DEVICE state state_first(void) {
  state s = {two_of(lane_of(1.0f)), lane_int_of(0)};
  return s;
}

/* The product of mantissas that were from 1 to 2. */
DEVICE state state_of_product(two product, lane_int power) {
  lane_int is_large = lane_abs(product.high) >= lane_of(2.0f);
  lane scale = lane_select(is_large, lane_of(0.5f), lane_of(1.0f));
  state s;
  s.mantissa.high = product.high * scale;
  s.mantissa.low = product.low * scale;
  power += lane_int_select(is_large, lane_int_of(1), lane_int_of(0));
  s.power = lane_int_clamp(power, -POWER_MOST, POWER_MOST);
  return s;
}

DEVICE state state_step(state s, token k) {
  lane_int is_tiny = lane_abs(k.x) < lane_of(0x1p-100f) && k.x != lane_of(0.0f);
  lane x = lane_select(is_tiny, k.x * lane_of(0x1p32f), k.x);
  lane_int bits = lane_bits(x), exponent = bits >> 23 & 255;
  lane_int is_plain = exponent != lane_int_of(255) && x != lane_of(0.0f);
  lane_int lost = lane_int_select(is_tiny, lane_int_of(127 + 32), lane_int_of(127));
  lane near_one = lane_from_bits((bits & 0x7fffff) | (bits & (int32_t)0x80000000) | 0x3f800000);
  lane mantissa = lane_select(is_plain, near_one, x);
  lane_int power = lane_int_select(is_plain, exponent - lost, lane_int_of(0));
  return state_of_product(two_multiply(s.mantissa, mantissa), s.power + power);
}

DEVICE state state_join(state s, state later) {
  return state_of_product(two_multiply_two(s.mantissa, later.mantissa), s.power + later.power);
}

DEVICE void state_result(state s, lane *parts) {
  parts[0] =
      lane_scale(two_value(s.mantissa), lane_int_clamp(s.power, -POWER_OF_RESULT, POWER_OF_RESULT));
}

DEVICE void state_to_floats(state s, lane *floats) {
  floats[0] = s.mantissa.high;
  floats[1] = s.mantissa.low;
  floats[2] = lane_from_int(s.power);
}

DEVICE state state_from_floats(const lane *floats) {
  state s = {{floats[0], floats[1]}, lane_to_int(floats[2])};
  return s;
}

#include "scan/whole.h"
