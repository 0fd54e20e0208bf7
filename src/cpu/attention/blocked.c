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
 * or 32 are not multiplied; blocks that no row may see are not read. */
#include <math.h>

#include "core/element.h"
#include "core/work.h"
#include "cpu/attention/tile.h"
#include "cpu/cpu.h"
#include "cpu/simd/convert.h"
#include "cpu/simd/math.h"

/* attention__any_<level>_blocked */
#define RUN_NAMED(level) attention__any_##level##_blocked
#define RUN_OF(level) RUN_NAMED(level)
#define RUN RUN_OF(SEQMIX_LEVEL)

typedef struct blocked_work {
  const seqmix_attention_problem *problem;
  char *scratch;
  uint64_t scratch_bytes; /* per worker */
  int64_t blocks;         /* of rows, in the longest sequence */
} blocked_work;

uint64_t LEVEL(attention_blocked_workspace)(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers) {
  (void)device;
  uint64_t bytes;
  if (__builtin_mul_overflow(tile_bytes((const seqmix_attention_problem *)problem),
                             (uint64_t)workers, &bytes))
    return UINT64_MAX;
  return bytes;
}

/* ---- the online softmax ---------------------------------------------------------------------- */

static void start_rows(attention_tile *tile) {
  for (int64_t r = 0; r < TILE_ROWS; r++) {
    tile->largest[r] = -INFINITY;
    tile->denominators[r] = 0;
  }
  for (int64_t i = 0; i < TILE_ROWS * tile->padded_values; i++) tile->sums[i] = 0;
}

/* Scores of one vector of rows outside each row's range become -inf. */
static void cut_rows(const attention_tile *tile, tile_range live, int64_t r, float *scores) {
  ivec begin = ivec_load(tile->row_begin + r), end = ivec_load(tile->row_end + r);
  for (int32_t j = live.begin; j < live.end; j++) {
    ivec inside = (begin <= j) & (end > j);
    vec_store(scores + j * TILE_ROWS,
              vec_select(inside, vec_load(scores + j * TILE_ROWS), vec_of(-INFINITY)));
  }
}

/* One vector of rows. A row of NaN or +inf turns NaN here by itself: exp(inf - inf). */
static void exponentiate_vector(attention_tile *tile, tile_range live, int64_t r) {
  float *scores = tile->scores + r;
  vec before = vec_load(tile->largest + r), largest = before, sum = vec_of(0);
  for (int32_t j = live.begin; j < live.end; j++)
    largest = vec_max(vec_load(scores + j * TILE_ROWS), largest);
  /* No live key yet: any finite shift gives exp(-inf) = 0, and -inf itself would give NaN. */
  vec shift = vec_select(largest == -INFINITY, vec_of(0), largest);
  for (int32_t j = live.begin; j < live.end; j++) {
    vec p = vec_exp(vec_load(scores + j * TILE_ROWS) - shift);
    vec_store(scores + j * TILE_ROWS, p);
    sum += p;
  }
  vec keep = vec_exp(before - shift);
  vec_store(tile->keep + r, keep);
  vec_store(tile->denominators + r, keep * vec_load(tile->denominators + r) + sum);
  vec_store(tile->largest + r, largest);
}

static void exponentiate(attention_tile *tile) {
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) {
    tile_range live = tile->live[panel];
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      int64_t r = panel * PRODUCT_COLUMNS + v * LANES;
      if (tile->is_cut[panel]) cut_rows(tile, live, r, tile->scores + r);
      exponentiate_vector(tile, live, r);
    }
  }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Keys that any of PRODUCT_ROWS rows from r on may see. The rows may lie in two panels, and then
 * the scores of one panel may not have been computed for all of them: those become 0. */
static tile_range keys_of_group(const attention_tile *tile, int64_t r) {
  int64_t first = r / PRODUCT_COLUMNS, last = (r + PRODUCT_ROWS - 1) / PRODUCT_COLUMNS;
  tile_range a = tile->live[first];
  if (last == first || last >= tile_panels(tile)) return a;
  tile_range b = tile->live[last];
  if (a.begin == b.begin && a.end == b.end) return a;
  if (a.begin >= a.end) a.begin = a.end = b.begin;
  if (b.begin >= b.end) b.begin = b.end = a.begin;
  tile_range both = {a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
  for (int64_t i = r; i < r + PRODUCT_ROWS; i++) {
    tile_range own = i / PRODUCT_COLUMNS == first ? a : b;
    for (int32_t j = both.begin; j < own.begin; j++) tile->scores[j * TILE_ROWS + i] = 0;
    for (int32_t j = own.end; j < both.end; j++) tile->scores[j * TILE_ROWS + i] = 0;
  }
  return both;
}

static void add_values_to_group(attention_tile *tile, int64_t r) {
  tile_range keys = keys_of_group(tile, r);
  product_tile product = {
      .a = tile->scores + (int64_t)keys.begin * TILE_ROWS + r,
      .b = tile->values + (int64_t)keys.begin * PRODUCT_COLUMNS,
      .c = tile->sums + r * tile->padded_values,
      .a_depth = TILE_ROWS,
      .c_row = tile->padded_values,
      .depth = keys.end - keys.begin,
      .keep = tile->keep + r,
  };
  for (int64_t d = 0; d < tile->padded_values; d += PRODUCT_COLUMNS) {
    product_packed(&product);
    product.b += (int64_t)TILE_KEYS * PRODUCT_COLUMNS;
    product.c += PRODUCT_COLUMNS;
  }
}

/* The same where the values hold infinities or NaN: keys that a mask hides from a row have p = 0
 * and must not reach it as 0 * inf. */
static void add_values_guarded(attention_tile *tile) {
  int64_t dv = tile->padded_values;
  for (int64_t r = 0; r < tile->rows; r++) {
    float *sums = tile->sums + r * dv;
    for (int64_t d = 0; d < dv; d++) sums[d] *= tile->keep[r];
    for (int64_t j = tile->row_begin[r]; j < tile->row_end[r]; j++) {
      float weight = tile->scores[j * TILE_ROWS + r];
      if (weight == 0) continue;
      const float *value = tile->values + j * PRODUCT_COLUMNS;
      for (int64_t d = 0; d < dv; d++)
        sums[d] +=
            weight * value[d / PRODUCT_COLUMNS * TILE_KEYS * PRODUCT_COLUMNS + d % PRODUCT_COLUMNS];
    }
  }
}

static void add_values(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  tile_load_values(tile);
  if (!tile->values_finite) {
    add_values_guarded(tile);
    return;
  }
  /* Meanwhile the next block's keys are fetched, a share with each group of rows. */
  int64_t next = tile->first_key + tile->keys, ahead = tile->last_key - next, fetched = 0;
  if (ahead > TILE_KEYS) ahead = TILE_KEYS;
  for (int64_t r = 0; r < tile->rows; r += PRODUCT_ROWS) {
    int64_t share = ahead * (r + PRODUCT_ROWS) / tile->rows;
    if (share > ahead) share = ahead;
    tile_prefetch(tile, &p->k, p->head_dim, next + fetched, next + share);
    fetched = share;
    add_values_to_group(tile, r);
  }
}

/* ---- the end of a row ------------------------------------------------------------------------ */

/* Lets the sink into the row's statistics. */
static void add_sink(attention_tile *tile, int64_t r) {
  const seqmix_attention_problem *p = tile->problem;
  float sink = seqmix_load(p->sinks.data, p->sinks.dtype, tile_head(tile, r) * p->sinks.stride[0]);
  float largest = sink > tile->largest[r] ? sink : tile->largest[r];
  float shift = largest == -INFINITY ? 0 : largest;
  float keep = expf(tile->largest[r] - shift);
  tile->denominators[r] = keep * tile->denominators[r] + expf(sink - shift);
  for (int64_t d = 0; d < p->value_dim; d++) tile->sums[r * tile->padded_values + d] *= keep;
  tile->largest[r] = largest;
}

static void finish_row(attention_tile *tile, int64_t r) {
  const seqmix_attention_problem *p = tile->problem;
  const seqmix_sequence *s = &tile->sequence;
  int64_t i = tile_query(tile, r), h = tile_head(tile, r);
  if (p->sinks.dtype && i < s->q_live) add_sink(tile, r);
  float denominator = tile->denominators[r];
  float factor = denominator == 0 ? 0 : 1 / denominator; /* NaN stays NaN */
  store_row(tile_element(&p->out, seqmix_row_at(&p->out, s, i, h)), p->out.dtype,
            tile->sums + r * tile->padded_values, factor, p->value_dim);
  if (p->lse.dtype)
    ((float *)p->lse.data)[seqmix_lse_at(&p->lse, s, i, h)] = tile->largest[r] + logf(denominator);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void attend_block(attention_tile *tile, int64_t first, int64_t count) {
  if (!tile_any_block(tile, first, count)) return;
  tile_load_keys(tile, first, count);
  if (!tile_find_live(tile)) return;
  tile_raw_scores(tile);
  if (tile->problem->softcap > 0) tile_apply_softcap(tile);
  tile_add_terms(tile);
  exponentiate(tile);
  add_values(tile);
}

static void attend_tile(attention_tile *tile) {
  seqmix_key_range keys = seqmix_keys_of_rows(tile->problem, &tile->sequence, tile_query(tile, 0),
                                              tile_query(tile, tile->rows - 1));
  tile->last_key = keys.end;
  start_rows(tile);
  tile_load_queries(tile);
  for (int64_t first = keys.begin, next; first < keys.end; first = next) {
    /* Blocks start at multiples of their size, wherever the window begins. */
    next = (first / TILE_KEYS + 1) * TILE_KEYS;
    if (next > keys.end) next = keys.end;
    attend_block(tile, first, next - first);
  }
  for (int64_t r = 0; r < tile->rows; r++) finish_row(tile, r);
  if (tile->problem->scores.dtype) tile_write_scores(tile);
}

static void attend_task(void *arg, int64_t task, int32_t worker) {
  const blocked_work *work = arg;
  const seqmix_attention_problem *p = work->problem;
  attention_tile tile = {.problem = p};
  /* The last rows first: under a causal mask they see most keys, and the longest task should not
   * be the last to start. */
  int64_t block = work->blocks - 1 - task % work->blocks, heads = task / work->blocks;
  tile.group = p->q_heads / p->kv_heads;
  tile.first_row = block * TILE_ROWS;
  tile.kv_head = heads % p->kv_heads;
  tile.sequence = seqmix_sequence_at(p, heads / p->kv_heads);
  int64_t left = tile.sequence.q_rows * tile.group - tile.first_row;
  if (left <= 0) return; /* a sequence shorter than the longest */
  tile.rows = left < TILE_ROWS ? left : TILE_ROWS;
  tile_place(&tile, work->scratch + (uint64_t)worker * work->scratch_bytes);
  attend_tile(&tile);
}

seqmix_status RUN(const seqmix_call *call, const seqmix_problem *problem) {
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  int64_t rows = p->query_length * (p->q_heads / p->kv_heads);
  blocked_work work = {
      .problem = p,
      .scratch = call->workspace,
      .scratch_bytes = tile_bytes(p),
      .blocks = (rows + TILE_ROWS - 1) / TILE_ROWS,
  };
  seqmix_run_tasks(call, p->sequences * p->kv_heads * work.blocks, attend_task, &work);
  return SEQMIX_OK;
}
