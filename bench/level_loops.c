/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled once per level. */
#include <math.h>

#include "bench/level.h"
#include "cpu/simd/level.h"
#include "cpu/simd/math.h"

#ifdef SEQMIX_CPU_X86
#define IN_VECTOR_REGISTER "x"
#elif defined(__aarch64__)
#define IN_VECTOR_REGISTER "w"
#else
#define IN_VECTOR_REGISTER "m"
#endif

/* Independent sums: enough to hide the latency of two units of depth 4 or 5, few enough that they
 * and two operands fit into 16 registers. */
#define SUMS 14

double LEVEL(bench_multiply_add)(int64_t iterations);
float LEVEL(bench_read)(const void *from, size_t bytes);
void LEVEL(bench_copy)(void *to, const void *from, size_t bytes);
void LEVEL(bench_copy_past)(void *to, const void *from, size_t bytes);
void LEVEL(bench_add)(void *to, const void *from, const void *other, size_t bytes);
void LEVEL(bench_add_past)(void *to, const void *from, const void *other, size_t bytes);
void LEVEL(bench_update)(void *data, size_t bytes);
void LEVEL(bench_softmax)(float *scores, const softmax_row *row);

/* Keeps a value from being optimised away. */
static void use(vec x) {
  float sum = vec_sum(x);
  __asm__ volatile("" : : IN_VECTOR_REGISTER(sum));
}

double LEVEL(bench_multiply_add)(int64_t iterations) {
  vec sum[SUMS], factor = vec_of(0.999f), addend = vec_of(0.001f);
  for (int i = 0; i < SUMS; i++) sum[i] = vec_of((float)i);
  for (int64_t n = 0; n < iterations; n++) {
#pragma GCC unroll 14
    for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * factor + addend;
    /* Two rounds must not be merged into one. */
    __asm__ volatile("" : "+" IN_VECTOR_REGISTER(factor), "+" IN_VECTOR_REGISTER(addend));
  }
  for (int i = 1; i < SUMS; i++) sum[0] += sum[i];
  use(sum[0]);
  return (double)iterations * SUMS * LANES * 2;
}

float LEVEL(bench_read)(const void *from, size_t bytes) {
  const float *at = from, *end = at + bytes / sizeof *at;
  vec sum[8] = {{0}};
  for (; at < end; at += (ptrdiff_t)8 * LANES) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) sum[i] += vec_load(at + (ptrdiff_t)i * LANES);
  }
  for (int i = 1; i < 8; i++) sum[0] += sum[i];
  return vec_sum(sum[0]);
}

void LEVEL(bench_copy)(void *to, const void *from, size_t bytes) {
  const float *at = from, *end = at + bytes / sizeof *at;
  for (float *out = to; at < end; at += LANES, out += LANES) vec_store(out, vec_load(at));
}

void LEVEL(bench_copy_past)(void *to, const void *from, size_t bytes) {
  const float *at = from, *end = at + bytes / sizeof *at;
  for (float *out = to; at < end; at += LANES, out += LANES) vec_stream(out, vec_load(at));
  vec_stream_end();
}

void LEVEL(bench_add)(void *to, const void *from, const void *other, size_t bytes) {
  const float *a = from, *b = other, *end = a + bytes / sizeof *a;
  for (float *out = to; a < end; a += LANES, b += LANES, out += LANES)
    vec_store(out, vec_load(a) + vec_load(b));
}

void LEVEL(bench_add_past)(void *to, const void *from, const void *other, size_t bytes) {
  const float *a = from, *b = other, *end = a + bytes / sizeof *a;
  for (float *out = to; a < end; a += LANES, b += LANES, out += LANES)
    vec_stream(out, vec_load(a) + vec_load(b));
  vec_stream_end();
}

void LEVEL(bench_update)(void *data, size_t bytes) {
  float *at = data, *end = at + bytes / sizeof *at;
  vec factor = vec_of(0.999f), addend = vec_of(0.001f); /* numbers stay near 1 */
  for (; at < end; at += (ptrdiff_t)4 * LANES) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      float *x = at + (ptrdiff_t)i * LANES;
      vec_store(x, vec_load(x) * factor + addend);
    }
  }
}

/* ---- softmax for the baseline -------------------------------------------------------------- */

static float softcapped(float x, float softcap) {
  return softcap > 0 ? softcap * tanhf(x / softcap) : x;
}

/* The largest score, after the softcap has been applied in place. */
static float cap_and_find_largest(float *x, int64_t count, float softcap, float largest) {
  int64_t j = 0;
  vec most = vec_of(largest);
  for (; j + LANES <= count; j += LANES) {
    vec s = vec_load(x + j);
    if (softcap > 0) {
      s = vec_of(softcap) * vec_tanh(s / softcap);
      vec_store(x + j, s);
    }
    most = vec_max(s, most);
  }
  for (int i = 0; i < LANES; i++) largest = most[i] > largest ? most[i] : largest;
  for (; j < count; j++) {
    x[j] = softcapped(x[j], softcap);
    largest = x[j] > largest ? x[j] : largest;
  }
  return largest;
}

/* Leaves exponentials in place and returns their sum. */
static float exponentiate(float *x, int64_t count, float largest) {
  int64_t j = 0;
  vec sums = {0};
  for (; j + LANES <= count; j += LANES) {
    vec e = vec_exp(vec_load(x + j) - largest);
    vec_store(x + j, e);
    sums += e;
  }
  float sum = vec_sum(sums);
  for (; j < count; j++) sum += x[j] = expf(x[j] - largest);
  return sum;
}

void LEVEL(bench_softmax)(float *scores, const softmax_row *row) {
  float *live = scores + row->begin;
  int64_t count = row->end - row->begin;
  for (int64_t j = 0; j < row->begin; j++) scores[j] = 0;
  for (int64_t j = row->end; j < row->count; j++) scores[j] = 0;
  float largest = cap_and_find_largest(live, count, row->softcap, row->sink);
  if (largest == -INFINITY) largest = 0;
  float sum = exponentiate(live, count, largest) + expf(row->sink - largest);
  float factor = sum > 0 ? 1 / sum : 0;
  for (int64_t j = 0; j < count; j++) live[j] *= factor;
}
