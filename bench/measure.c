/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/measure.h"

#include <time.h>

#include "bench/statistics.h"

/* The clock costs some 30 ns and may be interrupted: a sample is long against both. */
#define SAMPLE_SECONDS 1e-3
/* Calls before the samples: caches, page tables and the clock of the processor settle. */
#define WARM_UP_SECONDS 0.05
/* A call that takes seconds is not made as often as one of milliseconds. */
#define PATIENCE 10
#define FEWEST_SAMPLES 3
#define MOST_SAMPLES 2000

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void settle(void) {
  struct timespec pause = {0, 60 * 1000 * 1000};
  nanosleep(&pause, NULL);
}

/* One sample: seconds per call. */
static seqmix_status sample(const bench_subject *subject, int64_t *number, int64_t inner,
                            double *seconds) {
  double start = now();
  for (int64_t i = 0; i < inner; i++) {
    seqmix_status status = subject->call(subject->subject, (*number)++);
    if (status) return status;
  }
  seqmix_status status = subject->finish ? subject->finish(subject->subject) : SEQMIX_OK;
  *seconds = (now() - start) / (double)inner;
  return status;
}

/* Runs until warm and finds how many calls make a sample. */
static seqmix_status warm_up(const bench_subject *subject, const bench_protocol *protocol,
                             int64_t *number, int64_t *inner) {
  double limit = WARM_UP_SECONDS < protocol->min_time ? WARM_UP_SECONDS : protocol->min_time;
  double seconds, start = now();
  *inner = 1;
  do {
    seqmix_status status = sample(subject, number, *inner, &seconds);
    if (status) return status;
    while (*inner < (1 << 24) && seconds * (double)*inner < SAMPLE_SECONDS) *inner *= 2;
  } while (now() - start < limit);
  return SEQMIX_OK;
}

static int is_enough(const bench_protocol *protocol, int samples, double seconds) {
  if (samples >= MOST_SAMPLES) return 1;
  if (samples >= protocol->min_samples && seconds >= protocol->min_time) return 1;
  return samples >= FEWEST_SAMPLES && seconds >= PATIENCE * protocol->min_time;
}

seqmix_status measure(const bench_subject *subject, const bench_protocol *protocol,
                      bench_timing *timing) {
  double samples[MOST_SAMPLES];
  int64_t number = 0, inner;
  int count = 0;
  seqmix_status status = warm_up(subject, protocol, &number, &inner);
  double start = now();
  while (!status && !is_enough(protocol, count, now() - start))
    status = sample(subject, &number, inner, &samples[count++]);
  if (!status) *timing = statistics_of(samples, count, inner);
  return status;
}
