/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/paper.h"

#include <stdio.h>

#include "bench/bench.h"
#include "tools/paper/paper.h"

/* Names are OpenCL's: so they are on the device itself. */
extern const seqmix_backend seqmix_opencl_backend;
extern const gpu_text seqmix_opencl_texts[];

seqmix_context *gpu_on_paper(const seqmix_device_properties *properties, char *error) {
  seqmix_context *context = NULL;
  if (paper_open(&seqmix_opencl_backend, seqmix_opencl_texts, properties, &context))
    snprintf(error, BENCH_TEXT, "%s", seqmix_last_error());
  return context;
}

int kernels_trace(const seqmix_context *context, gpu_trace *trace) {
  return seqmix_gpu_trace(context, trace);
}
