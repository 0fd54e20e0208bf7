/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels a context's calls start, and how: for who wants to know what a device is given. */
#ifndef SEQMIX_GPU_TRACE_H
#define SEQMIX_GPU_TRACE_H

#include "gpu/context.h"
#include "seqmix/context.h"

enum { GPU_TRACE_MOST = 24, GPU_KERNEL_NAME = 48 };

/** Launches of a kernel that are alike. */
typedef struct gpu_launch_record {
  char program[GPU_PROGRAM_NAME]; /* its text and constants */
  char kernel[GPU_KERNEL_NAME];
  uint64_t groups, items; /* work-groups, and work-items of each */
  int64_t launches;
  double compile_seconds; /* that the driver took in this context; 0: it had been compiled */
  gpu_kernel_facts facts;
} gpu_launch_record;

/** In the order of first launches. */
typedef struct gpu_trace {
  gpu_launch_record records[GPU_TRACE_MOST];
  int32_t count;
  int64_t left_out; /* launches there was no room for */
} gpu_trace;

/**
 * Has launches of the context's calls recorded in `trace`, behind what is in it; NULL: no more.
 * Zero if the context's device is not one of src/gpu.
 */
int seqmix_gpu_trace(const seqmix_context *context, gpu_trace *trace);

/** For launch.c: one more launch. */
void seqmix_gpu_note_launch(const gpu_context *context, const gpu_special *special,
                            const char *kernel, gpu_kernel *found, const gpu_grid *grid);

#endif
