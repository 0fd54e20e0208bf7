/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/scan/scan.h"

#include "core/error.h"
#include "gpu/launch.h"

/* Floats that a piece of a channel leaves in workspace: SPAN_FLOATS of the kernels. */
static int64_t span_floats(int32_t kind) {
  switch (kind) {
    case KIND_RECURRENCE: return 5;
    case KIND_COMPLEX: return 9;
    case KIND_SUM: return 2;
    case KIND_MAX:
    case KIND_SUM_I32:
    case KIND_PRODUCT_I32:
    case KIND_MAX_I32: return 1;
    default: return 3;
  }
}

uint64_t seqmix_gpu_scan_workspace(int32_t kind, const gpu_scan_shape *shape,
                                   const seqmix_device_properties *device) {
  gpu_scan_plan plan = seqmix_gpu_scan_plan(shape, device);
  if (plan.pieces == 1) return 0;
  const int64_t sizes[] = {span_floats(kind), shape->streams, shape->channels, plan.pieces};
  return seqmix_gpu_bytes(sizeof(float), sizes, 4);
}

static void apply_plan(const gpu_scan_plan *plan, const gpu_scan_shape *shape,
                       scan_arguments *arguments) {
  arguments->streams = shape->streams;
  arguments->channels = shape->channels;
  arguments->piece = plan->piece;
  arguments->pieces = plan->pieces;
  arguments->lanes_are_pieces = plan->lanes_are_pieces;
  arguments->width = plan->width;
}

/* In the order of SCAN_PARAMETERS. */
static gpu_arguments pass(const seqmix_call *call, const gpu_scan_job *job) {
  gpu_arguments arguments = seqmix_gpu_arguments(call->device);
  seqmix_gpu_pass_memory(&arguments, &call->workspace);
  seqmix_gpu_pass_view(&arguments, job->a);
  seqmix_gpu_pass_view(&arguments, job->x);
  seqmix_gpu_pass_view(&arguments, job->out);
  seqmix_gpu_pass_view(&arguments, job->past);
  seqmix_gpu_pass_view(&arguments, job->present);
  seqmix_gpu_pass_index(&arguments, &job->at->cu_seqlens);
  seqmix_gpu_pass_index(&arguments, &job->at->state_indices);
  seqmix_gpu_pass_index(&arguments, &job->at->state_out_indices);
  seqmix_gpu_pass_value(&arguments, &job->arguments, sizeof job->arguments);
  return arguments;
}

/* Its items are neighbouring channels, whatever the other kernels' are. */
static seqmix_status launch_carry(const seqmix_call *call, const gpu_special *special,
                                  const gpu_scan_plan *plan, gpu_scan_job job) {
  job.arguments.lanes_are_pieces = 0;
  job.arguments.width = 1;
  gpu_arguments arguments = pass(call, &job);
  return seqmix_gpu_launch(call->device, special, "scan_carry", plan->carry_items, plan->items,
                           &arguments);
}

seqmix_status seqmix_gpu_scan(const seqmix_call *call, const gpu_scan_shape *shape,
                              gpu_scan_job *job) {
  gpu_context *context = call->device;
  gpu_scan_plan plan = seqmix_gpu_scan_plan(shape, &context->properties);
  const gpu_special special = {
      "scan/scan",
      {{"KIND", job->kind},
       {"TYPE", job->dtype},
       {"LANES", plan.lanes},
       {"WIDTH", plan.most_width},
       {"ITEMS", plan.items}},
  };
  apply_plan(&plan, shape, &job->arguments);
  gpu_arguments arguments = pass(call, job);
  if (plan.pieces > 1) {
    SEQMIX_TRY(seqmix_gpu_launch(context, &special, "scan_summarize", plan.walk_items, plan.items,
                                 &arguments));
    SEQMIX_TRY(launch_carry(call, &special, &plan, *job));
  }
  return seqmix_gpu_launch(context, &special, "scan_results", plan.walk_items, plan.items,
                           &arguments);
}
