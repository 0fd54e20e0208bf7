/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into panels that have them beside each other. */
#ifndef SEQMIX_CPU_SIMD_TURN_H
#define SEQMIX_CPU_SIMD_TURN_H

#include "cpu/simd/product.h"

/** to[d * PRODUCT_COLUMNS + i] = scale * rows[i][d] for 4 rows: 4 dims at a time are turned around
 * in registers, as single stores would take longer than all the rest. */
static inline void turn_rows(float *to, const float *const rows[4], float scale, int64_t length) {
  int64_t d = 0;
  for (; d + 4 <= length; d += 4, to += 4 * PRODUCT_COLUMNS) {
    vec4 a = vec4_load(rows[0] + d) * scale, b = vec4_load(rows[1] + d) * scale;
    vec4 e = vec4_load(rows[2] + d) * scale, f = vec4_load(rows[3] + d) * scale;
    vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    vec4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    vec4 ef_low = __builtin_shufflevector(e, f, 0, 4, 1, 5);
    vec4 ef_high = __builtin_shufflevector(e, f, 2, 6, 3, 7);
    vec4_store(to, __builtin_shufflevector(ab_low, ef_low, 0, 1, 4, 5));
    vec4_store(to + PRODUCT_COLUMNS, __builtin_shufflevector(ab_low, ef_low, 2, 3, 6, 7));
    vec4_store(to + 2 * PRODUCT_COLUMNS, __builtin_shufflevector(ab_high, ef_high, 0, 1, 4, 5));
    vec4_store(to + 3 * PRODUCT_COLUMNS, __builtin_shufflevector(ab_high, ef_high, 2, 3, 6, 7));
  }
  for (; d < length; d++, to += PRODUCT_COLUMNS)
    for (int i = 0; i < 4; i++) to[i] = scale * rows[i][d];
}

#endif
