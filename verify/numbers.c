/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/numbers.h"

#include <math.h>
#include <string.h>

#include <seqmix/types.h>

static double load_f16(uint16_t bits) {
  int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  double value = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                 : exponent == 0 ? ldexp(fraction, -24)
                                 : ldexp(fraction + 1024, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

/* rint() rounds to even in the default mode; a fraction rounded up to 2048 carries into the
 * exponent by itself, because the exponent bits stand right above it. */
static uint16_t store_f16(double value) {
  uint16_t sign = signbit(value) ? 0x8000 : 0;
  double size = fabs(value);
  if (isnan(value)) return (uint16_t)(sign | 0x7e00);
  if (size >= 65520) return (uint16_t)(sign | 0x7c00);
  int exponent = size < 0x1p-14 ? -14 : ilogb(size);
  uint32_t steps = (uint32_t)rint(ldexp(size, 10 - exponent));
  return (uint16_t)(sign | (steps + ((uint32_t)(exponent + 14) << 10)));
}

static float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Straight from double: by way of float it would round twice. */
static uint16_t store_bf16(double value) {
  float cut = (float)value;
  uint32_t bits;
  memcpy(&bits, &cut, sizeof bits);
  if (isnan(value)) return (uint16_t)((bits >> 16) | 0x40);
  if (isinf(value)) return (uint16_t)(bits >> 16);
  double size = fabs(value);
  int exponent = size < 0x1p-126 ? -126 : ilogb(size);
  uint32_t steps = (uint32_t)rint(ldexp(size, 7 - exponent));
  uint32_t encoded = steps + ((uint32_t)(exponent + 126) << 7);
  return (uint16_t)((signbit(value) ? 0x8000 : 0) | (encoded > 0x7f80 ? 0x7f80 : encoded));
}

#define LOAD(type)                           \
  do {                                       \
    type value_;                             \
    memcpy(&value_, address, sizeof value_); \
    return (double)value_;                   \
  } while (0)

double number_load(int32_t dtype, const void *address) {
  uint16_t half;
  memcpy(&half, address, dtype == SEQMIX_F16 || dtype == SEQMIX_BF16 ? sizeof half : 0);
  switch (dtype) {
    case SEQMIX_F32: LOAD(float);
    case SEQMIX_F64: LOAD(double);
    case SEQMIX_I32: LOAD(int32_t);
    case SEQMIX_I64: LOAD(int64_t);
    case SEQMIX_F16: return load_f16(half);
    case SEQMIX_BF16: return (double)float_of_bits((uint32_t)half << 16);
    case SEQMIX_BOOL: return *(const unsigned char *)address != 0;
    case SEQMIX_U8: return *(const unsigned char *)address;
    default: return NAN;
  }
}

#define STORE(type, value_of)                \
  do {                                       \
    type value_ = (type)(value_of);          \
    memcpy(address, &value_, sizeof value_); \
  } while (0)

void number_store(int32_t dtype, void *address, double value) {
  switch (dtype) {
    case SEQMIX_F32: STORE(float, value); break;
    case SEQMIX_F64: STORE(double, value); break;
    case SEQMIX_I32: STORE(int32_t, value); break;
    case SEQMIX_I64: STORE(int64_t, value); break;
    case SEQMIX_F16: STORE(uint16_t, store_f16(value)); break;
    case SEQMIX_BF16: STORE(uint16_t, store_bf16(value)); break;
    case SEQMIX_BOOL:
    case SEQMIX_U8: STORE(unsigned char, value); break;
    default: break;
  }
}

double number_rounding(int32_t dtype) {
  switch (dtype) {
    case SEQMIX_F16: return 0x1p-11;
    case SEQMIX_BF16: return 0x1p-8;
    case SEQMIX_F64: return 0x1p-53;
    default: return 0x1p-24;
  }
}

double number_step(int32_t dtype) {
  return dtype == SEQMIX_F16 ? 0x1p-24 : dtype == SEQMIX_F64 ? 0x1p-1022 : 0x1p-126;
}

/* Quiet NaNs (the top bit of the fraction is set) of payload 5a... in each floating type. */
void number_store_poison(int32_t dtype, void *address) {
  switch (dtype) {
    case SEQMIX_F32: STORE(uint32_t, 0x7fda5a5a); break;
    case SEQMIX_F16: STORE(uint16_t, 0x7f5a); break;
    case SEQMIX_BF16: STORE(uint16_t, 0x7fda); break;
    case SEQMIX_F64: STORE(uint64_t, UINT64_C(0x7ffb5a5a5a5a5a5a)); break;
    default: memset(address, 0x5a, (size_t)seqmix_dtype_size(dtype)); break;
  }
}

int number_is_poison(int32_t dtype, const void *address) {
  unsigned char pattern[8];
  number_store_poison(dtype, pattern);
  return memcmp(address, pattern, (size_t)seqmix_dtype_size(dtype)) == 0;
}
