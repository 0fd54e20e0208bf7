/* SPDX-License-Identifier: Apache-2.0 */
/* Few states on many workers: blocks of a state's columns that share what is made of the tokens.
 *
 * Weights and decayed rows do not depend on the state: those of some chunks of each state are made
 * side by side, then each block of columns takes these chunks in order. The stream of a
 * chunk has no columns, and that of a block borrows a chunk's rows. */
#include "core/work.h"
#include "cpu/linear_attention/stream.h"

/* Chunks made at once, of all states together and of one. */
enum { CHUNKS_AT_ONCE = 32, CHUNKS_LEAST = 4 };

typedef struct shared_work {
  linear_stream *chunks; /* [states, chunks_per_state] */
  linear_stream *blocks; /* [states, blocks_per_state] */
  int64_t chunks_per_state, blocks_per_state;
  int64_t at; /* first token of the present chunks */
} shared_work;

/* A plan for streams that only make rows and weights. */
static linear_plan without_columns(const linear_plan *plan) {
  linear_plan rows = *plan;
  rows.columns = 0;
  rows.blocks = 1;
  return rows;
}

static int64_t states_of(const seqmix_linear_attention_problem *p) {
  return p->sequences * p->state_heads;
}

/* Chunks of each state that are made at once: no more than the longest sequence has. */
static int64_t chunks_of(const seqmix_linear_attention_problem *p) {
  int64_t each = CHUNKS_AT_ONCE / states_of(p), needed = p->length / CHUNK_TOKENS + 1;
  if (each < CHUNKS_LEAST) each = CHUNKS_LEAST;
  return each < needed ? each : needed;
}

uint64_t stream_shared_bytes(const seqmix_linear_attention_problem *p, const linear_plan *plan) {
  linear_plan rows = without_columns(plan);
  uint64_t chunk = stream_bytes(p, &rows), block = stream_bytes(p, plan);
  if (chunk == UINT64_MAX || block == UINT64_MAX) return UINT64_MAX;
  uint64_t states = (uint64_t)states_of(p), blocks = (uint64_t)plan->blocks, all;
  chunk += sizeof(linear_stream);
  block += sizeof(linear_stream);
  if (__builtin_mul_overflow(block, blocks, &block) ||
      __builtin_mul_overflow(chunk, (uint64_t)chunks_of(p), &chunk) ||
      __builtin_add_overflow(block, chunk, &all) || __builtin_mul_overflow(all, states, &all))
    return UINT64_MAX;
  return all + 64 < all ? UINT64_MAX : all + 64;
}

/* Lays `count` streams out one after the other; gives what is left of the scratch. */
static char *place_streams(linear_stream *streams, int64_t count, int64_t per_state,
                           const seqmix_linear_attention_problem *p, const linear_plan *plan,
                           char *scratch) {
  uint64_t bytes = stream_bytes(p, plan);
  for (int64_t i = 0; i < count; i++, scratch += bytes) {
    stream_place(&streams[i], p, plan, scratch);
    stream_open(&streams[i], plan->columns ? i : i / per_state);
    stream_select(&streams[i], 0);
    streams[i].reads = streams[i].writes = 1;
  }
  return scratch;
}

static int64_t chunk_count(const linear_stream *s, int64_t at) {
  int64_t left = s->tokens - at;
  return left < 0 ? 0 : left < CHUNK_TOKENS ? left : CHUNK_TOKENS;
}

static void make_chunk(void *arg, int64_t task, int32_t worker) {
  const shared_work *work = arg;
  linear_stream *s = &work->chunks[task];
  (void)worker;
  s->at = work->at + task % work->chunks_per_state * CHUNK_TOKENS;
  s->count = chunk_count(s, s->at);
  if (s->count) stream_make_rows(s);
}

/* The stream of a block as one that has made the chunk itself. */
static linear_stream borrow_chunk(const linear_stream *block, const linear_stream *chunk) {
  linear_stream s = *block;
  s.at = chunk->at;
  s.count = chunk->count;
  s.readers = chunk->readers;
  s.keep_mask = chunk->keep_mask;
  s.keep_part = chunk->keep_part;
  for (int w = 0; w < s.writers; w++) s.writer_rows[w] = chunk->writer_rows[w];
  return s;
}

static void run_block(void *arg, int64_t task, int32_t worker) {
  const shared_work *work = arg;
  const linear_stream *chunk =
      &work->chunks[task / work->blocks_per_state * work->chunks_per_state];
  (void)worker;
  for (int64_t i = 0; i < work->chunks_per_state && chunk[i].count; i++) {
    linear_stream s = borrow_chunk(&work->blocks[task], &chunk[i]);
    stream_load_values(&s);
    stream_run_panels(&s);
  }
}

static void load_block(void *arg, int64_t task, int32_t worker) {
  (void)worker;
  stream_load_state(&((const shared_work *)arg)->blocks[task]);
}

static void store_block(void *arg, int64_t task, int32_t worker) {
  (void)worker;
  stream_store_state(&((const shared_work *)arg)->blocks[task]);
}

void stream_run_shared(const seqmix_call *call, const seqmix_linear_attention_problem *p,
                       const linear_plan *plan) {
  linear_plan rows = without_columns(plan);
  int64_t states = states_of(p), blocks = states * plan->blocks;
  shared_work work = {.chunks_per_state = chunks_of(p), .blocks_per_state = plan->blocks};
  int64_t chunks = states * work.chunks_per_state;
  work.chunks = call->workspace;
  work.blocks = work.chunks + chunks;
  uintptr_t scratch = (uintptr_t)(work.blocks + blocks);
  char *next = (char *)call->workspace + ((scratch + 63) / 64 * 64 - (uintptr_t)call->workspace);
  next = place_streams(work.chunks, chunks, work.chunks_per_state, p, &rows, next);
  place_streams(work.blocks, blocks, plan->blocks, p, plan, next);
  seqmix_run_tasks(call, blocks, load_block, &work);
  for (work.at = 0; work.at < p->length; work.at += work.chunks_per_state * CHUNK_TOKENS) {
    seqmix_run_tasks(call, chunks, make_chunk, &work);
    seqmix_run_tasks(call, blocks, run_block, &work);
  }
  seqmix_run_tasks(call, blocks, store_block, &work);
}
