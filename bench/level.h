/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that are compiled once per level of instruction sets, as the library's kernels are. */
#ifndef SEQMIX_BENCH_LEVEL_H
#define SEQMIX_BENCH_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#include "bench/scan_loop.h"

/* Keys begin .. end-1 of a row of `count` scores become probabilities, the others 0. `sink` is
 * -INFINITY without one. */
typedef struct softmax_row {
  int64_t begin, end, count;
  float softcap; /* 0: none */
  float sink;
} softmax_row;

/* A state of linear attention and some columns of its values, token by token. Arrays are f32;
 * `..._step` is the distance from one token to the next. */
typedef struct recurrence {
  int64_t tokens, dim, columns; /* at most bench_level::recurrence_columns */
  const float *q, *k, *v;       /* v and out: the first of the columns */
  float *out;
  int64_t q_step, k_step, v_step, out_step;
  const float *factor; /* what the state is multiplied by; NULL: nothing */
  int64_t factor_step;
  int factor_per_row;
  int is_delta;      /* what the state has for k is taken off v */
  const float *beta; /* NULL: 1 */
  int64_t beta_step;
  int beta_per_column;
  const float *a, *b; /* NULL: not the rule dplr */
  int64_t ab_step;
  const float *bonus; /* dim; NULL: none */
  float scale;
  float *state; /* dim rows, recurrence_columns apart, aligned to 64; others than `columns` are 0 */
} recurrence;

typedef struct bench_level {
  const char *name;
  int (*is_present)(void);
  /* Multiply-adds on registers alone; returns how many operations that was. */
  double (*multiply_add)(int64_t iterations);
  /* Reads `bytes`, a multiple of 4096; returns what depends on all of them. */
  float (*read)(const void *from, size_t bytes);
  /* Copies, and adds numbers of two arrays, with stores through the cache and past it; `bytes`, of
   * one array, as above. */
  void (*copy)(void *to, const void *from, size_t bytes);
  void (*copy_past)(void *to, const void *from, size_t bytes);
  void (*add)(void *to, const void *from, const void *other, size_t bytes);
  void (*add_past)(void *to, const void *from, const void *other, size_t bytes);
  /* Reads, changes and writes `bytes`, as above. */
  void (*update)(void *data, size_t bytes);
  void (*softmax)(float *scores, const softmax_row *row);
  int64_t (*recurrence_columns)(void); /* how many are done at once */
  void (*recur)(const recurrence *r);
  void (*scan)(const scan_loop *loop);
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
