/* SPDX-License-Identifier: Apache-2.0 */
/* GPUs by their data sheets: what a call could take at best on one that is not here. */
#ifndef SEQMIX_BENCH_GPUS_H
#define SEQMIX_BENCH_GPUS_H

#include <seqmix/backend.h>

#include "bench/bench.h"

typedef struct bench_gpu {
  const char *name;
  const char *called; /* a part of what OpenCL drivers call it */
  double flops;       /* per second, in f32, without matrix units */
  double bandwidth;   /* bytes per second of its memory */
  /* What OpenCL tells of it, as far as plans look at it. */
  int32_t compute_units, group_items, vector_width, step_items;
  uint64_t local_bytes;
} bench_gpu;

enum { BENCH_GPUS = 4 };
extern const bench_gpu bench_gpus[BENCH_GPUS];

/* The GPU that a device's description names, or NULL. */
const bench_gpu *gpu_described(const char *description);

/* As the device would describe itself to the library. */
void gpu_describe(const bench_gpu *gpu, seqmix_device_properties *properties);

typedef struct bench_bound {
  double seconds;    /* that a call takes at least */
  const char *bound; /* by "compute" or "memory" */
} bench_bound;

bench_bound gpu_bound(const bench_gpu *gpu, bench_cost cost);

/* The same as a ceiling, for devices whose own is not measured. */
bench_ceiling gpu_ceiling(const bench_gpu *gpu, bench_cost cost);

#endif
