/* SPDX-License-Identifier: Apache-2.0 */
/* 16-bit numbers as floats and back, rounded to nearest even. */
#ifndef SEQMIX_EMULATOR_NUMBERS_H
#define SEQMIX_EMULATOR_NUMBERS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace emulator {

inline float float_of_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline uint32_t bits_of_float(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float float_of_bf16(uint16_t bits) { return float_of_bits((uint32_t)bits << 16); }

/* What is no number becomes 0x7fff, as the PTX manual has it. */
inline uint16_t bf16_of_float(float x) {
  if (x != x) return 0x7fff;
  const uint32_t bits = bits_of_float(x);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float float_of_f16(uint16_t bits) {
  const int power = bits >> 10 & 31, digits = bits & 1023;
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (power == 31) return digits ? NAN : sign * INFINITY;
  if (power == 0) return sign * std::ldexp((float)digits, -24);
  return sign * std::ldexp((float)(1024 + digits), power - 25);
}

inline uint16_t f16_of_float(float x) {
  if (x != x) return 0x7fff;
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const float size = std::fabs(x);
  if (size >= 65520.0f) return (uint16_t)(sign | 0x7c00);
  if (size < 0x1p-14f) return (uint16_t)(sign | (int)std::nearbyint(size * 0x1p24f));
  int power;
  const float digits = std::frexp(size, &power); /* 0.5 to 1 */
  /* Rounded up to a power of two, the digits carry into the exponent, as they should. */
  const int rounded = (int)std::nearbyint(digits * 2048.0f);
  return (uint16_t)(sign | (((power + 14) << 10) + rounded - 1024));
}

}  // namespace emulator

#endif
