/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the kernels of kernels/scan/causal_conv1d.c. */
#include "core/error.h"
#include "gpu/backend.h"
#include "gpu/launch.h"
#include "gpu/scan/causal_conv1d_plan.h"
#include "gpu/sequences.h"
#include "kernels/scan/causal_conv1d_arguments.h"

typedef seqmix_causal_conv1d_problem conv;

uint64_t seqmix_gpu_causal_conv1d_workspace(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers) {
  (void)problem;
  (void)device;
  (void)workers;
  return 0;
}

static int64_t first_of(const seqmix_view *view) {
  return view->dtype ? (int64_t)(view->byte_offset / seqmix_dtype_size(view->dtype)) : 0;
}

/* Of tokens and of states. */
static conv_plane plane_of(const seqmix_view *view) {
  return (conv_plane){
      .at = first_of(view),
      .row = view->stride[0],
      .time = view->stride[1],
      .channel = view->stride[2],
      .dtype = view->dtype,
  };
}

static conv_plane taps_of(const seqmix_view *view) {
  return (conv_plane){
      .at = first_of(view),
      .channel = view->stride[0],
      .time = view->stride[1],
      .dtype = view->dtype,
  };
}

static conv_arguments arguments_of(const conv *p, const gpu_conv_plan *plan) {
  return (conv_arguments){
      .at = seqmix_gpu_sequences(&p->at, p->header.op),
      .x = plane_of(&p->x),
      .out = plane_of(&p->out),
      .past = plane_of(&p->past_state),
      .present = plane_of(&p->present_state),
      .weight = taps_of(&p->weight),
      .bias = taps_of(&p->bias),
      .channels = p->channels,
      .width = p->width,
      .tokens = plan->tokens,
      .item_tokens = plan->item_tokens,
      .item_channels = plan->item_channels,
      .token_items = plan->token_items,
      .channel_items = plan->channel_items,
      .lanes_are_time = plan->lanes_are_time,
      .is_silu = p->activation == SEQMIX_ACTIVATION_SILU,
  };
}

/* In the order of CONV_PARAMETERS. */
static gpu_arguments pass(const gpu_context *context, const conv *p, const conv_arguments *s) {
  gpu_arguments arguments = seqmix_gpu_arguments(context);
  seqmix_gpu_pass_view(&arguments, &p->x);
  seqmix_gpu_pass_view(&arguments, &p->weight);
  seqmix_gpu_pass_view(&arguments, &p->bias);
  seqmix_gpu_pass_view(&arguments, &p->out);
  seqmix_gpu_pass_view(&arguments, &p->past_state);
  seqmix_gpu_pass_view(&arguments, &p->present_state);
  seqmix_gpu_pass_index(&arguments, &p->at.cu_seqlens);
  seqmix_gpu_pass_index(&arguments, &p->at.state_indices);
  seqmix_gpu_pass_index(&arguments, &p->at.state_out_indices);
  seqmix_gpu_pass_value(&arguments, s, sizeof *s);
  return arguments;
}

/* Indices of sequences without tokens are looked at with the states. */
static int has_states(const conv *p) {
  return p->present_state.dtype || p->at.cu_seqlens.bits || p->at.state_indices.bits;
}

seqmix_status seqmix_gpu_causal_conv1d(const seqmix_call *call, const seqmix_problem *problem) {
  const conv *p = (const conv *)problem;
  gpu_context *context = call->device;
  gpu_conv_plan plan = seqmix_gpu_conv_plan(p, &context->properties);
  const gpu_special special = {
      "scan/causal_conv1d",
      {{"TYPE", p->x.dtype},
       {"TAPS", plan.taps},
       {"STRIP", plan.strip},
       {"LANES", plan.lanes},
       {"ITEMS", plan.items}},
  };
  const conv_arguments s = arguments_of(p, &plan);
  const gpu_arguments arguments = pass(context, p, &s);
  SEQMIX_TRY(seqmix_gpu_launch(context, &special, "conv_outputs",
                               plan.token_items * plan.channel_items, plan.items, &arguments));
  if (!has_states(p)) return SEQMIX_OK;
  return seqmix_gpu_launch(context, &special, "conv_states", p->at.count * plan.channel_items,
                           plan.items, &arguments);
}
