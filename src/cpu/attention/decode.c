/* SPDX-License-Identifier: Apache-2.0 */
/* attention of few rows to many keys: one token of a sequence, or a few, with the query heads that
 * share a kv head. Reading k and v once is then most of the work, so both are read as they lie and
 * a row serves all rows of queries at once, sums running along D for scores and along Dv for
 * values (decode_block.c):
 *
 *     s[j, r] = sum over vectors of D of q[r] k[j]
 *     o[r]    = exp(m - m') o[r] + sum_j p[j, r] v[j]
 *
 * Where tokens are rows of [T, H, D], the rows of one head lie far apart, which no hardware
 * prefetcher follows. So kv heads take turns on small blocks of keys, and while one is at work a
 * share of the next block is fetched, all heads of a token together.
 *
 * The keys of a sequence are split into parts that workers take independently. Each part leaves its
 * largest score, denominator and sums, and what joins them is attention_merge's formula:
 *
 *     m = max m_n,   l = sum exp(m_n - m) l_n,   o = sum exp(m_n - m) o_n
 *
 * How many parts there are follows from the problem alone, MOST_PARTS per sequence at most; at D128
 * with 16-bit keys their results take 1 (one row) to 3 (eight rows) percent of the keys' and
 * values' own bytes. The rest is as in blocked.c.
 *
 * Measured at the AVX2 level, 32 query heads on 8 kv heads, D128, 16384 keys, two threads: 42% to
 * 52% of read bandwidth in the median and 53% to 66% at best (bench/results, docs/lab-notes.md). */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/work.h"
#include "cpu/attention/decode.h"
#include "cpu/cpu.h"

/* A part of fewer keys than PART_KEYS would not repay the joining; fewer tasks than FEW_TASKS would
 * leave threads idle. */
enum { PART_KEYS = 8 * DECODE_KEYS, MOST_PARTS = 32, FEW_TASKS = 16 };
_Static_assert((int)DECODE_ROWS <= (int)PRODUCT_COLUMNS, "rows of a decode tile are one panel");

typedef struct decode_work {
  const seqmix_attention_problem *problem;
  char *scratch;
  uint64_t scratch_bytes; /* per worker */
  int64_t *first_part;    /* [N+1]: parts of the sequences before */
  int64_t *first_result;  /* [N+1]: of those, parts of sequences that have several */
  float *results;         /* [result, kv head, result_floats] */
  int64_t heads;          /* kv heads of a task */
  int64_t result_floats;  /* a part's largest and denominators [DECODE_ROWS], sums [rows, Dv] */
} decode_work;

/* ---- the plan -------------------------------------------------------------------------------- */

static int64_t rows_of(const seqmix_attention_problem *p) {
  return p->query_length * (p->q_heads / p->kv_heads);
}

int32_t LEVEL(attention_decode_accepts)(const seqmix_problem *problem,
                                        const seqmix_device_properties *device) {
  (void)device;
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  return p->query_length <= DECODE_ROWS && rows_of(p) <= DECODE_ROWS;
}

/* Keys of a part: a multiple of a block, long enough, and few parts in the longest sequence. */
static int64_t part_keys_of(const seqmix_attention_problem *p) {
  int64_t least = (p->key_length / MOST_PARTS / DECODE_KEYS + 1) * DECODE_KEYS;
  return least > PART_KEYS ? least : PART_KEYS;
}

static uint64_t size_of(int64_t stride) {
  return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* Kv heads of a task, DECODE_HEADS at most. Where the heads of a token lie beside each other, a
 * task takes several, so that memory is read in the order it lies in; unless that leaves FEW_TASKS.
 */
static int64_t heads_of_task(const seqmix_attention_problem *p, int64_t parts) {
  int64_t heads = DECODE_HEADS < p->kv_heads ? DECODE_HEADS : p->kv_heads;
  if (size_of(p->k.stride[2]) > size_of(p->k.stride[1])) return 1;
  while (heads > 1 && parts * ((p->kv_heads + heads - 1) / heads) < FEW_TASKS) heads = heads / 2;
  return heads;
}

/* Keys the rows of a sequence may see, from the start of a block on. */
static seqmix_key_range keys_of_sequence(const seqmix_attention_problem *p,
                                         const seqmix_sequence *s) {
  seqmix_key_range keys = seqmix_keys_of_rows(p, s, 0, s->q_rows - 1);
  keys.begin = keys.begin / DECODE_KEYS * DECODE_KEYS;
  return keys;
}

/* At least one where there is a row to write. */
static int64_t parts_of_sequence(const seqmix_attention_problem *p, int64_t n) {
  seqmix_sequence s = seqmix_sequence_at(p, n);
  if (s.q_rows == 0) return 0;
  seqmix_key_range keys = keys_of_sequence(p, &s);
  int64_t part = part_keys_of(p), count = (keys.end - keys.begin + part - 1) / part;
  return count > 1 ? count : 1;
}

/* Parts of all sequences that have several, and so results to join. */
static int64_t count_results(const seqmix_attention_problem *p) {
  int64_t count = 0;
  for (int64_t n = 0; n < p->sequences; n++) {
    int64_t parts = parts_of_sequence(p, n);
    if (parts > 1) count += parts;
  }
  return count;
}

static uint64_t result_floats_of(const seqmix_attention_problem *p) {
  uint64_t dv = (uint64_t)p->value_dim + PRODUCT_COLUMNS; /* padded, at most */
  return (uint64_t)rows_of(p) * dv + 2 * DECODE_ROWS;
}

uint64_t LEVEL(attention_decode_workspace)(const seqmix_problem *problem,
                                           const seqmix_device_properties *device,
                                           int32_t workers) {
  (void)device;
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  uint64_t scratch, results;
  if (__builtin_mul_overflow(decode_bytes(p), (uint64_t)workers, &scratch) ||
      __builtin_mul_overflow(result_floats_of(p) * sizeof(float), (uint64_t)count_results(p),
                             &results) ||
      __builtin_mul_overflow(results, (uint64_t)p->kv_heads, &results) ||
      __builtin_add_overflow(results, 2 * tile_index_bytes(p), &results) ||
      __builtin_add_overflow(results, scratch, &results))
    return UINT64_MAX;
  return seqmix_memory_round(results);
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* The keys of a part for kv heads that lie beside each other; 0 if a NaN has come out. */
static int attend_keys(attention_tile *tiles, int64_t heads, seqmix_key_range keys, int guarded) {
  decode_block blocks[2], *block = &blocks[0], *next = &blocks[1];
  decode_rows rows;
  int sound = 1;
  for (int64_t h = 0; h < heads; h++) decode_start(&tiles[h]);
  decode_find_block(&tiles[0], keys.begin, keys.end, block);
  while (block->first < keys.end) {
    decode_find_block(&tiles[0], block->first + block->count, keys.end, next);
    for (int64_t h = 0; h < heads; h++) {
      attention_tile *tile = &tiles[h];
      tile->first_key = block->first;
      tile->keys = block->count;
      if (!tile_any_block(tile, tile->first_key, tile->keys) || !tile_find_live(tile)) continue;
      decode_take_turn(tile, block, next, h, heads, &rows);
      decode_score(tile, &rows);
      decode_exponentiate(tile);
      decode_add_values(tile, &rows, guarded);
    }
    decode_block *done = block;
    block = next;
    next = done;
  }
  for (int64_t h = 0; h < heads; h++) sound &= decode_order_sums(&tiles[h]);
  return sound;
}

/* Values that hold infinities or NaN are rare, and looking for them costs a tenth: so a NaN among
 * the sums has the part done again, keys of weight 0 left out. */
static void attend_part(attention_tile *tiles, int64_t heads, seqmix_key_range keys) {
  if (!attend_keys(tiles, heads, keys, 0)) attend_keys(tiles, heads, keys, 1);
}

static attention_tile tile_of(const decode_work *work, int64_t n, int64_t kv_head, int64_t slot,
                              int32_t worker) {
  const seqmix_attention_problem *p = work->problem;
  attention_tile tile = {.problem = p};
  tile.group = p->q_heads / p->kv_heads;
  tile.kv_head = kv_head;
  tile.sequence = seqmix_sequence_at(p, n);
  tile.rows = tile.sequence.q_rows * tile.group;
  decode_place(&tile, work->scratch + (uint64_t)worker * work->scratch_bytes, slot);
  return tile;
}

static float *result_of(const decode_work *work, int64_t n, int64_t part, int64_t kv_head) {
  int64_t number = (work->first_result[n] + part) * work->problem->kv_heads + kv_head;
  return work->results + number * work->result_floats;
}

static void keep_part(const attention_tile *tile, float *result) {
  size_t row_bytes = (size_t)tile->rows * sizeof(float);
  memcpy(result, tile->largest, row_bytes);
  memcpy(result + DECODE_ROWS, tile->denominators, row_bytes);
  memcpy(result + 2 * DECODE_ROWS, tile->sums, row_bytes * (size_t)tile->padded_values);
}

static void part_task(void *arg, int64_t task, int32_t worker) {
  const decode_work *work = arg;
  const seqmix_attention_problem *p = work->problem;
  attention_tile tiles[DECODE_HEADS];
  int64_t teams = (p->kv_heads + work->heads - 1) / work->heads;
  int64_t part = task / teams, first_head = task % teams * work->heads;
  int64_t heads = p->kv_heads - first_head < work->heads ? p->kv_heads - first_head : work->heads;
  int64_t n = seqmix_sequence_of_task(work->first_part, p->sequences, part);
  for (int64_t h = 0; h < heads; h++) tiles[h] = tile_of(work, n, first_head + h, h, worker);
  seqmix_sequence sequence = seqmix_sequence_at(p, n);
  seqmix_key_range keys = keys_of_sequence(p, &sequence);
  part -= work->first_part[n];
  keys.begin += part * part_keys_of(p);
  if (keys.end - keys.begin > part_keys_of(p)) keys.end = keys.begin + part_keys_of(p);
  attend_part(tiles, heads, keys);
  int is_split = work->first_part[n + 1] - work->first_part[n] > 1;
  for (int64_t h = 0; h < heads; h++) {
    if (is_split) keep_part(&tiles[h], result_of(work, n, part, first_head + h));
    for (int64_t r = 0; !is_split && r < tiles[h].rows; r++) tile_finish_row(&tiles[h], r);
  }
}

/* ---- joining --------------------------------------------------------------------------------- */

static void join_row(const decode_work *work, attention_tile *tile, int64_t n, int64_t r) {
  int64_t parts = work->first_result[n + 1] - work->first_result[n];
  float largest = -INFINITY, denominator = 0;
  float *sums = tile->sums + r * tile->padded_values;
  for (int64_t part = 0; part < parts; part++) {
    float own = result_of(work, n, part, tile->kv_head)[r];
    if (own > largest) largest = own;
  }
  float shift = largest == -INFINITY ? 0 : largest;
  for (int64_t d = 0; d < tile->padded_values; d++) sums[d] = 0;
  for (int64_t part = 0; part < parts; part++) {
    const float *result = result_of(work, n, part, tile->kv_head);
    const float *own = result + 2 * DECODE_ROWS + r * tile->padded_values;
    float weight = expf(result[r] - shift);
    denominator += weight * result[DECODE_ROWS + r];
    for (int64_t d = 0; d < tile->padded_values; d++) sums[d] += weight * own[d];
  }
  tile->largest[r] = largest;
  tile->denominators[r] = denominator;
  tile_finish_row(tile, r);
}

static void join_task(void *arg, int64_t task, int32_t worker) {
  const decode_work *work = arg;
  int64_t n = task / work->problem->kv_heads;
  if (work->first_result[n + 1] == work->first_result[n]) return;
  attention_tile tile = tile_of(work, n, task % work->problem->kv_heads, 0, worker);
  for (int64_t r = 0; r < tile.rows; r++) join_row(work, &tile, n, r);
}

static void count_parts(decode_work *work) {
  const seqmix_attention_problem *p = work->problem;
  work->first_part[0] = work->first_result[0] = 0;
  for (int64_t n = 0; n < p->sequences; n++) {
    int64_t parts = parts_of_sequence(p, n);
    work->first_part[n + 1] = work->first_part[n] + parts;
    work->first_result[n + 1] = work->first_result[n] + (parts > 1 ? parts : 0);
  }
}

seqmix_status VARIANT(attention, decode)(const seqmix_call *call, const seqmix_problem *problem) {
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  char *workspace = call->workspace;
  decode_work work = {
      .problem = p,
      .scratch_bytes = decode_bytes(p),
      .result_floats = (int64_t)result_floats_of(p),
  };
  work.first_part = (int64_t *)(void *)workspace;
  work.first_result = (int64_t *)(void *)(workspace + tile_index_bytes(p));
  work.scratch = workspace + 2 * tile_index_bytes(p);
  work.results = (float *)(void *)(work.scratch + work.scratch_bytes * (uint64_t)call->workers);
  count_parts(&work);
  int64_t parts = work.first_part[p->sequences];
  work.heads = heads_of_task(p, parts);
  int64_t teams = (p->kv_heads + work.heads - 1) / work.heads;
  seqmix_run_tasks(call, parts * teams, part_task, &work);
  if (work.first_result[p->sequences] > 0)
    seqmix_run_tasks(call, p->sequences * p->kv_heads, join_task, &work);
  return SEQMIX_OK;
}
