/* SPDX-License-Identifier: Apache-2.0 */
/* attention of few rows to many keys: one token of a sequence, or a few, with the query heads that
 * share a kv head. Reading k and v once is then most of the work, so both are read as they lie and
 * a row serves all rows of queries at once, sums running along D for scores and along Dv for
 * values:
 *
 *     s[j, r] = sum over vectors of D of q[r] k[j],       two keys at a time
 *     o[r]    = exp(m - m') o[r] + sum_j p[j, r] v[j],    PRODUCT_COLUMNS at a time
 *
 * Rows of one head lie far apart, which no hardware prefetcher follows: while a key is scored, its
 * value and the key a block ahead are fetched.
 *
 * The keys of a kv head are split into parts that workers take independently. Each part leaves its
 * largest score, denominator and sums, and what joins them is attention_merge's formula:
 *
 *     m = max m_n,   l = sum exp(m_n - m) l_n,   o = sum exp(m_n - m) o_n
 *
 * How many parts there are follows from the problem alone, MOST_PARTS per sequence at most; at D128
 * with 16-bit keys their results take 1 (one row) to 5 (eight rows) percent of the keys' and
 * values' own bytes. The rest is as in blocked.c. Measured: docs/lab-notes.md. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/work.h"
#include "cpu/attention/decode.h"
#include "cpu/cpu.h"

/* Rows that fit one panel of scores at every level, and registers two keys at a time. A part of
 * fewer keys than PART_KEYS would not repay the joining. */
enum { PART_KEYS = 4 * DECODE_KEYS, MOST_PARTS = 32 };
_Static_assert((int)DECODE_ROWS <= (int)PRODUCT_COLUMNS, "rows of a decode tile are one panel");

typedef struct decode_work {
  const seqmix_attention_problem *problem;
  char *scratch;
  uint64_t scratch_bytes; /* per worker */
  int64_t *first_part;    /* [N+1]: parts of the sequences before */
  int64_t *first_result;  /* [N+1]: of those, parts of sequences that have several */
  float *results;         /* [result, kv head, result_floats] */
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

static void attend_block(attention_tile *tile, decode_rows *rows, int guarded) {
  if (!tile_any_block(tile, tile->first_key, tile->keys) || !tile_find_live(tile)) return;
  decode_find_rows(tile, rows);
  decode_score(tile, rows);
  decode_exponentiate(tile);
  decode_add_values(tile, rows, guarded);
}

static int attend_keys(attention_tile *tile, seqmix_key_range keys, int guarded) {
  decode_rows rows;
  tile->last_key = keys.end;
  decode_start(tile);
  for (int64_t first = keys.begin, next; first < keys.end; first = next) {
    next = (first / DECODE_KEYS + 1) * DECODE_KEYS;
    if (next > keys.end) next = keys.end;
    tile->first_key = first;
    tile->keys = next - first;
    attend_block(tile, &rows, guarded);
  }
  return decode_order_sums(tile);
}

/* Values that hold infinities or NaN are rare, and looking for them costs a tenth: so a NaN among
 * the sums has the part done again, keys of weight 0 left out. */
static void attend_part(attention_tile *tile, seqmix_key_range keys) {
  if (!attend_keys(tile, keys, 0)) attend_keys(tile, keys, 1);
}

static attention_tile tile_of(const decode_work *work, int64_t n, int64_t kv_head, int32_t worker) {
  const seqmix_attention_problem *p = work->problem;
  attention_tile tile = {.problem = p};
  tile.group = p->q_heads / p->kv_heads;
  tile.kv_head = kv_head;
  tile.sequence = seqmix_sequence_at(p, n);
  tile.rows = tile.sequence.q_rows * tile.group;
  decode_place(&tile, work->scratch + (uint64_t)worker * work->scratch_bytes);
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

/* Heads of the same keys follow each other: where tokens are rows, they share pages. */
static void part_task(void *arg, int64_t task, int32_t worker) {
  const decode_work *work = arg;
  const seqmix_attention_problem *p = work->problem;
  int64_t part = task / p->kv_heads, kv_head = task % p->kv_heads;
  int64_t n = seqmix_sequence_of_task(work->first_part, p->sequences, part);
  attention_tile tile = tile_of(work, n, kv_head, worker);
  seqmix_key_range keys = keys_of_sequence(p, &tile.sequence);
  part -= work->first_part[n];
  keys.begin += part * part_keys_of(p);
  if (keys.end - keys.begin > part_keys_of(p)) keys.end = keys.begin + part_keys_of(p);
  attend_part(&tile, keys);
  if (work->first_part[n + 1] - work->first_part[n] > 1) {
    keep_part(&tile, result_of(work, n, part, kv_head));
    return;
  }
  for (int64_t r = 0; r < tile.rows; r++) tile_finish_row(&tile, r);
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
  attention_tile tile = tile_of(work, n, task % work->problem->kv_heads, worker);
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
  seqmix_run_tasks(call, work.first_part[p->sequences] * p->kv_heads, part_task, &work);
  if (work.first_result[p->sequences] > 0)
    seqmix_run_tasks(call, p->sequences * p->kv_heads, join_task, &work);
  return SEQMIX_OK;
}
