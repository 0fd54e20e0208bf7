/* SPDX-License-Identifier: Apache-2.0 */
/* attention of many queries: a work-group per tile of rows. */
#include "gpu/attention/attention.h"
#include "gpu/attention/plan.h"
#include "gpu/backend.h"

typedef seqmix_attention_problem attention;

int32_t seqmix_gpu_attention_prefill_accepts(const seqmix_problem *problem,
                                             const seqmix_device_properties *device) {
  return seqmix_gpu_prefill_plan((const attention *)problem, device).fits;
}

int32_t seqmix_gpu_attention_prefill_suits(const seqmix_problem *problem,
                                           const seqmix_device_properties *device) {
  (void)device;
  return !seqmix_gpu_is_decode((const attention *)problem);
}

uint64_t seqmix_gpu_attention_prefill_workspace(const seqmix_problem *problem,
                                                const seqmix_device_properties *device,
                                                int32_t workers) {
  (void)problem;
  (void)device;
  (void)workers;
  return 0;
}

seqmix_status seqmix_gpu_attention_prefill(const seqmix_call *call, const seqmix_problem *problem) {
  const attention *p = (const attention *)problem;
  gpu_context *context = call->device;
  const gpu_prefill_plan plan = seqmix_gpu_prefill_plan(p, &context->properties);
  const gpu_special special = {
      "attention/prefill",
      {{"DIM", plan.dim},
       {"ROWS", plan.rows},
       {"KEYS", plan.keys},
       {"COLUMN_TRIPS", plan.column_trips},
       {"LANES", plan.lanes},
       {"ITEMS", plan.items}},
  };
  const attention_arguments arguments = seqmix_gpu_attention_arguments(p);
  const gpu_arguments list = seqmix_gpu_pass_attention(call, p, &arguments);
  return seqmix_gpu_launch(context, &special, "attention_prefill", plan.groups * plan.items,
                           plan.items, &list);
}
