/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/gpus.h"

#include <stdio.h>
#include <string.h>

/* Figures of makers' data sheets:
 *
 * NVIDIA H200 Tensor Core GPU data sheet, SXM: 67 TFLOPS of FP32, 4.8 TB/s.
 * NVIDIA Ada GPU architecture white paper, RTX 4090: 82.6 TFLOPS of FP32, 1008 GB/s.
 * AMD Radeon RX 7900 XTX specifications: 61.4 TFLOPs peak single precision (which takes two
 *   instructions at once), 960 GB/s.
 * Intel Arc A770 (16 GB) specifications: 512 vector engines of 16 operations per cycle at 2.1 GHz,
 *   560 GB/s.
 *
 * Compute units, groups and local memory are those that OpenCL drivers tell: an RX 7900 XTX counts
 * pairs of its 96 units, an A770 counts vector engines. Phones are not here: makers do not publish
 * what their GPUs' clocks and shares of memory are. */
const bench_gpu bench_gpus[BENCH_GPUS] = {
    {"H200 SXM", "H200", 67e12, 4.8e12, 132, 1024, 1, 32, 48 << 10},
    {"RTX 4090", "RTX 4090", 82.6e12, 1008e9, 128, 1024, 1, 32, 48 << 10},
    {"RX 7900 XTX", "7900 XTX", 61.4e12, 960e9, 48, 256, 1, 32, 64 << 10},
    {"Arc A770", "A770", 512 * 16 * 2.1e9, 560e9, 512, 1024, 1, 0, 64 << 10},
};

const bench_gpu *gpu_described(const char *description) {
  for (int i = 0; i < BENCH_GPUS; i++)
    if (strstr(description, bench_gpus[i].called)) return &bench_gpus[i];
  return NULL;
}

void gpu_describe(const bench_gpu *gpu, seqmix_device_properties *properties) {
  snprintf(properties->description, sizeof properties->description, "%s, not here", gpu->name);
  properties->memory = SEQMIX_MEMORY_OPENCL;
  properties->compute_units = gpu->compute_units;
  properties->group_items = gpu->group_items;
  properties->vector_width = gpu->vector_width;
  properties->step_items = gpu->step_items;
  properties->local_bytes = gpu->local_bytes;
}

bench_bound gpu_bound(const bench_gpu *gpu, bench_cost cost) {
  double compute = cost.flops / gpu->flops, memory = cost.bytes / gpu->bandwidth;
  return compute > memory ? (bench_bound){compute, "compute"} : (bench_bound){memory, "memory"};
}

bench_ceiling gpu_ceiling(const bench_gpu *gpu, bench_cost cost) {
  bench_bound bound = gpu_bound(gpu, cost);
  return (bench_ceiling){
      .peak = gpu->flops,
      .peak_name = "data sheet",
      .bandwidth = gpu->bandwidth,
      .bandwidth_name = "data sheet",
      .flops = cost.flops / bound.seconds,
      .bound = bound.bound,
  };
}
