/* SPDX-License-Identifier: Apache-2.0 */
/* The vector vocabulary: all that kernels know of an instruction set. A file that includes it is
 * compiled once per level, with the level's compiler flags and SEQMIX_VECTOR_BYTES; GCC's and
 * Clang's vector types do the rest, and a few operations that they express badly are spelled out.
 * `a * b + c` is one fused operation where the level has it (-ffp-contract=fast). */
#ifndef SEQMIX_CPU_SIMD_VECTOR_H
#define SEQMIX_CPU_SIMD_VECTOR_H

#include <stdint.h>

#ifndef SEQMIX_VECTOR_BYTES
#error "SEQMIX_VECTOR_BYTES must say how wide a vector of this level is"
#endif

#define SEQMIX_INLINE static inline __attribute__((always_inline))

/** Lanes of a vector of f32. */
enum { LANES = SEQMIX_VECTOR_BYTES / 4 };

typedef float vec __attribute__((vector_size(SEQMIX_VECTOR_BYTES)));
typedef int32_t ivec __attribute__((vector_size(SEQMIX_VECTOR_BYTES)));

/* The same in memory, at any address. */
typedef float vec_in_memory
    __attribute__((vector_size(SEQMIX_VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t ivec_in_memory
    __attribute__((vector_size(SEQMIX_VECTOR_BYTES), aligned(4), may_alias));

SEQMIX_INLINE vec vec_load(const float *from) { return *(const vec_in_memory *)from; }
SEQMIX_INLINE void vec_store(float *to, vec x) { *(vec_in_memory *)to = x; }
SEQMIX_INLINE ivec ivec_load(const int32_t *from) { return *(const ivec_in_memory *)from; }

SEQMIX_INLINE vec vec_of(float x) { return x - (vec){0}; }
SEQMIX_INLINE ivec ivec_of(int32_t x) { return x - (ivec){0}; }

SEQMIX_INLINE ivec vec_bits(vec x) { return (ivec)x; }
SEQMIX_INLINE vec vec_from_bits(ivec x) { return (vec)x; }

/** Lane by lane `mask ? yes : no`, for masks of all ones or zeros as comparisons give them. */
SEQMIX_INLINE vec vec_select(ivec mask, vec yes, vec no) {
  return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}

/** The larger; `b` where one is NaN. */
SEQMIX_INLINE vec vec_max(vec a, vec b) { return vec_select(a > b, a, b); }

/** The sum of all lanes, by halves. */
SEQMIX_INLINE float vec_sum(vec x) {
  typedef float vec4 __attribute__((vector_size(16)));
#if SEQMIX_VECTOR_BYTES == 64
  typedef float vec8 __attribute__((vector_size(32)));
  vec8 eight = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
               __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  vec4 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
              __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#elif SEQMIX_VECTOR_BYTES == 32
  vec4 four = __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
  vec4 four = x;
#endif
  vec4 two = four + __builtin_shufflevector(four, four, 2, 3, 2, 3);
  return two[0] + two[1];
}

#endif
