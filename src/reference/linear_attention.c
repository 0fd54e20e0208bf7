/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention, a token at a time: the state is changed by the token, then read by its queries,
 * in float64 throughout. A state head of a sequence is a task. */
#include "core/memory.h"
#include "core/work.h"
#include "reference/linear_attention_read.h"
#include "reference/reference.h"

typedef struct linear_task {
  const seqmix_linear_attention_problem *p;
  linear_state state;
  int64_t group;         /* queries that read this state */
  linear_reading result; /* of the query under way */
  linear_reading term;   /* what is added to it */
  double *forward;       /* bidirectional: per token and query, sums and m of the forward pass */
} linear_task;

typedef struct linear_work {
  const seqmix_linear_attention_problem *problem;
  double *scratch;
  uint64_t scratch_length;
} linear_work;

static int has(const seqmix_linear_attention_problem *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

static int64_t queries_per_state(const seqmix_linear_attention_problem *p) {
  return p->q_heads > p->state_heads ? p->q_heads / p->state_heads : 1;
}

static int64_t column_count(const seqmix_linear_attention_problem *p) {
  return p->value_dim + (p->normalize != SEQMIX_NORMALIZE_NONE);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Doubles per worker: the state, two readings, and the forward pass; nonzero if they overflow. */
static int scratch_length(const seqmix_linear_attention_problem *p, uint64_t *length) {
  uint64_t columns = (uint64_t)column_count(p), kept = 0;
  if (seqmix_linear_state_doubles(p, length) ||
      __builtin_add_overflow(*length, 2 * columns, length))
    return 1;
  if (!has(p, SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL)) return 0;
  return __builtin_mul_overflow((uint64_t)p->length, (uint64_t)queries_per_state(p), &kept) ||
         __builtin_mul_overflow(kept, columns + 1, &kept) ||
         __builtin_add_overflow(*length, kept, length);
}

uint64_t linear_attention_reference_workspace(const seqmix_problem *problem,
                                              const seqmix_device_properties *device,
                                              int32_t workers) {
  (void)device;
  uint64_t bytes;
  if (scratch_length((const seqmix_linear_attention_problem *)problem, &bytes) ||
      __builtin_mul_overflow(bytes, sizeof(double) * (uint64_t)workers, &bytes))
    return UINT64_MAX;
  return seqmix_memory_round(bytes);
}

/* ---- heads ---------------------------------------------------------------------------------- */

/* The output's head of the state's query number g, and its query head. */
static int64_t output_head(const linear_task *task, int64_t g) {
  if (has(task->p, SEQMIX_LINEAR_ATTENTION_TILED_HEADS))
    return g * task->p->state_heads + task->state.head;
  return task->state.head * task->group + g;
}

static int64_t query_head(const linear_task *task, int64_t g) {
  const seqmix_linear_attention_problem *p = task->p;
  if (p->q_heads >= p->state_heads) return output_head(task, g);
  if (has(p, SEQMIX_LINEAR_ATTENTION_TILED_HEADS)) return task->state.head % p->q_heads;
  return task->state.head / (p->state_heads / p->q_heads);
}

/* ---- passes --------------------------------------------------------------------------------- */

static void write_zeros(linear_task *task) {
  task->result.m = 0;
  for (int64_t j = 0; j < task->state.columns; j++) task->result.sums[j] = 0;
  for (int64_t t = 0; t < task->state.length; t++)
    for (int64_t g = 0; g < task->group; g++)
      seqmix_linear_write_row(&task->state, &task->result, t, output_head(task, g));
}

/* Every query of token t reads the state as it is; with a bonus also the token itself. */
static void answer_token(linear_task *task, int64_t t) {
  for (int64_t g = 0; g < task->group; g++) {
    seqmix_linear_state_load_query(&task->state, t, query_head(task, g));
    seqmix_linear_read_state(&task->state, &task->result);
    if (task->p->bonus.dtype) {
      seqmix_linear_read_token(&task->state, t, &task->term);
      seqmix_linear_reading_add(&task->state, &task->result, &task->term, 1);
    }
    seqmix_linear_write_row(&task->state, &task->result, t, output_head(task, g));
  }
}

/* All tokens in the order of their time; with `answers`, each is answered when its turn comes. */
static void run_through(linear_task *task, int answers) {
  int reverse = has(task->p, SEQMIX_LINEAR_ATTENTION_REVERSE);
  for (int64_t step = 0; step < task->state.length; step++) {
    int64_t t = reverse ? task->state.length - 1 - step : step;
    seqmix_linear_state_load_token(&task->state, t);
    if (answers && task->p->bonus.dtype) answer_token(task, t);
    seqmix_linear_state_update(&task->state, t);
    if (answers && !task->p->bonus.dtype) answer_token(task, t);
  }
}

/* What query g of token t read in the forward pass. */
static linear_reading forward_reading(const linear_task *task, int64_t t, int64_t g) {
  double *at = task->forward + (t * task->group + g) * (task->state.columns + 1);
  return (linear_reading){at, at[task->state.columns]};
}

static void keep_forward(linear_task *task, int64_t t) {
  for (int64_t g = 0; g < task->group; g++) {
    linear_reading kept = forward_reading(task, t, g);
    seqmix_linear_state_load_query(&task->state, t, query_head(task, g));
    seqmix_linear_read_state(&task->state, &kept);
    kept.sums[task->state.columns] = kept.m;
  }
}

static void answer_both_ways(linear_task *task, int64_t t) {
  for (int64_t g = 0; g < task->group; g++) {
    linear_reading kept = forward_reading(task, t, g);
    seqmix_linear_state_load_query(&task->state, t, query_head(task, g));
    seqmix_linear_read_state(&task->state, &task->result);
    seqmix_linear_reading_add(&task->state, &task->result, &kept, 1);
    seqmix_linear_read_token(&task->state, t, &task->term);
    seqmix_linear_reading_add(&task->state, &task->result, &task->term, -1);
    seqmix_linear_write_row(&task->state, &task->result, t, output_head(task, g));
  }
}

static void run_both_ways(linear_task *task) {
  linear_state *s = &task->state;
  seqmix_linear_state_clear(s);
  for (int64_t t = 0; t < s->length; t++) {
    seqmix_linear_state_load_token(s, t);
    seqmix_linear_state_update(s, t);
    keep_forward(task, t);
  }
  seqmix_linear_state_clear(s);
  s->decay = &task->p->decay_reverse;
  for (int64_t t = s->length - 1; t >= 0; t--) {
    seqmix_linear_state_load_token(s, t);
    seqmix_linear_state_update(s, t);
    answer_both_ways(task, t);
  }
}

static void run_task(linear_task *task) {
  const seqmix_linear_attention_problem *p = task->p;
  int64_t n = task->state.sequence;
  int64_t from = p->state_indices.bits ? seqmix_index_at(&p->state_indices, n, 0) : n;
  int64_t to = p->state_out_indices.bits ? seqmix_index_at(&p->state_out_indices, n, 0) : from;
  if (from < 0) {
    write_zeros(task);
    return;
  }
  seqmix_linear_state_begin(&task->state, from);
  int causal = !has(p, SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL);
  run_through(task, causal);
  for (int64_t t = 0; !causal && t < task->state.length; t++) answer_token(task, t);
  if (to >= 0) seqmix_linear_state_end(&task->state, to);
}

/* A task is one state head of one sequence. */
static void attend_state(void *arg, int64_t number, int32_t worker) {
  const linear_work *work = arg;
  const seqmix_linear_attention_problem *p = work->problem;
  linear_task task = {.p = p, .group = queries_per_state(p)};
  linear_state *s = &task.state;
  *s = (linear_state){
      .problem = p,
      .sequence = number / p->state_heads,
      .head = number % p->state_heads,
      .length = p->length,
      .columns = column_count(p),
      .decay = &p->decay,
  };
  if (p->cu_seqlens.bits) {
    s->first = seqmix_index_at(&p->cu_seqlens, s->sequence, 0);
    s->length = seqmix_index_at(&p->cu_seqlens, s->sequence + 1, 0) - s->first;
  }
  task.result.sums =
      seqmix_linear_state_place(s, work->scratch + (uint64_t)worker * work->scratch_length);
  task.term.sums = task.result.sums + s->columns;
  task.forward = task.term.sums + s->columns;
  if (has(p, SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL))
    run_both_ways(&task);
  else
    run_task(&task);
}

seqmix_status linear_attention__any_reference_literal(const seqmix_call *call,
                                                      const seqmix_problem *problem) {
  const seqmix_linear_attention_problem *p = (const seqmix_linear_attention_problem *)problem;
  linear_work work = {.problem = p, .scratch = call->workspace};
  (void)scratch_length(p, &work.scratch_length);
  seqmix_run_tasks(call, p->sequences * p->state_heads, attend_state, &work);
  return SEQMIX_OK;
}
