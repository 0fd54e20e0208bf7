/* SPDX-License-Identifier: Apache-2.0 */
/* How far products of factors are trusted. */
#include "shared/two_floats.h"

/* The smallest normal float. */
#define SMALLEST 0x1p-126f

/* Beyond this, what a span adds may cancel the carry. */
#define TRANSFER_MOST 0x1p20f

/* Products that have been below the first and are above the second lost their digits. */
#define TRANSFER_LEAST 0x1p-120f
#define TRANSFER_RETURNED 0x1p-100f

/* Factors that grew beyond f32 leave a carry of 0 what it is. */
DEVICE two transfer_of(two transfer, two carry) {
  two product = two_multiply_two(transfer, carry);
  return two_select(carry.high == lane_of(0.0f), two_of(lane_of(0.0f)), product);
}
