/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the kernels of kernels/linear_attention, for the variants that are made of them. */
#ifndef SEQMIX_GPU_LINEAR_ATTENTION_RUN_H
#define SEQMIX_GPU_LINEAR_ATTENTION_RUN_H

#include "gpu/context.h"
#include "gpu/launch.h"
#include "gpu/linear_attention/plan.h"
#include "kernels/linear_attention/arguments.h"

/** A pass over all tokens. */
typedef struct gpu_linear_pass {
  int reads, writes; /* whether queries read, and whether the state changes */
  int is_backwards;
  int is_first_of_two; /* a reverse pass joins what it leaves with its own */
  int joins;
} gpu_linear_pass;

/** What is launched: some streams of a window of a pass. */
typedef struct gpu_linear_job {
  const seqmix_call *call;
  gpu_context *context;
  const seqmix_linear_attention_problem *problem;
  const gpu_linear_plan *plan;
  const gpu_linear_pass *pass;
  const seqmix_view *decay; /* of the pass */
  linear_call arguments;
} gpu_linear_job;

uint64_t seqmix_gpu_linear_workspace(const seqmix_problem *problem,
                                     const seqmix_device_properties *device,
                                     gpu_linear_algorithm algorithm);

seqmix_status seqmix_gpu_linear_run(const seqmix_call *call, const seqmix_problem *problem,
                                    gpu_linear_algorithm algorithm);

/** One after the other. */
seqmix_status seqmix_gpu_linear_gates(const gpu_linear_job *job);
seqmix_status seqmix_gpu_linear_rows(const gpu_linear_job *job);
seqmix_status seqmix_gpu_linear_weigh(const gpu_linear_job *job);
seqmix_status seqmix_gpu_linear_walk(const gpu_linear_job *job);
seqmix_status seqmix_gpu_linear_finish(const gpu_linear_job *job);

#endif
