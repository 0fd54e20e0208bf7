/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/simd/level.h"

#include "cpu/scan/value.h"

/* Factors that grew beyond f64 leave a carry of 0 what it is. */
static double times(double factor, double carry) { return carry == 0 ? 0 : factor * carry; }

static scan_value join_products(scan_value carry, scan_value own) {
  /* Mantissas are from 1 to 2, or 0, infinite or NaN. */
  int power;
  double mantissa = carry.first * own.first, near_one = frexp(mantissa, &power);
  if (mantissa == 0 || !isfinite(mantissa))
    return (scan_value){mantissa, carry.second + own.second};
  return (scan_value){2 * near_one, carry.second + own.second + power - 1};
}

static scan_value join_exponentials(scan_value carry, scan_value own) {
  double largest = carry.second > own.second ? carry.second : own.second;
  /* Equal infinities have no difference. */
  double carry_gap = carry.second == largest ? 0 : carry.second - largest;
  double own_gap = own.second == largest ? 0 : own.second - largest;
  return (scan_value){carry.first * exp(carry_gap) + own.first * exp(own_gap), largest};
}

scan_value scan_join(scan_kind kind, scan_value carry, scan_value own, scan_value transfer) {
  switch (kind) {
    case SCAN_RECURRENCE: return (scan_value){times(transfer.first, carry.first) + own.first, 0};
    case SCAN_COMPLEX:
      return (scan_value){
          times(transfer.first, carry.first) - times(transfer.second, carry.second) + own.first,
          times(transfer.first, carry.second) + times(transfer.second, carry.first) + own.second};
    case SCAN_SUM: return (scan_value){carry.first + own.first, 0};
    case SCAN_PRODUCT: return join_products(carry, own);
    case SCAN_LOGSUMEXP: return join_exponentials(carry, own);
    default:
      /* NaN is larger than anything. */
      return carry.second >= own.second || carry.second != carry.second ? carry : own;
  }
}
