/* SPDX-License-Identifier: Apache-2.0 */
/* From a call to chunks: tasks, passes over the tokens, states around them. */
#include <math.h>

#include "core/work.h"
#include "cpu/cpu.h"
#include "cpu/linear_attention/stream.h"

/* The heads of a task take turns on each chunk: their rows lie side by side. */
static void run_pass(linear_stream *s, const stream_algorithm *algorithm, int reads, int writes) {
  s->reads = reads;
  s->writes = writes;
  for (s->at = 0; s->at < s->tokens; s->at += s->count) {
    s->count = s->tokens - s->at < CHUNK_TOKENS ? s->tokens - s->at : CHUNK_TOKENS;
    for (int64_t i = 0; i < s->group; i++) {
      stream_select(s, i);
      algorithm->run_chunk(s);
    }
  }
}

static void run_passes(linear_stream *s, const stream_algorithm *algorithm) {
  uint64_t features = s->problem->header.features;
  if (features & SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL) {
    run_pass(s, algorithm, 0, 1);
    run_pass(s, algorithm, 1, 0);
    return;
  }
  run_pass(s, algorithm, 1, 1);
  if (!(features & SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL)) return;
  stream_turn_back(s);
  run_pass(s, algorithm, 1, 1);
}

static void begin_head(linear_stream *s, const stream_algorithm *algorithm, int64_t i) {
  stream_select(s, i);
  if (!algorithm->may_work_in_place || !stream_find_rows(s)) stream_load_state(s);
  stream_load_rest(s);
}

static void end_head(linear_stream *s, int64_t i) {
  stream_select(s, i);
  if (!s->past_rows) stream_store_state(s);
  stream_store_rest(s);
}

typedef struct stream_work {
  const seqmix_linear_attention_problem *problem;
  const stream_algorithm *algorithm;
  linear_plan plan;
  char *scratch;
  uint64_t bytes; /* of it, per worker */
} stream_work;

static void run_task(void *arg, int64_t task, int32_t worker) {
  const stream_work *work = arg;
  linear_stream stream;
  stream_place(&stream, work->problem, &work->plan, work->scratch + (uint64_t)worker * work->bytes);
  int has_state = stream_open(&stream, task);
  for (int64_t i = 0; i < stream.group && has_state; i++) begin_head(&stream, work->algorithm, i);
  if (has_state) run_passes(&stream, work->algorithm);
  for (int64_t i = 0; i < stream.group && has_state; i++) end_head(&stream, i);
  for (int64_t i = 0; i < stream.group && !has_state; i++) {
    stream_select(&stream, i);
    stream_skip(&stream);
  }
}

uint64_t LEVEL(linear_attention_workspace)(const seqmix_problem *problem,
                                           const seqmix_device_properties *device,
                                           int32_t workers) {
  const seqmix_linear_attention_problem *p = (const seqmix_linear_attention_problem *)problem;
  (void)device;
  linear_plan plan = seqmix_linear_plan(p, workers);
  uint64_t bytes = stream_bytes(p, &plan), all;
  return __builtin_mul_overflow(bytes, (uint64_t)workers, &all) ? UINT64_MAX : all;
}

void stream_run(const seqmix_call *call, const seqmix_problem *problem,
                const stream_algorithm *algorithm) {
  const seqmix_linear_attention_problem *p = (const seqmix_linear_attention_problem *)problem;
  stream_work work = {p, algorithm, seqmix_linear_plan(p, call->workers), call->workspace, 0};
  work.bytes = stream_bytes(p, &work.plan);
  seqmix_run_tasks(call, work.plan.tasks, run_task, &work);
}
