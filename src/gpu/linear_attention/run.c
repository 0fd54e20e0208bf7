/* SPDX-License-Identifier: Apache-2.0 */
/* Passes over tokens, cut into launches. */
#include "gpu/linear_attention/run.h"

#include "core/error.h"
#include "gpu/backend.h"
#include "gpu/sequences.h"

typedef seqmix_linear_attention_problem linear;

static seqmix_sequences sequences_of(const linear *p) {
  return (seqmix_sequences){
      .count = p->sequences,
      .length = p->length,
      .total = p->total,
      .past_rows = p->past_rows,
      .present_rows = p->present_rows,
      .cu_seqlens = p->cu_seqlens,
      .state_indices = p->state_indices,
      .state_out_indices = p->state_out_indices,
  };
}

static void set_places(linear_call *c, const gpu_linear_layout *at, int region) {
  c->slots_at = at->slots;
  c->slot_floats = at->slot_floats;
  c->eraser_at = at->eraser;
  c->keys_at = at->keys;
  c->low_rank_at = at->low_rank;
  c->decays_at = at->decays;
  c->keep_at = at->keep;
  c->weights_at = at->weights;
  c->solve_at = at->solve;
  c->scratch_at = at->scratch;
  c->states_at = at->states;
  c->carries_at = at->carries;
  c->gates_at = at->gates[region];
  c->gates_tokens = at->tokens[region];
  c->results_at = at->results[region];
  c->results_tokens = at->tokens[region];
}

static linear_call call_of(const linear *p, const gpu_linear_plan *plan,
                           const gpu_linear_pass *pass) {
  const seqmix_sequences at = sequences_of(p);
  linear_call c = {
      .at = seqmix_gpu_sequences(&at, p->header.op),
      .q_heads = p->q_heads,
      .k_heads = p->k_heads,
      .state_heads = p->state_heads,
      .queries = seqmix_gpu_linear_queries(p),
      .head_dim = p->head_dim,
      .dims = plan->dims,
      .value_dim = p->value_dim,
      .results_columns = plan->panels * plan->column_items * plan->lanes,
      .chunk = plan->chunk,
      .writers = seqmix_gpu_linear_writers(p),
      .decay_kind = seqmix_gpu_linear_decay_kind(p),
      .has_eraser = seqmix_gpu_linear_has_eraser(p),
      .is_early = gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_BONUS),
      .is_gated = gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_INPUT_GATE),
      .is_normalized = gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_NORMALIZE),
      .is_tiled = gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_TILED_HEADS),
      .is_backwards = pass->is_backwards,
      .reads = pass->reads,
      .writes = pass->writes,
      .is_by_position = pass->is_first_of_two,
      .has_results = plan->has_results,
  };
  set_places(&c, &plan->layout, pass->is_first_of_two ? 0 : 1);
  return c;
}

static seqmix_status run_window(const gpu_linear_job *job) {
  const gpu_linear_pass *pass = job->pass;
  if (pass->writes) SEQMIX_TRY(seqmix_gpu_linear_gates(job));
  SEQMIX_TRY(seqmix_gpu_linear_rows(job));
  if (pass->writes) SEQMIX_TRY(seqmix_gpu_linear_weigh(job));
  SEQMIX_TRY(seqmix_gpu_linear_walk(job));
  if (!pass->reads || pass->is_first_of_two || !job->plan->has_results) return SEQMIX_OK;
  return seqmix_gpu_linear_finish(job);
}

static seqmix_status run_pass(gpu_linear_job *job, const gpu_linear_pass *pass,
                              int64_t first_stream) {
  const linear *p = job->problem;
  const gpu_linear_plan *plan = job->plan;
  job->pass = pass;
  job->decay = pass->joins ? &p->decay_reverse : &p->decay;
  job->arguments = call_of(p, plan, pass);
  job->arguments.first_stream = first_stream;
  job->arguments.streams = gpu_least(plan->streams_at_once, plan->streams - first_stream);
  for (int64_t chunk = 0; chunk < plan->chunks; chunk += plan->chunks_at_once) {
    job->arguments.first_token = chunk * plan->chunk;
    job->arguments.chunks = gpu_least(plan->chunks_at_once, plan->chunks - chunk);
    SEQMIX_TRY(run_window(job));
  }
  return SEQMIX_OK;
}

/* The passes of a call: one, but for those that need the last state first, or both directions. */
static int passes_of(const linear *p, gpu_linear_pass passes[2]) {
  int is_backwards = gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_REVERSE);
  if (gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL)) {
    passes[0] = (gpu_linear_pass){.reads = 1, .writes = 1, .is_first_of_two = 1};
    passes[1] = (gpu_linear_pass){.reads = 1, .writes = 1, .is_backwards = 1, .joins = 1};
    return 2;
  }
  passes[0] = (gpu_linear_pass){.reads = 1, .writes = 1, .is_backwards = is_backwards};
  if (!gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL)) return 1;
  passes[0].reads = 0;
  passes[1] = (gpu_linear_pass){.reads = 1, .is_backwards = is_backwards};
  return 2;
}

uint64_t seqmix_gpu_linear_workspace(const seqmix_problem *problem,
                                     const seqmix_device_properties *device,
                                     gpu_linear_algorithm algorithm) {
  const linear *p = (const linear *)problem;
  gpu_linear_plan plan = seqmix_gpu_linear_plan(p, device, algorithm);
  if (plan.layout.floats < 0) return UINT64_MAX;
  return (uint64_t)plan.layout.floats * sizeof(float);
}

seqmix_status seqmix_gpu_linear_run(const seqmix_call *call, const seqmix_problem *problem,
                                    gpu_linear_algorithm algorithm) {
  gpu_context *context = call->device;
  const linear *p = (const linear *)problem;
  const gpu_linear_plan plan = seqmix_gpu_linear_plan(p, &context->properties, algorithm);
  gpu_linear_job job = {.call = call, .context = context, .problem = p, .plan = &plan};
  gpu_linear_pass passes[2];
  int count = passes_of(p, passes);
  for (int64_t first = 0; first < plan.streams; first += plan.streams_at_once)
    for (int i = 0; i < count; i++) SEQMIX_TRY(run_pass(&job, &passes[i], first));
  return SEQMIX_OK;
}
