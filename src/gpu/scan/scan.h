/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the kernels of kernels/scan/scan.c, for the operators that are made of them. */
#ifndef SEQMIX_GPU_SCAN_SCAN_H
#define SEQMIX_GPU_SCAN_SCAN_H

#include "gpu/context.h"
#include "gpu/scan/plan.h"
#include "kernels/scan/arguments.h"

/** A call: the operator fills in all of `arguments` but what the plan decides. */
typedef struct gpu_scan_job {
  int32_t kind;  /* KIND_* */
  int32_t dtype; /* of x */
  scan_arguments arguments;
  const seqmix_view *a, *x, *out, *past, *present; /* absent ones without memory */
  const seqmix_sequences *at;
} gpu_scan_job;

uint64_t seqmix_gpu_scan_workspace(int32_t kind, const gpu_scan_shape *shape,
                                   const seqmix_device_properties *device);

seqmix_status seqmix_gpu_scan(const seqmix_call *call, const gpu_scan_shape *shape,
                              gpu_scan_job *job);

#endif
