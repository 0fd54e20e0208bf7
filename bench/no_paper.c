/* SPDX-License-Identifier: Apache-2.0 */
/* bench/paper.h in a build without GPUs. */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/paper.h"

seqmix_context *gpu_on_paper(const seqmix_device_properties *properties, char *error) {
  (void)properties;
  snprintf(error, BENCH_TEXT, "this build plans for no GPUs (meson setup -Dopencl=true)");
  return NULL;
}

int kernels_trace(const seqmix_context *context, gpu_trace *trace) {
  (void)context;
  (void)trace;
  return 0;
}

uint64_t paper_local_bytes(const char *kernel, const char *program) {
  (void)kernel;
  (void)program;
  return 0;
}
