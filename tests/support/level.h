/* SPDX-License-Identifier: Apache-2.0 */
/* For programs that are compiled once per level: whether its code may run here, and its name. */
#ifndef SEQMIX_TESTS_LEVEL_H
#define SEQMIX_TESTS_LEVEL_H

#define LEVEL_TEXT_OF(token) #token
#define LEVEL_TEXT(token) LEVEL_TEXT_OF(token)
#define LEVEL_NAME LEVEL_TEXT(SEQMIX_LEVEL)

static inline int level_runs_here(void) {
#if SEQMIX_VECTOR_BYTES == 64
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif SEQMIX_VECTOR_BYTES == 32
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}

/* What uses vectors is kept out of the test functions: those run where the level does not, and
 * even the way into a function may use its instructions. */
#define APART static __attribute__((noinline)) void

/* First in a test's body. */
#define SKIP_WITHOUT_LEVEL() \
  if (!level_runs_here()) suite_skip("this processor lacks %s", LEVEL_NAME)

#endif
