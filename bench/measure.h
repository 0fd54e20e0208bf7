/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of timing: docs/bench.md describes it. */
#ifndef SEQMIX_BENCH_MEASURE_H
#define SEQMIX_BENCH_MEASURE_H

#include "bench/bench.h"

typedef struct bench_protocol {
  double min_time; /* seconds of samples */
  int min_samples;
} bench_protocol;

/* Seconds since some fixed moment. */
double now(void);

/* Lets threads that spin after their work fall asleep, so that they disturb nothing. */
void settle(void);

/* Times calls of `call(subject, number)`, numbered on from 0, and then `finish(subject)` once per
 * sample. Stops at the first call that fails and returns its status. */
typedef struct bench_subject {
  void *subject;
  seqmix_status (*call)(void *subject, int64_t number);
  seqmix_status (*finish)(void *subject); /* NULL: calls are complete when they return */
} bench_subject;

seqmix_status measure(const bench_subject *subject, const bench_protocol *protocol,
                      bench_timing *timing);

#endif
