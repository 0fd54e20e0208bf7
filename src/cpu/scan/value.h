/* SPDX-License-Identifier: Apache-2.0 */
/* States channel by channel: how what came before is joined to what follows. */
#ifndef SEQMIX_CPU_SCAN_VALUE_H
#define SEQMIX_CPU_SCAN_VALUE_H

#include "cpu/scan/state.h"
#include "cpu/simd/level.h"

/** A channel's state: of complex numbers the two parts, of products mantissa and power, of
 * logsumexp sum and maximum, of maxima only `second`; else only `first`. */
typedef struct scan_value {
  double first, second;
} scan_value;

/** Channels of complex numbers are two lanes of the state. */
SEQMIX_INLINE scan_value scan_value_get(scan_kind kind, const double *states, int64_t channel) {
  int64_t lane = kind == SCAN_COMPLEX ? 2 * channel : channel;
  const double *at = states + lane / LANES * scan_doubles(kind);
  lane %= LANES;
  switch (kind) {
    case SCAN_MAX: return (scan_value){0, ((const float *)at)[lane]};
    case SCAN_LOGSUMEXP: return (scan_value){at[lane], ((const float *)(at + LANES))[lane]};
    case SCAN_PRODUCT: return (scan_value){at[lane], at[LANES + lane]};
    case SCAN_COMPLEX: return (scan_value){at[lane], at[lane + 1]};
    default: return (scan_value){at[lane], 0};
  }
}

SEQMIX_INLINE void scan_value_put(scan_kind kind, double *states, int64_t channel,
                                  scan_value value) {
  int64_t lane = kind == SCAN_COMPLEX ? 2 * channel : channel;
  double *at = states + lane / LANES * scan_doubles(kind);
  lane %= LANES;
  if (kind == SCAN_MAX) {
    ((float *)at)[lane] = (float)value.second;
    return;
  }
  at[lane] = value.first;
  if (kind == SCAN_LOGSUMEXP) ((float *)(at + LANES))[lane] = (float)value.second;
  if (kind == SCAN_PRODUCT) at[LANES + lane] = value.second;
  if (kind == SCAN_COMPLEX) at[lane + 1] = value.second;
}

/** What a carry becomes by tokens whose own state, begun from nothing, is `own`; of recurrences
 * `transfer` is the product of their factors. */
scan_value LEVEL(scan_join)(scan_kind kind, scan_value carry, scan_value own, scan_value transfer);
#define scan_join LEVEL(scan_join)

#endif
