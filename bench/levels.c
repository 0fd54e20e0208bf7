/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "bench/level.h"

#define DECLARE(level)                                                                             \
  double seqmix_bench_multiply_add_##level(int64_t iterations);                                    \
  float seqmix_bench_read_##level(const void *from, size_t bytes);                                 \
  void seqmix_bench_copy_##level(void *to, const void *from, size_t bytes);                        \
  void seqmix_bench_copy_past_##level(void *to, const void *from, size_t bytes);                   \
  void seqmix_bench_add_##level(void *to, const void *from, const void *other, size_t bytes);      \
  void seqmix_bench_add_past_##level(void *to, const void *from, const void *other, size_t bytes); \
  void seqmix_bench_update_##level(void *data, size_t bytes);                                      \
  void seqmix_bench_softmax_##level(float *scores, const softmax_row *row);                        \
  int64_t seqmix_bench_recurrence_columns_##level(void);                                           \
  void seqmix_bench_recur_##level(const recurrence *r);                                            \
  void seqmix_bench_scan_##level(const scan_loop *loop)

#define ROW(level)                                                                        \
  {                                                                                       \
    .name = #level, .is_present = level##_is_present,                                     \
    .multiply_add = seqmix_bench_multiply_add_##level, .read = seqmix_bench_read_##level, \
    .copy = seqmix_bench_copy_##level, .copy_past = seqmix_bench_copy_past_##level,       \
    .add = seqmix_bench_add_##level, .add_past = seqmix_bench_add_past_##level,           \
    .update = seqmix_bench_update_##level, .softmax = seqmix_bench_softmax_##level,       \
    .recurrence_columns = seqmix_bench_recurrence_columns_##level,                        \
    .recur = seqmix_bench_recur_##level, .scan = seqmix_bench_scan_##level,               \
  }

DECLARE(generic);
static int generic_is_present(void) { return 1; }

#ifdef SEQMIX_CPU_X86
DECLARE(avx2);
DECLARE(avx512);

static int avx2_is_present(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int avx512_is_present(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

static const bench_level levels[] = {
    ROW(generic),
#ifdef SEQMIX_CPU_X86
    ROW(avx2),
    ROW(avx512),
#endif
};

int levels_present(const bench_level **present, int room) {
  const char *limit = getenv("SEQMIX_CPU_ISA");
  int count = 0;
  for (size_t i = 0; i < sizeof levels / sizeof *levels && count < room; i++) {
    if (!levels[i].is_present()) break;
    present[count++] = &levels[i];
    if (limit && strcmp(limit, levels[i].name) == 0) break;
  }
  return count;
}

const bench_level *level_best(void) {
  const bench_level *present[sizeof levels / sizeof *levels];
  int count = levels_present(present, sizeof levels / sizeof *levels);
  return count > 0 ? present[count - 1] : &levels[0];
}
