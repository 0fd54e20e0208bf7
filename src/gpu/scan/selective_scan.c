/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the kernels of kernels/scan/selective_scan.c. */
#include "core/error.h"
#include "gpu/backend.h"
#include "gpu/launch.h"
#include "gpu/scan/selective_plan.h"
#include "gpu/sequences.h"
#include "kernels/scan/selective_arguments.h"

typedef seqmix_selective_scan_problem selective;

static int is_complex(const selective *p) {
  return (p->header.features & SEQMIX_SELECTIVE_SCAN_COMPLEX) != 0;
}

uint64_t seqmix_gpu_selective_scan_workspace(const seqmix_problem *problem,
                                             const seqmix_device_properties *device,
                                             int32_t workers) {
  (void)workers;
  const selective *p = (const selective *)problem;
  gpu_selective_plan plan = seqmix_gpu_selective_plan(p, device);
  if (!plan.needs_work) return 0;
  int64_t bytes = p->states;
  if (__builtin_mul_overflow(bytes, SELECTIVE_FLOATS(is_complex(p)), &bytes) ||
      __builtin_add_overflow(bytes, SELECTIVE_STEP_FLOATS, &bytes))
    return UINT64_MAX;
  const int64_t sizes[] = {p->channels, p->at.count, plan.pieces, sizeof(float)};
  return seqmix_gpu_bytes((uint64_t)bytes, sizes, 4);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static int64_t first_of(const seqmix_view *view) {
  return view->dtype ? (int64_t)(view->byte_offset / seqmix_dtype_size(view->dtype)) : 0;
}

static selective_tokens tokens_of(const seqmix_view *view) {
  return (selective_tokens){
      .at = first_of(view),
      .row = view->stride[0],
      .time = view->stride[1],
      .channel = view->stride[2],
      .dtype = view->dtype,
  };
}

static selective_group group_of(const seqmix_view *view) {
  return (selective_group){
      .at = first_of(view),
      .row = view->stride[0],
      .time = view->stride[1],
      .group = view->stride[2],
      .state = view->stride[3],
      .dtype = view->dtype,
  };
}

static selective_states rates_of(const seqmix_view *view) {
  return (selective_states){
      .at = first_of(view),
      .channel = view->stride[0],
      .state = view->stride[1],
      .dtype = view->dtype,
  };
}

static selective_states states_of(const seqmix_view *view) {
  return (selective_states){
      .at = first_of(view),
      .row = view->stride[0],
      .channel = view->stride[1],
      .state = view->stride[2],
      .dtype = view->dtype,
  };
}

static selective_constant constant_of(const seqmix_view *view) {
  return (selective_constant){
      .at = first_of(view), .channel = view->stride[0], .dtype = view->dtype};
}

/* Whether whole vectors of a channel's states lie side by side. */
static int is_along(const selective *p, const gpu_selective_plan *plan) {
  const seqmix_view *past = &p->past_state, *present = &p->present_state;
  return p->at.length <= 1 && !is_complex(p) && plan->lanes > 1 && p->states % plan->lanes == 0 &&
         p->A.stride[1] == 1 && (!past->dtype || past->stride[2] == 1) &&
         (!present->dtype || present->stride[2] == 1);
}

static selective_arguments arguments_of(const selective *p, const gpu_selective_plan *plan) {
  return (selective_arguments){
      .at = seqmix_gpu_sequences(&p->at, p->header.op),
      .u = tokens_of(&p->u),
      .delta = tokens_of(&p->delta),
      .z = tokens_of(&p->z),
      .out = tokens_of(&p->out),
      .B = group_of(&p->B),
      .C = group_of(&p->C),
      .A = rates_of(&p->A),
      .past = states_of(&p->past_state),
      .present = states_of(&p->present_state),
      .D = constant_of(&p->D),
      .bias = constant_of(&p->delta_bias),
      .channels = p->channels,
      .states = p->states,
      .groups = p->groups,
      .group_channels = plan->group_channels,
      .group_blocks = plan->group_blocks,
      .piece = plan->piece,
      .pieces = plan->pieces,
      .has_softplus = (p->header.features & SEQMIX_SELECTIVE_SCAN_SOFTPLUS) != 0,
      .is_along = is_along(p, plan),
  };
}

/* In the order of SELECTIVE_PARAMETERS. */
static gpu_arguments pass(const seqmix_call *call, const selective *p,
                          const selective_arguments *s) {
  gpu_arguments arguments = seqmix_gpu_arguments(call->device);
  seqmix_gpu_pass_memory(&arguments, &call->workspace);
  const seqmix_view *const views[] = {
      &p->u,          &p->delta,        &p->A, &p->B, &p->C, &p->D, &p->z, &p->delta_bias, &p->out,
      &p->past_state, &p->present_state};
  for (size_t i = 0; i < sizeof views / sizeof *views; i++)
    seqmix_gpu_pass_view(&arguments, views[i]);
  seqmix_gpu_pass_index(&arguments, &p->at.cu_seqlens);
  seqmix_gpu_pass_index(&arguments, &p->at.state_indices);
  seqmix_gpu_pass_index(&arguments, &p->at.state_out_indices);
  seqmix_gpu_pass_value(&arguments, s, sizeof *s);
  return arguments;
}

/* ---- calls ----------------------------------------------------------------------------------- */

seqmix_status seqmix_gpu_selective_scan(const seqmix_call *call, const seqmix_problem *problem) {
  const selective *p = (const selective *)problem;
  gpu_context *context = call->device;
  gpu_selective_plan plan = seqmix_gpu_selective_plan(p, &context->properties);
  const gpu_special special = {
      "scan/selective_scan",
      {{"COMPLEX", is_complex(p)},
       {"TYPE", p->u.dtype},
       {"LANES", plan.lanes},
       {"ITEMS", plan.items}},
  };
  selective_arguments s = arguments_of(p, &plan);
  const gpu_arguments arguments = pass(call, p, &s);
  if (plan.pieces > 1) {
    s.summarizes = 1;
    SEQMIX_TRY(seqmix_gpu_launch(context, &special, "selective_walk", plan.walk_items, plan.items,
                                 &arguments));
    s.summarizes = 0;
    SEQMIX_TRY(seqmix_gpu_launch(context, &special, "selective_carry", plan.carry_items, plan.items,
                                 &arguments));
  }
  return seqmix_gpu_launch(context, &special, "selective_walk", plan.walk_items, plan.items,
                           &arguments);
}
