/* SPDX-License-Identifier: Apache-2.0 */
/* attention with its scores in workspace, for what tiles are too small for: as many rows at a time
 * as its room allows. */
#include "kernels/attention/unfused.h"
#include "core/error.h"
#include "gpu/attention/attention.h"
#include "gpu/attention/plan.h"
#include "gpu/backend.h"

typedef seqmix_attention_problem attention;

int32_t seqmix_gpu_attention_unfused_accepts(const seqmix_problem *problem,
                                             const seqmix_device_properties *device) {
  (void)problem;
  (void)device;
  return 1;
}

int32_t seqmix_gpu_attention_unfused_suits(const seqmix_problem *problem,
                                           const seqmix_device_properties *device) {
  return !seqmix_gpu_attention_prefill_accepts(problem, device) ||
         (problem->features & SEQMIX_ATTENTION_SCORES);
}

uint64_t seqmix_gpu_attention_unfused_workspace(const seqmix_problem *problem,
                                                const seqmix_device_properties *device,
                                                int32_t workers) {
  (void)workers;
  return seqmix_gpu_unfused_plan((const attention *)problem, device).bytes;
}

seqmix_status seqmix_gpu_attention_unfused(const seqmix_call *call, const seqmix_problem *problem) {
  const attention *p = (const attention *)problem;
  gpu_context *context = call->device;
  const gpu_unfused_plan plan = seqmix_gpu_unfused_plan(p, &context->properties);
  const gpu_special special = {"attention/unfused", {{"LANES", plan.lanes}, {"ITEMS", plan.items}}};
  attention_arguments arguments = seqmix_gpu_attention_arguments(p);
  const gpu_arguments list = seqmix_gpu_pass_attention(call, p, &arguments);
  int64_t columns = gpu_divided(p->value_dim, plan.lanes);
  for (int64_t first = 0; first < plan.blocks; first += plan.step) {
    int64_t count = gpu_least(plan.step, plan.blocks - first);
    arguments.first = first;
    arguments.count = count;
    SEQMIX_TRY(seqmix_gpu_launch(context, &special, "attention_products", count * p->key_length,
                                 plan.items, &list));
    SEQMIX_TRY(seqmix_gpu_launch(context, &special, "attention_softmax",
                                 count * BLOCK_ROWS * plan.items, plan.items, &list));
    SEQMIX_TRY(seqmix_gpu_launch(context, &special, "attention_values", count * columns, plan.items,
                                 &list));
  }
  return SEQMIX_OK;
}
