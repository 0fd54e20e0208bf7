/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "reference/prefix_scan.h"
#include "seqmix/prefix_scan.h"

scan_value seqmix_scan_start(int32_t op) {
  switch (op) {
    case SEQMIX_SCAN_PRODUCT: return (scan_value){.high = 1};
    case SEQMIX_SCAN_MAX:
    case SEQMIX_SCAN_LOGSUMEXP: return (scan_value){.high = -INFINITY};
    default: return (scan_value){0};
  }
}

/* The error of the sum is that of whichever is smaller (Neumaier 1974). */
static scan_value add(scan_value value, double x) {
  double sum = value.high + x;
  double error = fabs(value.high) >= fabs(x) ? (value.high - sum) + x : (x - sum) + value.high;
  return (scan_value){.high = sum, .low = value.low + error};
}

/* Zeros, infinities and NaN stay in `high`, which has no error then; of other numbers it stays
 * between 1/2 and 1, and their exponents add up. */
static scan_value multiply(scan_value value, double x) {
  int exponent = 0;
  if (x == 0 || !isfinite(x) || value.high == 0 || !isfinite(value.high))
    return (scan_value){.high = value.high * x};
  double factor = frexp(x, &exponent), product = value.high * factor;
  scan_value result = {
      .low = value.low * factor + fma(value.high, factor, -product),
      .exponent = value.exponent + exponent,
  };
  result.high = frexp(product, &exponent);
  result.low = ldexp(result.low, -exponent);
  result.exponent += exponent;
  return result;
}

/* Nothing is taken from an infinity by itself: what is -inf adds nothing, and beside +inf
 * everything is nothing. */
static scan_value add_exponential(scan_value value, double x) {
  if (isnan(value.high) || x == -INFINITY || value.high == INFINITY) {
    if (isnan(x)) value.high = x;
    return value;
  }
  if (isnan(x) || x == INFINITY) return (scan_value){.high = x, .low = 1};
  if (x <= value.high) {
    value.low += exp(x - value.high);
    return value;
  }
  return (scan_value){.high = x, .low = value.low * exp(value.high - x) + 1};
}

scan_value seqmix_scan_add(int32_t op, scan_value value, double x) {
  switch (op) {
    case SEQMIX_SCAN_PRODUCT: return multiply(value, x);
    case SEQMIX_SCAN_MAX:
      if (isnan(x) || x > value.high) value.high = x; /* nothing is larger than a NaN */
      return value;
    case SEQMIX_SCAN_LOGSUMEXP: return add_exponential(value, x);
    default: return add(value, x);
  }
}

static double product_number(scan_value value) {
  int64_t far = 4096; /* beyond the exponents of all numbers */
  int64_t exponent = value.exponent < -far ? -far : value.exponent > far ? far : value.exponent;
  return ldexp(value.high + value.low, (int)exponent);
}

double seqmix_scan_number(int32_t op, scan_value value) {
  switch (op) {
    case SEQMIX_SCAN_PRODUCT: return product_number(value);
    case SEQMIX_SCAN_MAX: return value.high;
    case SEQMIX_SCAN_LOGSUMEXP: return value.high + log(value.low);
    default: return isfinite(value.high) ? value.high + value.low : value.high;
  }
}
