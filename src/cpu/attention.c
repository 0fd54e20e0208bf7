/* SPDX-License-Identifier: Apache-2.0 */
/* attention, blockwise with an online softmax. A task is a block of rows (see attention_tile.h)
 * of one kv head of one sequence; it walks over the blocks of keys its rows may see:
 *
 *     s        = scores of the block, masked scores -inf          [rows, keys]
 *     m'       = max(m, max_j s[j])
 *     p        = exp(s - m')
 *     l        = exp(m - m') l + sum_j p[j]
 *     o        = exp(m - m') o + p v                              [rows, Dv]
 *
 * and ends with out = o / l, lse = m + log l, the sink entering l last. Each block's p v and row
 * sum start from zero and are added once: a long sequence does not lose bits to a long sum. The
 * rows of a task and the order of its blocks follow from the problem alone.
 *
 * Scratch is one tile per worker. Blocks that no row may see are skipped unread. */
#include <math.h>

#include "core/element.h"
#include "core/memory.h"
#include "core/work.h"
#include "cpu/attention_tile.h"
#include "cpu/cpu.h"

typedef struct blocked_work {
  const seqmix_attention_problem *problem;
  const seqmix_cpu_kernels *kernels;
  char *scratch;
  uint64_t scratch_bytes; /* per worker */
  int64_t blocks;         /* of rows, in the longest sequence */
} blocked_work;

static uint64_t worker_bytes(const seqmix_attention_problem *p) {
  uint64_t floats = attention_tile_floats(p);
  return floats > UINT64_MAX / sizeof(float) ? UINT64_MAX
                                             : seqmix_memory_round(floats * sizeof(float));
}

uint64_t attention_blocked_workspace(const seqmix_problem *problem,
                                     const seqmix_device_properties *device, int32_t workers) {
  (void)device;
  uint64_t bytes;
  if (__builtin_mul_overflow(worker_bytes((const seqmix_attention_problem *)problem),
                             (uint64_t)workers, &bytes))
    return UINT64_MAX;
  return bytes;
}

/* ---- the online softmax ---------------------------------------------------------------------- */

static void start_rows(attention_tile *tile) {
  for (int64_t r = 0; r < tile->rows; r++) {
    tile->largest[r] = -INFINITY;
    tile->denominators[r] = 0;
  }
  for (int64_t i = 0; i < tile->rows * tile->problem->value_dim; i++) tile->sums[i] = 0;
}

/* Scores become exp(s - largest), and what is summed already shrinks to the new largest. A row of
 * NaN or +inf turns NaN here by itself: exp(inf - inf). */
static void exponentiate(attention_tile *tile) {
  for (int64_t r = 0; r < tile->rows; r++) {
    float *row = tile->scores + r * SEQMIX_TILE_KEYS;
    float block = tile->kernels->largest(row, tile->keys);
    float largest = block > tile->largest[r] ? block : tile->largest[r];
    /* No live key yet: any finite shift gives exp(-inf) = 0, and -inf itself would give NaN. */
    float shift = largest == -INFINITY ? 0 : largest;
    tile->keep[r] = expf(tile->largest[r] - shift);
    tile->denominators[r] =
        tile->keep[r] * tile->denominators[r] + tile->kernels->exp_sum(row, shift, tile->keys);
    tile->largest[r] = largest;
  }
}

/* The product p v where v holds infinities or NaN: keys that a mask hides from a row have p = 0
 * and must not reach it as 0 * inf. */
static void add_values_guarded(attention_tile *tile) {
  int64_t dv = tile->problem->value_dim;
  for (int64_t r = 0; r < tile->rows; r++) {
    float *sums = tile->sums + r * dv;
    for (int64_t d = 0; d < dv; d++) sums[d] *= tile->keep[r];
    for (int64_t j = 0; j < tile->keys; j++) {
      float weight = tile->scores[r * SEQMIX_TILE_KEYS + j];
      if (weight == 0) continue;
      for (int64_t d = 0; d < dv; d++) sums[d] += weight * tile->values[j * dv + d];
    }
  }
}

static void add_values(attention_tile *tile) {
  int64_t dv = tile->problem->value_dim;
  attention_tile_load_values(tile);
  if (!tile->values_finite) {
    add_values_guarded(tile);
    return;
  }
  const seqmix_product weighted = {
      .c = tile->sums,
      .a = tile->scores,
      .b = tile->values,
      .c_step = dv,
      .a_step = SEQMIX_TILE_KEYS,
      .b_step = dv,
      .rows = tile->rows,
      .columns = dv,
      .depth = tile->keys,
      .keep = tile->keep,
  };
  tile->kernels->product(&weighted);
}

/* ---- the end of a row ------------------------------------------------------------------------ */

/* Lets the sink into the row's statistics. */
static void add_sink(attention_tile *tile, int64_t r) {
  const seqmix_attention_problem *p = tile->problem;
  int64_t h = attention_tile_head(tile, r);
  float sink = seqmix_load(p->sinks.data, p->sinks.dtype, h * p->sinks.stride[0]);
  float largest = sink > tile->largest[r] ? sink : tile->largest[r];
  float shift = largest == -INFINITY ? 0 : largest;
  float keep = expf(tile->largest[r] - shift);
  tile->denominators[r] = keep * tile->denominators[r] + expf(sink - shift);
  for (int64_t d = 0; d < p->value_dim; d++) tile->sums[r * p->value_dim + d] *= keep;
  tile->largest[r] = largest;
}

static void finish_row(attention_tile *tile, int64_t r) {
  const seqmix_attention_problem *p = tile->problem;
  const seqmix_sequence *s = &tile->sequence;
  int64_t i = attention_tile_query(tile, r), h = attention_tile_head(tile, r);
  if (p->sinks.dtype && i < s->q_live) add_sink(tile, r);
  float denominator = tile->denominators[r];
  float factor = denominator == 0 ? 0 : 1 / denominator; /* NaN stays NaN */
  int64_t at = seqmix_row_at(&p->out, s, i, h);
  tile->kernels->store((char *)p->out.data + at * (int64_t)seqmix_dtype_size(p->out.dtype),
                       p->out.dtype, tile->sums + r * p->value_dim, factor, p->value_dim);
  if (p->lse.dtype)
    ((float *)p->lse.data)[seqmix_lse_at(&p->lse, s, i, h)] = tile->largest[r] + logf(denominator);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void attend_tile(attention_tile *tile) {
  int64_t last_row = attention_tile_query(tile, tile->rows - 1);
  seqmix_key_range keys =
      seqmix_keys_of_rows(tile->problem, &tile->sequence, attention_tile_query(tile, 0), last_row);
  start_rows(tile);
  attention_tile_load_queries(tile);
  for (int64_t first = keys.begin, next; first < keys.end; first = next) {
    /* Blocks start at multiples of their size, wherever the window begins. */
    next = (first / SEQMIX_TILE_KEYS + 1) * SEQMIX_TILE_KEYS;
    if (next > keys.end) next = keys.end;
    if (!attention_tile_any_block(tile, first, next - first)) continue;
    attention_tile_load_keys(tile, first, next - first);
    attention_tile_raw_scores(tile);
    attention_tile_softcap(tile);
    attention_tile_terms_and_masks(tile);
    exponentiate(tile);
    add_values(tile);
  }
  for (int64_t r = 0; r < tile->rows; r++) finish_row(tile, r);
  if (tile->problem->scores.dtype) attention_tile_write_scores(tile);
}

static void attend_task(void *arg, int64_t task, int32_t worker) {
  const blocked_work *work = arg;
  const seqmix_attention_problem *p = work->problem;
  attention_tile tile = {.problem = p, .kernels = work->kernels};
  int64_t heads = task / work->blocks;
  tile.group = p->q_heads / p->kv_heads;
  tile.first_row = task % work->blocks * SEQMIX_TILE_ROWS;
  tile.kv_head = heads % p->kv_heads;
  tile.sequence = seqmix_sequence_at(p, heads / p->kv_heads);
  int64_t left = tile.sequence.q_rows * tile.group - tile.first_row;
  if (left <= 0) return; /* a sequence shorter than the longest */
  tile.rows = left < SEQMIX_TILE_ROWS ? left : SEQMIX_TILE_ROWS;
  attention_tile_place(&tile,
                       (float *)(void *)(work->scratch + (uint64_t)worker * work->scratch_bytes));
  attend_tile(&tile);
}

seqmix_status attention__any_generic_blocked(const seqmix_call *call,
                                             const seqmix_problem *problem) {
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  int64_t rows = p->query_length * (p->q_heads / p->kv_heads);
  blocked_work work = {
      .problem = p,
      .kernels = &seqmix_cpu_kernels_generic,
      .scratch = call->workspace,
      .scratch_bytes = worker_bytes(p),
      .blocks = (rows + SEQMIX_TILE_ROWS - 1) / SEQMIX_TILE_ROWS,
  };
  seqmix_run_tasks(call, p->sequences * p->kv_heads * work.blocks, attend_task, &work);
  return SEQMIX_OK;
}
