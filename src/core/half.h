/* SPDX-License-Identifier: Apache-2.0 */
/* The 16-bit floating-point types as integers, converted one at a time. Round to nearest even;
 * infinities and NaN keep their class. */
#ifndef SEQMIX_CORE_HALF_H
#define SEQMIX_CORE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t seqmix_f32_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float seqmix_f32_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float seqmix_f32_from_bf16(uint16_t half) {
  return seqmix_f32_from_bits((uint32_t)half << 16);
}

static inline uint16_t seqmix_bf16_from_f32(float value) {
  uint32_t bits = seqmix_f32_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static inline float seqmix_f32_from_f16(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  uint32_t rest = (uint32_t)(half & 0x7fffu) << 13;
  if (rest >= 0x0f800000u) return seqmix_f32_from_bits(sign | (rest + 0x70000000u)); /* inf, NaN */
  /* Multiplying by 2^112 moves the exponent's bias and makes subnormals normal, exactly. */
  float scaled = seqmix_f32_from_bits(rest) * 0x1p112f;
  return seqmix_f32_from_bits(sign | seqmix_f32_bits(scaled));
}

static inline uint16_t seqmix_f16_from_f32(float value) {
  uint32_t bits = seqmix_f32_bits(value);
  uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);  /* NaN */
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds beyond 65504 */
  if (magnitude < 0x38800000u) {
    /* Subnormal: adding 0.5 lets the adder round at 2^-24, the last bit of a subnormal. */
    float shifted = seqmix_f32_from_bits(magnitude) + 0.5f;
    return (uint16_t)(sign | (seqmix_f32_bits(shifted) - 0x3f000000u));
  }
  uint32_t odd = (magnitude >> 13) & 1u;
  return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

#endif
