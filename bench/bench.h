/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of seqmix-bench share: cases, costs, timings and results. Only the files named
 * after an operator know what its parameters mean. */
#ifndef SEQMIX_BENCH_BENCH_H
#define SEQMIX_BENCH_BENCH_H

#include <stdint.h>

#include <seqmix/seqmix.h>

#include "gpu/trace.h"

/* Parameters an operator may have, and room for texts. */
enum { BENCH_VALUES = 16, BENCH_NAME = 64, BENCH_TEXT = 4096 };

typedef struct bench_operator bench_operator;

/* What a preset or a shape given by hand comes to, for one element type. */
typedef struct bench_case {
  const bench_operator *op;
  char name[BENCH_NAME];
  const char *phase;           /* "prefill", "decode", "encode", "call" */
  int32_t dtype;               /* of the inputs */
  double values[BENCH_VALUES]; /* in the order of the operator's parameters */
} bench_case;

/* What memory has to do for a call, and so which bandwidth bounds it. */
typedef enum bench_traffic {
  TRAFFIC_READ,    /* mostly reads, beyond the caches */
  TRAFFIC_UPDATE,  /* reads, changes and writes `updated` bytes in place */
  TRAFFIC_COPY,    /* reads one array and writes another, `bytes` together */
  TRAFFIC_COPY_ADD /* reads two arrays and writes a third, `bytes` together */
} bench_traffic;

/* What a call cannot do without. */
typedef struct bench_cost {
  double flops;
  double bytes;
  bench_traffic traffic;
  double updated;       /* of `bytes`, those that lie in what is updated; counted once */
  double state_updates; /* of single numbers; 0: the operator does not count them */
} bench_cost;

/* Seconds per call: statistics over samples, each the mean of `inner` calls. */
typedef struct bench_timing {
  double median, low, high; /* low and high: the quartiles */
  double spread;            /* (high - low) / median */
  double best;              /* the fastest sample */
  int samples;
  int64_t inner;
} bench_timing;

/* How rows of an output compare with those of the device `reference`. */
typedef struct bench_check {
  int64_t rows;
  double error; /* largest error over its bound: 1 is the limit; NaN if classes differ */
  int passed;
} bench_check;

/* What the machine could do at best, in the same minute. */
typedef struct bench_ceiling {
  double peak;                /* flop/s for this element type */
  const char *peak_name;      /* "avx2 FMA", "bf16 dot" */
  double bandwidth;           /* bytes/s */
  const char *bandwidth_name; /* "read", "update", "copy" or "copy_add" */
  double flops;               /* the lower of peak and bandwidth times flops per byte; 0: unknown */
  const char *bound;          /* "compute" or "memory": which of the two it is; "": unknown */
  double drift;               /* how far the measurements before and after the case were apart */
} bench_ceiling;

typedef enum bench_outcome {
  BENCH_MEASURED,
  BENCH_SKIPPED, /* could not be done here; `message` says why */
  BENCH_FAILED   /* wrong results: not timed */
} bench_outcome;

/* The same calculation by other means. */
typedef struct bench_baseline {
  bench_outcome outcome;
  char message[BENCH_TEXT];
  const char *what, *how;
  bench_check check;
  bench_timing time;
} bench_baseline;

typedef struct bench_result {
  bench_case item;
  char device[BENCH_NAME];
  int32_t threads;
  bench_outcome outcome;
  char message[BENCH_TEXT];
  char variant[96];
  bench_cost cost;
  int64_t copies; /* buffers that calls take in turn */
  bench_check check;
  bench_timing time;
  bench_ceiling ceiling;
  double fraction;      /* of the ceiling, by the median; 0: unknown */
  double best_fraction; /* of the ceiling, by the fastest sample; 0: unknown */
  bench_baseline baseline;
  gpu_trace kernels;            /* that a call starts; none on other devices than GPUs */
  char relative_to[BENCH_NAME]; /* the first of several devices; "": there is one */
  double relative;              /* its median over this one's: how many times as fast; 0: unknown */
} bench_result;

/* Flop/s and bytes/s of a measured result, by the median. */
double result_flops(const bench_result *result);
double result_bytes(const bench_result *result);

/* Time of the baseline over the library's; 0 without either. */
double result_speed_up(const bench_result *result);

#endif
