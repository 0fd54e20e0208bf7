/* SPDX-License-Identifier: Apache-2.0 */
/* The variant that takes tokens in chunks, on tensor cores. */
#include "gpu/backend.h"
#include "gpu/linear_attention/run.h"

uint64_t seqmix_gpu_linear_attention_chunked_mma_workspace(const seqmix_problem *problem,
                                                           const seqmix_device_properties *device,
                                                           int32_t workers) {
  (void)workers;
  return seqmix_gpu_linear_workspace(problem, device, GPU_LINEAR_MMA);
}

seqmix_status seqmix_gpu_linear_attention_chunked_mma(const seqmix_call *call,
                                                      const seqmix_problem *problem) {
  return seqmix_gpu_linear_run(call, problem, GPU_LINEAR_MMA);
}
