/* SPDX-License-Identifier: Apache-2.0 */
/* Workspace of linear attention. */
#include "gpu/linear_attention/plan.h"

#include "kernels/linear_attention/arguments.h"

/* Rows begin at whole cache lines. */
enum { UNIT = 16 };

/* Hands out `floats` from *used on. */
static int64_t take(int64_t *used, int64_t floats) {
  int64_t at = *used;
  *used += floats > GPU_SIZE_MOST - UNIT ? GPU_SIZE_MOST : gpu_divided(floats, UNIT) * UNIT;
  *used = gpu_least(*used, GPU_SIZE_MOST);
  return at;
}

static int is_by_channel(const seqmix_linear_attention_problem *p) {
  return seqmix_gpu_linear_decay_kind(p) == DECAY_CHANNEL;
}

static void lay_out_recurrent(gpu_linear_plan *plan, const seqmix_linear_attention_problem *p,
                              int64_t *used) {
  int64_t pairs = gpu_times(seqmix_gpu_linear_queries(p), seqmix_gpu_linear_writers(p));
  int64_t step = is_by_channel(p) ? plan->dims : 1;
  plan->layout.keep = take(used, gpu_times(2 * step, plan->chunk));
  plan->layout.weights = take(used, gpu_times(pairs, plan->chunk));
}

/* In the order of find_weigher() in kernels/linear_attention/weights.h. */
static int64_t scratch_floats(const gpu_linear_plan *plan,
                              const seqmix_linear_attention_problem *p) {
  int64_t chunk = plan->chunk, writers = seqmix_gpu_linear_writers(p);
  int64_t alphas = is_by_channel(p) ? gpu_times(chunk, plan->dims) : chunk;
  int64_t rows = 2 * (plan->dims + chunk), pairs = (2 + writers) * chunk * chunk;
  return alphas + rows + pairs + gpu_times(writers * chunk, plan->dims);
}

static void lay_out_chunked(gpu_linear_plan *plan, const seqmix_linear_attention_problem *p,
                            int64_t *used) {
  int64_t pairs = gpu_times(seqmix_gpu_linear_queries(p), seqmix_gpu_linear_writers(p));
  int64_t square = (int64_t)plan->chunk * plan->chunk;
  plan->layout.keep = take(used, 2 * plan->dims);
  plan->layout.weights = take(used, gpu_times(pairs, square));
  plan->layout.solve = take(used, seqmix_gpu_linear_has_eraser(p) ? square : 0);
  /* On tensor cores, whether a chunk has anything that is not finite. */
  plan->layout.scratch =
      take(used, plan->algorithm == GPU_LINEAR_MMA ? 1 : scratch_floats(plan, p));
}

int64_t seqmix_gpu_linear_slot_floats(gpu_linear_plan *plan,
                                      const seqmix_linear_attention_problem *p) {
  gpu_linear_layout *at = &plan->layout;
  int64_t used = 0, rows = gpu_times(plan->chunk, plan->dims);
  take(&used, gpu_times(rows, seqmix_gpu_linear_queries(p)));
  at->keys = take(&used, rows);
  at->eraser = take(&used, seqmix_gpu_linear_has_eraser(p) ? rows : 0);
  at->low_rank = take(&used, seqmix_gpu_linear_writers(p) == 2 ? rows : 0);
  at->decays = take(&used, is_by_channel(p) ? rows : plan->chunk);
  if (plan->algorithm == GPU_LINEAR_RECURRENT)
    lay_out_recurrent(plan, p, &used);
  else
    lay_out_chunked(plan, p, &used);
  at->slot_floats = used;
  return used;
}

static int64_t state_floats(const gpu_linear_plan *plan) {
  int64_t columns = plan->panels * plan->column_items * plan->lanes;
  int64_t rows = plan->dims + (plan->algorithm == GPU_LINEAR_MMA ? plan->chunk : 0);
  return plan->keeps_states ? gpu_times(columns, rows) : 0;
}

static int64_t result_floats(const gpu_linear_plan *plan,
                             const seqmix_linear_attention_problem *p) {
  int64_t columns = plan->panels * plan->column_items * plan->lanes;
  return plan->has_results ? gpu_times(columns, seqmix_gpu_linear_queries(p)) : 0;
}

static int64_t gate_floats(const seqmix_linear_attention_problem *p) {
  return gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_INPUT_GATE) ? GATE_NUMBERS : 0;
}

/* Tokens whose forward results are kept. */
static int64_t forward_tokens(const seqmix_linear_attention_problem *p) {
  return gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL) ? p->length : 0;
}

int64_t seqmix_gpu_linear_stream_floats(const gpu_linear_plan *plan,
                                        const seqmix_linear_attention_problem *p) {
  int64_t tokens = forward_tokens(p) + plan->chunk;
  int64_t of_token =
      gpu_least(result_floats(plan, p), GPU_SIZE_MOST - GATE_NUMBERS) + gate_floats(p);
  return gpu_least(gpu_times(tokens, of_token), GPU_SIZE_MOST - state_floats(plan)) +
         state_floats(plan);
}

void seqmix_gpu_linear_lay_out(gpu_linear_plan *plan, const seqmix_linear_attention_problem *p) {
  gpu_linear_layout *at = &plan->layout;
  int64_t used = 0, streams = plan->streams_at_once;
  int64_t slots = gpu_times(streams, plan->chunks_at_once);
  at->slots = take(&used, gpu_times(slots, seqmix_gpu_linear_slot_floats(plan, p)));
  at->states = take(&used, gpu_times(streams, state_floats(plan)));
  at->carries = take(&used, gate_floats(p) ? streams : 0);
  at->tokens[0] = forward_tokens(p);
  at->tokens[1] = gpu_times(plan->chunks_at_once, plan->chunk);
  for (int i = 0; i < 2; i++) {
    int64_t tokens = gpu_times(streams, at->tokens[i]);
    at->gates[i] = take(&used, gpu_times(tokens, gate_floats(p)));
    at->results[i] = take(&used, gpu_times(tokens, result_floats(plan, p)));
  }
  at->floats = used < GPU_SIZE_MOST ? used : -1;
}
