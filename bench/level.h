/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that are compiled once per level of instruction sets, as the library's kernels are. */
#ifndef SEQMIX_BENCH_LEVEL_H
#define SEQMIX_BENCH_LEVEL_H

#include <stddef.h>
#include <stdint.h>

/* Keys begin .. end-1 of a row of `count` scores become probabilities, the others 0. `sink` is
 * -INFINITY without one. */
typedef struct softmax_row {
  int64_t begin, end, count;
  float softcap; /* 0: none */
  float sink;
} softmax_row;

typedef struct bench_level {
  const char *name;
  int (*is_present)(void);
  /* Multiply-adds on registers alone; returns how many operations that was. */
  double (*multiply_add)(int64_t iterations);
  /* Reads `bytes`, a multiple of 4096; returns what depends on all of them. */
  float (*read)(const void *from, size_t bytes);
  /* Copies with stores through the cache, and past it; `bytes` as above. */
  void (*copy)(void *to, const void *from, size_t bytes);
  void (*stream)(void *to, const void *from, size_t bytes);
  void (*softmax)(float *scores, const softmax_row *row);
} bench_level;

/* Levels the processor has, up to the one SEQMIX_CPU_ISA names, by rising width. */
int levels_present(const bench_level **present, int room);

/* The widest of them. */
const bench_level *level_best(void);

/* Products of pairs of bf16 numbers, summed in f32, on registers alone (AVX512_BF16): returns the
 * number of operations. Present only within the level avx512. */
int bf16_dot_is_present(void);
double bf16_dot(int64_t iterations);

#endif
