/* SPDX-License-Identifier: Apache-2.0 */
/* Each kernel with its arguments, in the order of its parameters. */
#include "core/error.h"
#include "gpu/linear_attention/mma_plan.h"
#include "gpu/linear_attention/run.h"

typedef seqmix_linear_attention_problem linear;

static linear_tensor tensor_of(const seqmix_view *view) {
  linear_tensor x = {.byte_offset = (int64_t)view->byte_offset, .dtype = view->dtype};
  for (int i = 0; i < 4; i++) x.stride[i] = view->stride[i];
  return x;
}

/* Rows of q, k and v are contiguous, also where an axis of length 1 has stride 0. */
static linear_tensor rows_of(const seqmix_view *view) {
  linear_tensor x = tensor_of(view);
  x.stride[3] = 1;
  return x;
}

static gpu_arguments begin(const gpu_linear_job *job) {
  gpu_arguments arguments = seqmix_gpu_arguments(job->context);
  seqmix_gpu_pass_memory(&arguments, &job->call->workspace);
  return arguments;
}

static void pass_indices(gpu_arguments *arguments, const linear *p) {
  seqmix_gpu_pass_index(arguments, &p->cu_seqlens);
  seqmix_gpu_pass_index(arguments, &p->state_indices);
  seqmix_gpu_pass_index(arguments, &p->state_out_indices);
}

static gpu_special special_of(const gpu_linear_job *job, const char *text) {
  return (gpu_special){text, {{"LANES", job->plan->lanes}, {"ITEMS", job->plan->items}}};
}

static int64_t slots_of(const gpu_linear_job *job) {
  return job->arguments.streams * job->arguments.chunks;
}

seqmix_status seqmix_gpu_linear_gates(const gpu_linear_job *job) {
  const linear *p = job->problem;
  if (!p->input_gate.dtype) return SEQMIX_OK;
  const gpu_special special = special_of(job, "linear_attention/rows");
  const linear_gates_arguments own = {
      .call = job->arguments,
      .decay = tensor_of(job->decay),
      .input_gate = tensor_of(&p->input_gate),
      .past = tensor_of(&p->past_stabilizer),
      .present = tensor_of(&p->present_stabilizer),
  };
  gpu_arguments arguments = begin(job);
  seqmix_gpu_pass_view(&arguments, job->decay);
  seqmix_gpu_pass_view(&arguments, &p->input_gate);
  seqmix_gpu_pass_view(&arguments, &p->past_stabilizer);
  seqmix_gpu_pass_view(&arguments, &p->present_stabilizer);
  pass_indices(&arguments, p);
  seqmix_gpu_pass_value(&arguments, &own, sizeof own);
  return seqmix_gpu_launch(job->context, &special, "linear_gates", job->arguments.streams,
                           job->plan->items, &arguments);
}

seqmix_status seqmix_gpu_linear_rows(const gpu_linear_job *job) {
  const linear *p = job->problem;
  const gpu_special special = special_of(job, "linear_attention/rows");
  const linear_rows_arguments own = {
      .call = job->arguments,
      .q = rows_of(&p->q),
      .k = rows_of(&p->k),
      .decay = tensor_of(job->decay),
      .beta = tensor_of(&p->beta),
      .erase = tensor_of(&p->erase),
      .a = tensor_of(&p->a),
      .b = tensor_of(&p->b),
      .scale = (float)p->scale,
      .feature_map = p->feature_map,
      .beta_scales_eraser = p->beta.dtype && !p->erase.dtype &&
                            !gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA),
  };
  gpu_arguments arguments = begin(job);
  seqmix_gpu_pass_view(&arguments, &p->q);
  seqmix_gpu_pass_view(&arguments, &p->k);
  seqmix_gpu_pass_view(&arguments, job->decay);
  seqmix_gpu_pass_view(&arguments, &p->beta);
  seqmix_gpu_pass_view(&arguments, &p->erase);
  seqmix_gpu_pass_view(&arguments, &p->a);
  seqmix_gpu_pass_view(&arguments, &p->b);
  pass_indices(&arguments, p);
  seqmix_gpu_pass_value(&arguments, &own, sizeof own);
  return seqmix_gpu_launch(job->context, &special, "linear_rows", slots_of(job) * job->plan->items,
                           job->plan->items, &arguments);
}

seqmix_status seqmix_gpu_linear_finish(const gpu_linear_job *job) {
  const linear *p = job->problem;
  const gpu_linear_plan *plan = job->plan;
  const gpu_special special = special_of(job, "linear_attention/finish");
  const linear_finish_arguments own = {
      .call = job->arguments,
      .out = tensor_of(&p->out),
      .forward_at = plan->layout.results[0],
      .forward_tokens = plan->layout.tokens[0],
      .forward_gates_at = plan->layout.gates[0],
      .eps = (float)p->eps,
      .floor = (float)p->floor,
      .normalize = p->normalize,
      .joins = job->pass->joins,
  };
  gpu_arguments arguments = begin(job);
  seqmix_gpu_pass_view(&arguments, &p->out);
  pass_indices(&arguments, p);
  seqmix_gpu_pass_value(&arguments, &own, sizeof own);
  int64_t parts = plan->items == 1 ? 1 : gpu_divided(p->value_dim, plan->lanes);
  int64_t rows = slots_of(job) * plan->chunk * job->arguments.queries;
  return seqmix_gpu_launch(job->context, &special, "linear_finish", rows * parts, plan->items,
                           &arguments);
}

/* ---- tokens or chunks, and states ------------------------------------------------------------ */

/* Of chunks, what needs no state is in a program of its own. */
static gpu_special weigh_special(const gpu_linear_job *job) {
  const gpu_linear_plan *plan = job->plan;
  if (plan->algorithm == GPU_LINEAR_MMA)
    return seqmix_gpu_linear_mma_weigh_special(plan, job->problem);
  return (gpu_special){
      "linear_attention/weights",
      {{"LANES", plan->lanes}, {"ITEMS", plan->weigh_items}, {"CHUNK", plan->chunk}},
  };
}

static gpu_special walk_special(const gpu_linear_job *job) {
  const gpu_linear_plan *plan = job->plan;
  int is_chunked = plan->algorithm == GPU_LINEAR_CHUNKED;
  if (plan->algorithm == GPU_LINEAR_MMA) return seqmix_gpu_linear_mma_walk_special(plan);
  return (gpu_special){
      is_chunked ? "linear_attention/chunked" : "linear_attention/recurrent",
      {{"LANES", plan->lanes},
       {"ITEMS", plan->walk_items},
       {"COLUMN_ITEMS", plan->column_items},
       {is_chunked ? "CHUNK" : "ROWS", is_chunked ? plan->chunk : plan->rows},
       {is_chunked ? NULL : "WIDTH", plan->width}},
  };
}

static int solves_by_channel(const linear *p) {
  return gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA) && !p->erase.dtype;
}

seqmix_status seqmix_gpu_linear_weigh(const gpu_linear_job *job) {
  const linear *p = job->problem;
  int is_chunked = job->plan->algorithm != GPU_LINEAR_RECURRENT;
  int32_t items = job->plan->weigh_items;
  const gpu_special special = is_chunked ? weigh_special(job) : walk_special(job);
  const linear_weights_arguments own = {
      .call = job->arguments,
      .bonus = tensor_of(&p->bonus),
      .leaves_diagonal_out = job->pass->joins,
      .solves_by_channel = solves_by_channel(p),
  };
  gpu_arguments arguments = begin(job);
  seqmix_gpu_pass_view(&arguments, &p->bonus);
  pass_indices(&arguments, p);
  seqmix_gpu_pass_value(&arguments, &own, sizeof own);
  return seqmix_gpu_launch(job->context, &special, is_chunked ? "linear_weights" : "linear_tokens",
                           slots_of(job) * items, items, &arguments);
}

seqmix_status seqmix_gpu_linear_walk(const gpu_linear_job *job) {
  const linear *p = job->problem;
  const gpu_linear_plan *plan = job->plan;
  const gpu_special special = walk_special(job);
  const linear_walk_arguments own = {
      .call = job->arguments,
      .v = rows_of(&p->v),
      .beta = tensor_of(&p->beta),
      .out = rows_of(&p->out),
      .past = tensor_of(&p->past_state),
      .past_normalizer = tensor_of(&p->past_normalizer),
      .present = tensor_of(&p->present_state),
      .present_normalizer = tensor_of(&p->present_normalizer),
      .blocks = plan->blocks,
      .block_panels = plan->block_panels,
      .panels = plan->panels,
      .keeps = gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL),
      .solves_by_channel = solves_by_channel(p),
  };
  gpu_arguments arguments = begin(job);
  seqmix_gpu_pass_view(&arguments, &p->v);
  seqmix_gpu_pass_view(&arguments, &p->beta);
  seqmix_gpu_pass_view(&arguments, &p->out);
  seqmix_gpu_pass_view(&arguments, &p->past_state);
  seqmix_gpu_pass_view(&arguments, &p->past_normalizer);
  seqmix_gpu_pass_view(&arguments, &p->present_state);
  seqmix_gpu_pass_view(&arguments, &p->present_normalizer);
  pass_indices(&arguments, p);
  seqmix_gpu_pass_value(&arguments, &own, sizeof own);
  const char *kernel = plan->algorithm == GPU_LINEAR_RECURRENT ? "linear_walk" : "linear_chunks";
  return seqmix_gpu_launch(job->context, &special, kernel,
                           job->arguments.streams * plan->blocks * plan->walk_items,
                           plan->walk_items, &arguments);
}
