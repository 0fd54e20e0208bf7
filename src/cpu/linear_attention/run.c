/* SPDX-License-Identifier: Apache-2.0 */
/* From a call to chunks: tasks, passes over the tokens, states around them. */
#include <math.h>

#include "core/work.h"
#include "cpu/cpu.h"
#include "cpu/linear_attention/stream.h"

static void run_pass(linear_stream *s, const stream_algorithm *algorithm, int reads, int writes) {
  s->reads = reads;
  s->writes = writes;
  stream_plan_fetching(s);
  for (s->at = 0; s->at < s->tokens; s->at += s->count) {
    s->count = s->tokens - s->at < CHUNK_TOKENS ? s->tokens - s->at : CHUNK_TOKENS;
    algorithm->run_chunk(s);
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

typedef struct stream_work {
  const seqmix_linear_attention_problem *problem;
  const stream_algorithm *algorithm;
  char *scratch;
  uint64_t bytes; /* of it, per worker */
} stream_work;

static void run_task(void *arg, int64_t task, int32_t worker) {
  const stream_work *work = arg;
  linear_stream stream;
  stream_place(&stream, work->problem, work->scratch + (uint64_t)worker * work->bytes);
  if (!stream_open(&stream, task)) {
    stream_skip(&stream);
    return;
  }
  if (!work->algorithm->may_work_in_place || !stream_find_rows(&stream)) stream_load_state(&stream);
  stream_load_rest(&stream);
  run_passes(&stream, work->algorithm);
  if (!stream.past_rows) stream_store_state(&stream);
  stream_store_rest(&stream);
}

uint64_t LEVEL(linear_attention_workspace)(const seqmix_problem *problem,
                                           const seqmix_device_properties *device,
                                           int32_t workers) {
  (void)device;
  uint64_t bytes = stream_bytes((const seqmix_linear_attention_problem *)problem), all;
  return __builtin_mul_overflow(bytes, (uint64_t)workers, &all) ? UINT64_MAX : all;
}

void stream_run(const seqmix_call *call, const seqmix_problem *problem,
                const stream_algorithm *algorithm) {
  const seqmix_linear_attention_problem *p = (const seqmix_linear_attention_problem *)problem;
  stream_work work = {p, algorithm, call->workspace, stream_bytes(p)};
  seqmix_run_tasks(call, seqmix_linear_tasks(p), run_task, &work);
}
