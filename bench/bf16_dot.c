/* SPDX-License-Identifier: Apache-2.0 */
/* The peak of vdpbf16ps. */
#include "bench/level.h"

#ifdef BENCH_BF16_DOT
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define SUMS 16

int bf16_dot_is_present(void) {
  unsigned a, b, c, d;
  /* The bit of the processor says nothing about what the system saves: the level does. */
  return strcmp(level_best()->name, "avx512") == 0 && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
         (a >> 5 & 1);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) double
bf16_dot(int64_t iterations) {
  __m512 sum[SUMS];
  __m512bh left = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5F), _mm512_set1_ps(0.25F));
  __m512bh right = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.125F), _mm512_set1_ps(-0.25F));
  for (int i = 0; i < SUMS; i++) sum[i] = _mm512_set1_ps((float)i);
  for (int64_t n = 0; n < iterations; n++) {
#pragma GCC unroll 16
    for (int i = 0; i < SUMS; i++) sum[i] = _mm512_dpbf16_ps(sum[i], left, right);
    __asm__ volatile("" : "+v"(left), "+v"(right));
  }
  for (int i = 1; i < SUMS; i++) sum[0] = _mm512_add_ps(sum[0], sum[i]);
  __asm__ volatile("" : : "v"(sum[0]));
  return (double)iterations * SUMS * 16 * 4; /* 16 lanes of two products and two sums */
}
#else
int bf16_dot_is_present(void) { return 0; }

double bf16_dot(int64_t iterations) {
  (void)iterations;
  return 0;
}
#endif
