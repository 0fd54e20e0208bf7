/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/walk.h"

#include <string.h>

#include "core/work.h"

/* Tokens of a block whose rows are copied: few enough for the first-level cache. */
enum { TOKENS_MOST = 256 };

/* ---- all tokens of some channels --------------------------------------------------------------
 */

static void load_past(const scan_job *job, const scan_stream *s, const scan_block *all,
                      const scan_scratch *scratch) {
  const scan_block row = {0, 1, all->c, all->channels};
  int64_t width = scan_width(all->channels);
  scan_reset(job->kind, scratch->states, width / LANES);
  if (!s->past.dtype) return;
  const float *past = scan_fetch(&s->past, &row, scratch->x).at;
  for (int64_t i = 0; i < width; i += LANES)
    wide_store(scratch->states + i, wide_from_memory(past + i));
}

static void keep_present(const scan_stream *s, const scan_block *all, const scan_scratch *scratch) {
  const scan_block row = {0, 1, all->c, all->channels};
  if (!s->present.dtype) return;
  float *present = scan_target(&s->present, &row, scratch->out).at;
  for (int64_t i = 0; i < scan_width(all->channels); i += LANES)
    vec_store(present + i, vec_from_wide(wide_load(scratch->states + i)));
  scan_deliver(&s->present, &row, scratch->out);
}

/* Tokens of a block: all if no row is copied. */
static int64_t tokens_at_once(const scan_stream *s, const scan_block *all) {
  int is_direct = scan_is_direct(&s->x, all) && scan_is_direct(&s->out, all) &&
                  (!s->a.dtype || scan_is_direct(&s->a, all));
  int64_t fit = SCAN_BUFFER / scan_width(all->channels);
  return is_direct ? all->tokens : fit < TOKENS_MOST ? fit : TOKENS_MOST;
}

void scan_write_zeros(const scan_plane *out, const scan_block *all, float *buffer) {
  int64_t width = scan_width(all->channels), at_once = SCAN_BUFFER / width;
  memset(buffer, 0, SCAN_BUFFER * sizeof *buffer);
  for (int64_t t = 0; t < all->tokens; t += at_once) {
    scan_block block = *all;
    block.t = all->t + t;
    block.tokens = all->tokens - t < at_once ? all->tokens - t : at_once;
    scan_rows rows = scan_target(out, &block, buffer);
    scan_deliver(out, &block, buffer);
    for (int64_t i = 0; i < block.tokens && scan_is_direct(out, &block); i++)
      memset(rows.at + i * rows.step, 0, (size_t)width * sizeof *rows.at);
  }
}

void scan_walk_channels(const scan_job *job, int64_t stream, int64_t block_index,
                        const scan_scratch *scratch) {
  scan_stream s = job->open(job->problem, stream);
  int64_t lane = block_index * job->plan.block;
  int64_t left = job->plan.lanes - lane;
  const scan_block all = {0, s.tokens, lane, left < job->plan.block ? left : job->plan.block};
  if (s.is_void) {
    scan_write_zeros(&s.out, &all, scratch->out);
    return;
  }
  s.out.is_streamed = job->plan.is_streamed;
  if (scan_runs_along(job, &s)) {
    scan_walk_along(job, &s, &all);
    return;
  }
  load_past(job, &s, &all, scratch);
  int64_t at_once = tokens_at_once(&s, &all);
  for (int64_t t = 0; t < s.tokens; t += at_once) {
    scan_block block = {t, s.tokens - t < at_once ? s.tokens - t : at_once, lane, all.channels};
    scan_rows out = scan_target(&s.out, &block, scratch->out);
    scan_span span = {
        .kind = job->kind,
        .is_exclusive = job->is_exclusive,
        .is_streamed = scan_may_stream(&s.out, &block, &out),
        .tokens = block.tokens,
        .vectors = scan_width(all.channels) / LANES,
        .a = scan_fetch_factors(&s.a, &block, scratch->a),
        .x = scan_fetch(&s.x, &block, scratch->x),
        .out = out,
        .states = scratch->states,
    };
    scan_run(&span);
    scan_deliver(&s.out, &block, scratch->out);
  }
  keep_present(&s, &all, scratch);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

typedef struct walk {
  const scan_job *job;
  scan_carries carries;
  char *scratch;
} walk;

enum { LINE = 64 };

static uint64_t whole_lines(uint64_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

enum {
  STATES_BYTES = SCAN_BLOCK_LANES * 2 * sizeof(double),
  BUFFER_BYTES = SCAN_BUFFER * sizeof(float),
  SCRATCH_BYTES = 2 * STATES_BYTES + 3 * BUFFER_BYTES
};

/* Sequences cut in time have few lanes in all. */
static uint64_t values_bytes(const scan_plan *plan) {
  return whole_lines((uint64_t)plan->streams * (uint64_t)plan->lanes * sizeof(scan_value));
}

static uint64_t carries_bytes(const scan_plan *plan) {
  return plan->blocks ? 0 : values_bytes(plan) + values_bytes(plan) / 2;
}

uint64_t scan_walk_workspace(const scan_plan *plan, int32_t workers) {
  return carries_bytes(plan) + (uint64_t)workers * SCRATCH_BYTES;
}

static void walk_task(void *argument, int64_t task, int32_t worker) {
  const walk *w = argument;
  const scan_plan *plan = &w->job->plan;
  char *at = w->scratch + (int64_t)worker * SCRATCH_BYTES;
  float *buffers = (float *)(at + 2 * STATES_BYTES);
  const scan_scratch scratch = {
      .states = (double *)at,
      .transfers = (double *)(at + STATES_BYTES),
      .a = buffers,
      .x = buffers + SCAN_BUFFER,
      .out = buffers + 2 * SCAN_BUFFER,
  };
  if (plan->blocks)
    scan_walk_channels(w->job, task / plan->blocks, task % plan->blocks, &scratch);
  else
    scan_walk_piece(w->job, task, &w->carries, &scratch);
  if (plan->is_streamed) vec_stream_end();
}

void scan_walk(const seqmix_call *call, const scan_job *job) {
  const scan_plan *plan = &job->plan;
  char *at = call->workspace;
  walk w = {.job = job, .scratch = at + carries_bytes(plan)};
  int64_t tasks = plan->streams * plan->blocks;
  if (!plan->blocks) {
    w.carries.values = (scan_value *)at;
    w.carries.turns = (scan_turn *)(at + values_bytes(plan));
    for (int64_t i = 0; i < plan->streams * job->channels; i++) atomic_init(&w.carries.turns[i], 0);
    tasks = plan->streams * plan->pieces * (plan->is_split ? job->channels : 1);
  }
  seqmix_run_tasks(call, tasks, walk_task, &w);
}
