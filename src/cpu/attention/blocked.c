/* SPDX-License-Identifier: Apache-2.0 */
/* attention, blockwise with an online softmax. A task is a block of rows (see tile.h) of one kv
 * head of one sequence; it walks over the blocks of keys its rows may see:
 *
 *     s        = scores of the block, masked scores -inf          [keys, rows]
 *     m'       = max(m, max_j s[j])
 *     p        = exp(s - m')
 *     l        = exp(m - m') l + sum_j p[j]
 *     o        = exp(m - m') o + p^T v                            [rows, Dv]
 *
 * and ends with out = o / l, lse = m + log l, the sink entering l last. Each block's p v and row
 * sum start from zero and are added once: a long sequence does not lose bits to a long sum. The
 * rows of a task and the order of its blocks follow from the problem alone.
 *
 * Scratch is one tile per worker. Keys that lengths and window hide from all rows of a panel of 16
 * or 32 are not multiplied; blocks that no row may see are not read.
 *
 * Measured at the AVX2 level, f32, causal, 2048 rows, two threads: 66% of the FMA peak at D128 in
 * the median and 75% at best, 58% and 64% at D64 (bench/results, docs/lab-notes.md). */
#include "core/work.h"
#include "cpu/attention/tile.h"
#include "cpu/cpu.h"

typedef struct blocked_work {
  const seqmix_attention_problem *problem;
  char *scratch;
  uint64_t scratch_bytes; /* per worker */
  int64_t block_rows;     /* rows of a task */
  int64_t *first_block;   /* [N+1]: blocks of rows in the sequences before */
} blocked_work;

/* Fewer tasks than this would leave threads idle: then tasks have half the rows. */
enum { FEW_TASKS = 64 };

uint64_t LEVEL(attention_blocked_workspace)(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers) {
  (void)device;
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  uint64_t bytes;
  if (__builtin_mul_overflow(tile_bytes(p), (uint64_t)workers, &bytes) ||
      __builtin_add_overflow(bytes, tile_index_bytes(p), &bytes))
    return UINT64_MAX;
  return bytes;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void attend_block(attention_tile *tile, int64_t first, int64_t count) {
  if (!tile_any_block(tile, first, count)) return;
  tile_load_keys(tile, first, count);
  if (!tile_find_live(tile)) return;
  tile_raw_scores(tile);
  if (tile->problem->softcap > 0) tile_apply_softcap(tile);
  tile_add_terms(tile);
  tile_exponentiate(tile);
  tile_add_values(tile);
}

static void attend_tile(attention_tile *tile) {
  seqmix_key_range keys = seqmix_keys_of_rows(tile->problem, &tile->sequence, tile_query(tile, 0),
                                              tile_query(tile, tile->rows - 1));
  tile_start_rows(tile);
  tile_load_queries(tile);
  tile_find_row_keys(tile);
  for (int64_t first = keys.begin, next; first < keys.end; first = next) {
    next = tile_next_block(tile->problem, first);
    if (next > keys.end) next = keys.end;
    attend_block(tile, first, next - first);
  }
  for (int64_t r = 0; r < tile->rows; r++) tile_finish_row(tile, r);
  if (tile->problem->scores.dtype) tile_write_scores(tile);
}

static void attend_task(void *arg, int64_t task, int32_t worker) {
  const blocked_work *work = arg;
  const seqmix_attention_problem *p = work->problem;
  attention_tile tile = {.problem = p};
  int64_t all = work->first_block[p->sequences];
  int64_t n = seqmix_sequence_of_task(work->first_block, p->sequences, task % all);
  /* The last rows first: under a causal mask they see most keys, and the longest task should not
   * be the last to start. */
  int64_t block = work->first_block[n + 1] - 1 - task % all;
  tile.group = p->q_heads / p->kv_heads;
  tile.first_row = block * work->block_rows;
  tile.kv_head = task / all;
  tile.sequence = seqmix_sequence_at(p, n);
  int64_t left = tile.sequence.q_rows * tile.group - tile.first_row;
  tile.rows = left < work->block_rows ? left : work->block_rows;
  tile_place(&tile, work->scratch + (uint64_t)worker * work->scratch_bytes);
  attend_tile(&tile);
}

static void count_blocks(blocked_work *work) {
  const seqmix_attention_problem *p = work->problem;
  int64_t group = p->q_heads / p->kv_heads;
  work->first_block[0] = 0;
  for (int64_t n = 0; n < p->sequences; n++) {
    int64_t rows = seqmix_sequence_at(p, n).q_rows * group;
    work->first_block[n + 1] =
        work->first_block[n] + (rows + work->block_rows - 1) / work->block_rows;
  }
}

seqmix_status VARIANT(attention, blocked)(const seqmix_call *call, const seqmix_problem *problem) {
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  blocked_work work = {
      .problem = p,
      .scratch = (char *)call->workspace + tile_index_bytes(p),
      .scratch_bytes = tile_bytes(p),
      .block_rows = TILE_ROWS,
      .first_block = call->workspace,
  };
  count_blocks(&work);
  if (p->kv_heads * work.first_block[p->sequences] < FEW_TASKS) {
    work.block_rows = TILE_ROWS / 2;
    count_blocks(&work);
  }
  seqmix_run_tasks(call, p->kv_heads * work.first_block[p->sequences], attend_task, &work);
  return SEQMIX_OK;
}
