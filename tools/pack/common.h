/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that models make: those whose kernels are worth compiling ahead. Made on a device on paper
 * (tools/paper), they tell which kernels it would be given. */
#ifndef SEQMIX_PACK_COMMON_H
#define SEQMIX_PACK_COMMON_H

#include <seqmix/backend.h>
#include <seqmix/seqmix.h>

/* Calls of one operator. */
typedef struct common_calls {
  const char *name;
  int32_t count;
  /* Makes call `index`, 0 to count - 1. */
  seqmix_status (*make)(seqmix_context *context, int32_t index);
} common_calls;

/* Of each operator, by its number. */
extern const common_calls *const common_operators[SEQMIX_OPERATOR_COUNT];

extern const common_calls common_attention, common_attention_merge, common_linear_attention;
extern const common_calls common_linear_recurrence, common_prefix_scan, common_selective_scan;
extern const common_calls common_causal_conv1d;

/* A dense tensor of up to four axes on paper; axes of no extent are left out. */
seqmix_tensor common_tensor(int32_t dtype, int64_t n0, int64_t n1, int64_t n2, int64_t n3);

/* Takes an index apart, as a number whose digits have `count` values each: the last digit, which
 * leaves the others in *index. */
static inline int32_t common_digit(int32_t *index, int32_t count) {
  int32_t digit = *index % count;
  *index /= count;
  return digit;
}

/* f32, f16 and bf16. */
enum { COMMON_TYPES = 3 };
static inline int32_t common_type(int32_t digit) { return SEQMIX_F32 + digit; }

#endif
