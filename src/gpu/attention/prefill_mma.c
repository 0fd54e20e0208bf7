/* SPDX-License-Identifier: Apache-2.0 */
/* attention of many queries on tensor cores: a block per tile of rows. */
#include "gpu/attention/attention.h"
#include "gpu/attention/mma_plan.h"
#include "gpu/attention/plan.h"
#include "gpu/backend.h"

typedef seqmix_attention_problem attention;

int32_t seqmix_gpu_attention_prefill_mma_accepts(const seqmix_problem *problem,
                                                 const seqmix_device_properties *device) {
  return seqmix_gpu_prefill_mma_plan((const attention *)problem, device).fits;
}

int32_t seqmix_gpu_attention_prefill_mma_suits(const seqmix_problem *problem,
                                               const seqmix_device_properties *device) {
  (void)device;
  return !seqmix_gpu_is_decode((const attention *)problem);
}

uint64_t seqmix_gpu_attention_prefill_mma_workspace(const seqmix_problem *problem,
                                                    const seqmix_device_properties *device,
                                                    int32_t workers) {
  (void)problem;
  (void)device;
  (void)workers;
  return 0;
}

seqmix_status seqmix_gpu_attention_prefill_mma(const seqmix_call *call,
                                               const seqmix_problem *problem) {
  const attention *p = (const attention *)problem;
  gpu_context *context = call->device;
  const gpu_mma_plan plan = seqmix_gpu_prefill_mma_plan(p, &context->properties);
  const gpu_special special = {
      "attention/prefill_mma",
      {{"DIM", plan.dim},
       {"VALUE_DIM", plan.value_dim},
       {"ROWS", plan.rows},
       {"KEYS", plan.keys},
       {"TERMS", plan.has_terms},
       {"HALF", p->header.dtype},
       {"SPLIT", 0},
       {"LANES", 1},
       {"ITEMS", plan.items},
       {"LOCAL_BYTES", (int32_t)plan.local_bytes}},
  };
  const attention_arguments arguments = seqmix_gpu_attention_arguments(p);
  const gpu_arguments list = seqmix_gpu_pass_attention(call, p, &arguments);
  return seqmix_gpu_launch(context, &special, "attention_prefill_mma", plan.groups * plan.items,
                           plan.items, &list);
}
