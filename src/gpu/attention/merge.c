/* SPDX-License-Identifier: Apache-2.0 */
/* attention_merge: an item per lane of a row. */
#include "gpu/attention/attention.h"
#include "gpu/backend.h"
#include "gpu/plan.h"
#include "kernels/attention/merge_arguments.h"

typedef seqmix_attention_merge_problem merge;

static merge_arguments arguments_of(const merge *p) {
  return (merge_arguments){
      .parts = p->parts,
      .batch = p->batch,
      .time = p->time,
      .heads = p->heads,
      .value_dim = p->value_dim,
      .outs_part = p->outs_part_stride,
      .lses_part = p->lses_part_stride,
      .outs = seqmix_gpu_attention_rows(&p->outs),
      .out = seqmix_gpu_attention_rows(&p->out),
      .lses = seqmix_gpu_attention_rows(&p->lses),
      .lse = seqmix_gpu_attention_rows(&p->lse),
      .sinks = {.byte_offset = (int64_t)p->sinks.byte_offset,
                .stride = p->sinks.stride[0],
                .dtype = p->sinks.dtype},
  };
}

uint64_t seqmix_gpu_attention_merge_workspace(const seqmix_problem *problem,
                                              const seqmix_device_properties *device,
                                              int32_t workers) {
  (void)problem;
  (void)device;
  (void)workers;
  return 0;
}

seqmix_status seqmix_gpu_attention_merge(const seqmix_call *call, const seqmix_problem *problem) {
  const merge *p = (const merge *)problem;
  gpu_context *context = call->device;
  int32_t lanes = seqmix_gpu_lanes(&context->properties);
  int32_t items = seqmix_gpu_items(&context->properties);
  const gpu_special special = {"attention/merge", {{"LANES", lanes}, {"ITEMS", items}}};
  const merge_arguments arguments = arguments_of(p);
  gpu_arguments list = seqmix_gpu_arguments(context);
  seqmix_gpu_pass_view(&list, &p->outs);
  seqmix_gpu_pass_view(&list, &p->lses);
  seqmix_gpu_pass_view(&list, &p->sinks);
  seqmix_gpu_pass_view(&list, &p->out);
  seqmix_gpu_pass_view(&list, &p->lse);
  seqmix_gpu_pass_value(&list, &arguments, sizeof arguments);
  int64_t count = p->batch * p->time * p->heads * gpu_divided(p->value_dim, lanes);
  return seqmix_gpu_launch(context, &special, "attention_merge", count, items, &list);
}
