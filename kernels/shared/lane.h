/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors' elements as lanes: LANES neighbours of a stride at once, any type as f32. */
#include "shared/dialect.h"

/* A seqmix_dtype. */
enum { TYPE_F32 = 1, TYPE_F16 = 2, TYPE_BF16 = 3 };

/* ---- one element ----------------------------------------------------------------------------- */

DEVICE float load_element(const GLOBAL uint8_t *data, int32_t dtype, int64_t at) {
  if (dtype == TYPE_F32) return ((const GLOBAL float *)data)[at];
  if (dtype == TYPE_F16) return load_half(data, at);
  return from_bits((uint32_t)((const GLOBAL uint16_t *)data)[at] << 16);
}

/* Round to nearest even; NaN stays one. */
DEVICE uint32_t bf16_bits(uint32_t bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

DEVICE void store_element(GLOBAL uint8_t *data, int32_t dtype, int64_t at, float x) {
  if (dtype == TYPE_F32)
    ((GLOBAL float *)data)[at] = x;
  else if (dtype == TYPE_F16)
    store_half(data, at, x);
  else
    ((GLOBAL uint16_t *)data)[at] = (uint16_t)bf16_bits(bits_of(x));
}

/* ---- lanes ------------------------------------------------------------------------------------
 */

DEVICE lane load_neighbours(const GLOBAL uint8_t *data, int32_t dtype, int64_t at) {
  if (dtype == TYPE_F32) return lane_load_f32(data, at);
  if (dtype == TYPE_F16) return lane_load_f16(data, at);
  return lane_from_bits(lane_load_u16(data, at) << 16);
}

DEVICE void store_neighbours(GLOBAL uint8_t *data, int32_t dtype, int64_t at, lane x) {
  if (dtype == TYPE_F32) {
    lane_store_f32(data, at, x);
  } else if (dtype == TYPE_F16) {
    lane_store_f16(data, at, x);
  } else {
    lane_int bits = lane_bits(x), quiet = bits | 0x400000;
    lane_int rounded = bits + 0x7fff + (bits >> 16 & 1);
    lane_store_u16(data, at, lane_select(x != x, quiet, rounded) >> 16 & 0xffff);
  }
}

/* Turns a square of lanes: lane j of row i becomes lane i of row j. */
DEVICE void turn(lane *rows) {
  for (int32_t round = 1; round < LANES; round *= 2) {
    lane turned[LANES];
    for (int32_t i = 0; i < LANES / 2; i++) {
      turned[2 * i] = lane_low(rows[i], rows[i + LANES / 2]);
      turned[2 * i + 1] = lane_high(rows[i], rows[i + LANES / 2]);
    }
    for (int32_t i = 0; i < LANES; i++) rows[i] = turned[i];
  }
}

/* Where the lanes of a tensor lie, in elements. */
typedef struct line {
  int64_t at;   /* the first lane's first */
  int64_t time; /* from token to token */
  int64_t lane; /* from lane to lane */
} line;

/* ---- a token's ------------------------------------------------------------------------------- */

/* The first `count` lanes; the others are `rest`. */
DEVICE lane load_lanes(const GLOBAL uint8_t *data, int32_t dtype, int64_t at, int64_t stride,
                       int32_t count, float rest) {
  if (LANES == 1) return lane_of(count > 0 ? load_element(data, dtype, at) : rest);
  if (stride == 1 && count == LANES) return load_neighbours(data, dtype, at);
  float each[LANES];
  if (count == LANES) {
    UNROLL for (int32_t i = 0; i < LANES; i++) each[i] = load_element(data, dtype, at + i * stride);
  } else {
    UNROLL for (int32_t i = 0; i < LANES; i++) each[i] =
        i < count ? load_element(data, dtype, at + i * stride) : rest;
  }
  return lane_from_array(each);
}

DEVICE void store_lanes(GLOBAL uint8_t *data, int32_t dtype, int64_t at, int64_t stride,
                        int32_t count, lane x) {
  if (stride == 1 && count == LANES) {
    store_neighbours(data, dtype, at, x);
    return;
  }
  float each[LANES];
  lane_to_array(each, x);
  UNROLL for (int32_t i = 0; i < LANES; i++) if (i < count)
      store_element(data, dtype, at + i * stride, each[i]);
}

/* The same of complex numbers: the imaginary part is the element after the real one. */
DEVICE void load_pairs(const GLOBAL uint8_t *data, int32_t dtype, int64_t at, int64_t stride,
                       int32_t count, float rest, lane *re, lane *im) {
  if (stride == 2 && count == LANES) {
    lane first = load_neighbours(data, dtype, at);
    lane second = load_neighbours(data, dtype, at + LANES);
    *re = lane_even(first, second);
    *im = lane_odd(first, second);
    return;
  }
  *re = load_lanes(data, dtype, at, stride, count, rest);
  *im = load_lanes(data, dtype, at + 1, stride, count, 0.0f);
}

DEVICE void store_pairs(GLOBAL uint8_t *data, int32_t dtype, int64_t at, int64_t stride,
                        int32_t count, lane re, lane im) {
  if (stride == 2 && count == LANES) {
    store_neighbours(data, dtype, at, lane_low(re, im));
    store_neighbours(data, dtype, at + LANES, lane_high(re, im));
    return;
  }
  store_lanes(data, dtype, at, stride, count, re);
  store_lanes(data, dtype, at + 1, stride, count, im);
}
