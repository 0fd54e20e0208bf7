/* SPDX-License-Identifier: Apache-2.0 */
/* The vector vocabulary: all that kernels know of an instruction set. A file that includes it is
 * compiled once per level, with the level's compiler flags and SEQMIX_VECTOR_BYTES; GCC's and
 * Clang's vector types do the rest, and a few operations that they express badly are spelled out.
 * `a * b + c` is one fused operation where the level has it (-ffp-contract=fast). */
#ifndef SEQMIX_CPU_SIMD_VECTOR_H
#define SEQMIX_CPU_SIMD_VECTOR_H

#include <stdint.h>

#if defined(__SSE__)
#include <immintrin.h>
#endif

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
SEQMIX_INLINE void ivec_store(int32_t *to, ivec x) { *(ivec_in_memory *)to = x; }

/** Stores past the caches, where an output is larger than any of them: its lines need not be read
 * first. `to` begins where whole vectors do. After the last one comes vec_stream_end(). */
SEQMIX_INLINE void vec_stream(float *to, vec x) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  _mm512_stream_ps(to, (__m512)x);
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  _mm256_stream_ps(to, (__m256)x);
#elif SEQMIX_VECTOR_BYTES == 16 && defined(__SSE__)
  _mm_stream_ps(to, (__m128)x);
#else
  vec_store(to, x);
#endif
}

/** Makes what was streamed visible to other threads before anything stored later. */
SEQMIX_INLINE void vec_stream_end(void) {
#if defined(__SSE__)
  _mm_sfence();
#endif
}

/** Keeps a loaded vector in a register: compilers would rather load it anew for each use, and
 * loads are scarcer than registers. */
#if defined(__x86_64__) || defined(__i386__)
#define VEC_HOLD(x) __asm__("" : "+v"(x))
#else
#define VEC_HOLD(x) ((void)0)
#endif

SEQMIX_INLINE vec vec_of(float x) { return x - (vec){0}; }
SEQMIX_INLINE ivec ivec_of(int32_t x) { return x - (ivec){0}; }

/** A constant of a loop that is loaded anew in each turn and then kept until its last use in it:
 * compilers would rather keep more constants than there are registers, and load those that do not
 * fit once per use. */
SEQMIX_INLINE vec vec_here(float x) {
  vec constant = vec_of(x);
#if (SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)) || \
    (SEQMIX_VECTOR_BYTES == 32 && defined(__AVX__)) ||     \
    (SEQMIX_VECTOR_BYTES == 16 && defined(__SSE__))
  __asm__ volatile("" : "+v"(constant));
#endif
  return constant;
}

SEQMIX_INLINE ivec vec_bits(vec x) { return (ivec)x; }
SEQMIX_INLINE vec vec_from_bits(ivec x) { return (vec)x; }

/** Lane by lane `mask ? yes : no`, for masks of all ones or zeros as comparisons give them. */
SEQMIX_INLINE vec vec_select(ivec mask, vec yes, vec no) {
  return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}

/** x where the mask is all ones, 0 where it is 0. */
SEQMIX_INLINE vec vec_masked(ivec mask, vec x) { return (vec)(mask & (ivec)x); }

/** The larger; `b` where one is NaN. */
SEQMIX_INLINE vec vec_max(vec a, vec b) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#elif SEQMIX_VECTOR_BYTES == 16 && defined(__SSE__)
  return (vec)_mm_max_ps((__m128)a, (__m128)b);
#else
  return vec_select(a > b, a, b);
#endif
}

/** The smaller; `b` where one is NaN. */
SEQMIX_INLINE vec vec_min(vec a, vec b) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (vec)_mm512_min_ps((__m512)a, (__m512)b);
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  return (vec)_mm256_min_ps((__m256)a, (__m256)b);
#elif SEQMIX_VECTOR_BYTES == 16 && defined(__SSE__)
  return (vec)_mm_min_ps((__m128)a, (__m128)b);
#else
  return vec_select(a < b, a, b);
#endif
}

/** Whether any bit is set. */
SEQMIX_INLINE int vec_any(ivec bits) {
#if SEQMIX_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return _mm512_test_epi32_mask((__m512i)bits, (__m512i)bits) != 0;
#elif SEQMIX_VECTOR_BYTES == 32 && defined(__AVX2__)
  return !_mm256_testz_si256((__m256i)bits, (__m256i)bits);
#elif SEQMIX_VECTOR_BYTES == 16 && defined(__SSE2__)
  return _mm_movemask_epi8(_mm_cmpeq_epi8((__m128i)bits, _mm_setzero_si128())) != 0xffff;
#else
  int32_t any = 0;
  for (int i = 0; i < LANES; i++) any |= bits[i];
  return any != 0;
#endif
}

/* Four lanes at any level, for turning squares of elements around. */
typedef float vec4 __attribute__((vector_size(16)));
typedef float vec4_in_memory __attribute__((vector_size(16), aligned(4), may_alias));

SEQMIX_INLINE vec4 vec4_load(const float *from) { return *(const vec4_in_memory *)from; }
SEQMIX_INLINE void vec4_store(float *to, vec4 x) { *(vec4_in_memory *)to = x; }

/** The sum of all lanes, by halves. */
SEQMIX_INLINE float vec_sum(vec x) {
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

/* Up to eight lanes, for sums of several vectors. */
#if SEQMIX_VECTOR_BYTES >= 32
typedef float vec_for_sums __attribute__((vector_size(32)));
#else
typedef float vec_for_sums __attribute__((vector_size(16)));
#endif

SEQMIX_INLINE vec_for_sums vec_fold(vec x) {
#if SEQMIX_VECTOR_BYTES == 64
  return __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
#else
  return x;
#endif
}

/* Within each 128 bits: the sums of the four lanes there of x[0], x[1], x[2] and x[3]. */
SEQMIX_INLINE vec_for_sums vec_transposed_sums(const vec x[4]) {
  vec_for_sums a = vec_fold(x[0]), b = vec_fold(x[1]), c = vec_fold(x[2]), d = vec_fold(x[3]);
#if SEQMIX_VECTOR_BYTES >= 32
  vec_for_sums ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
                    __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  vec_for_sums cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13) +
                    __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
  return __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
         __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
#else
  vec_for_sums ab =
      __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  vec_for_sums cd =
      __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
#endif
}

/** sums[i] = the sum of all lanes of x[i]. */
SEQMIX_INLINE void vec_sums_of_four(const vec x[4], float sums[4]) {
  vec_for_sums parts = vec_transposed_sums(x);
#if SEQMIX_VECTOR_BYTES >= 32
  vec4 all = __builtin_shufflevector(parts, parts, 0, 1, 2, 3) +
             __builtin_shufflevector(parts, parts, 4, 5, 6, 7);
#else
  vec4 all = parts;
#endif
  __builtin_memcpy(sums, &all, sizeof all);
}

#endif
