/* SPDX-License-Identifier: Apache-2.0 */
/* One case from inputs to result. */
#ifndef SEQMIX_BENCH_RUN_H
#define SEQMIX_BENCH_RUN_H

#include "bench/ceilings.h"
#include "bench/gpus.h"
#include "bench/measure.h"
#include "bench/operator.h"

/* A device with a number of threads, and what cases on it need. */
typedef struct bench_station {
  bench_world world;
  seqmix_context *probing; /* a second context on the device: finds out which variant is chosen */
  ceilings *ceilings;      /* NULL for devices that are not processors of this machine */
  const bench_gpu *gpu;    /* whose data sheet then is the ceiling; NULL: it is unknown */
  char device[BENCH_NAME];
  int32_t threads;
  const char *variant; /* forced, or NULL */
} bench_station;

/* threads 0: the library's own choice. Zero and a sentence in `error` (BENCH_TEXT characters) if
 * there is no such device, or no such variant. */
int station_open(bench_station *station, const char *device, int32_t threads, const char *variant,
                 char *error);
void station_close(bench_station *station);

/* What is being done, for a progress bar. */
typedef void (*run_watcher)(void *user, const char *step);

/* Verifies and times the case. */
bench_result run_case(const bench_station *station, const bench_case *item,
                      const bench_protocol *protocol, int with_baseline, run_watcher watcher,
                      void *user);

#endif
