/* SPDX-License-Identifier: Apache-2.0 */
/* Powers of two in parts: 2^x = 2^n (1 + w), with n a whole number and the rest f of x within 1/2.
 * Near x = 0, n is 0 and w has all its digits; rounded to one float near 1, a power would lose
 * them.
 */
#include "shared/dialect.h"

#define LOG2_OF_E 0x1.715476p+0f
#define LOG2_OF_E_REST 0x1.4ae0cp-26f /* what rounding took from it */

/* Adding 1.5 * 2^23 leaves the rounded integer in the low bits. */
#define WHOLE_IN_LOW_BITS 12582912.0f

/* 127 more make an exponent of it, which is 0 for -127, as 2^n then is, and infinite for 128. */
#define EXPONENT_IN_LOW_BITS (WHOLE_IN_LOW_BITS + 127.0f)

DEVICE lane lane_at_least(lane least, lane x) { return lane_select(x < least, least, x); }
DEVICE lane lane_at_most(lane most, lane x) { return lane_select(x > most, most, x); }

/* w = 2^f - 1 = f q(f): coefficients of q by a minimax fit of its relative error where f < 0, and
 * elsewhere of what it is worth beside 1 - 2^(f-1). Before f32 rounds, w is 6e-9 of its value off.
 */
DEVICE lane power_beyond_one(lane f) {
  lane q = lane_fma(lane_of(1.5115948918e-4f), f, lane_of(1.3385437196e-3f));
  q = lane_fma(q, f, lane_of(9.6191242337e-3f));
  q = lane_fma(q, f, lane_of(5.5503722280e-2f));
  q = lane_fma(q, f, lane_of(2.4022644758e-1f));
  q = lane_fma(q, f, lane_of(6.9314718246e-1f));
  return q * f;
}

/* exp(x); beyond f32 it is infinite, below its normal numbers 0. NaN passes. */
DEVICE lane power_of_e(lane x) {
  x = lane_at_most(lane_of(89.0f), lane_at_least(lane_of(-88.0f), x));
  lane whole = lane_fma(x, lane_of(LOG2_OF_E), lane_of(EXPONENT_IN_LOW_BITS));
  lane f = lane_fma(x, lane_of(LOG2_OF_E), lane_of(EXPONENT_IN_LOW_BITS) - whole);
  lane scale = lane_from_bits(lane_bits(whole) << 23);
  f = lane_fma(x, lane_of(LOG2_OF_E_REST), f);
  return lane_fma(power_beyond_one(f), scale, scale);
}
