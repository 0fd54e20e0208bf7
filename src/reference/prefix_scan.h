/* SPDX-License-Identifier: Apache-2.0 */
/* Running values of floating-point scans that lose nothing to length: judges of float64 too.
 * Private to the reference's prefix_scan. */
#ifndef SEQMIX_REFERENCE_PREFIX_SCAN_H
#define SEQMIX_REFERENCE_PREFIX_SCAN_H

#include <stdint.h>

/* What a scan has come to.
 *   sum        high + low: what rounding took from the sum
 *   product    (high + low) 2^exponent: as wide as the product of any numbers
 *   max        high
 *   logsumexp  low exp(high): the largest number, and the sum of all relative to it */
typedef struct scan_value {
  double high, low;
  int64_t exponent;
} scan_value;

/** What `op`, a #seqmix_scan_op, has before the first element. */
scan_value seqmix_scan_start(int32_t op);

/** `value` op x. */
scan_value seqmix_scan_add(int32_t op, scan_value value, double x);

/** The value as a number, rounded once. */
double seqmix_scan_number(int32_t op, scan_value value);

#endif
