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
#include "cpu/attention/tile.h"
#include "cpu/cpu.h"
#include "cpu/simd/convert.h"

/* Rows that fit one panel of scores at every level, and registers two keys at a time. A part of
 * fewer keys than PART_KEYS would not repay the joining. */
enum { MOST_ROWS = 8, ROWS_AT_ONCE = 4, PART_KEYS = 2 * TILE_KEYS, MOST_PARTS = 128 };
_Static_assert((int)MOST_ROWS <= (int)PRODUCT_COLUMNS, "rows of a decode tile are one panel");

typedef struct decode_work {
  const seqmix_attention_problem *problem;
  char *scratch;
  uint64_t scratch_bytes; /* per worker */
  int64_t *first_part;    /* [N+1]: parts of the sequences before */
  int64_t *first_result;  /* [N+1]: of those, parts of sequences that have several */
  float *results;         /* [result, kv head, result_floats] */
  int64_t result_floats;  /* a part's largest and denominators [MOST_ROWS], sums [rows, Dv] */
} decode_work;

/* ---- the plan -------------------------------------------------------------------------------- */

static int64_t rows_of(const seqmix_attention_problem *p) {
  return p->query_length * (p->q_heads / p->kv_heads);
}

int32_t LEVEL(attention_decode_accepts)(const seqmix_problem *problem,
                                        const seqmix_device_properties *device) {
  (void)device;
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  return p->query_length <= MOST_ROWS && rows_of(p) <= MOST_ROWS;
}

/* Keys of a part: a multiple of a block, long enough, and few parts in the longest sequence. */
static int64_t part_keys_of(const seqmix_attention_problem *p) {
  int64_t least = (p->key_length / MOST_PARTS / TILE_KEYS + 1) * TILE_KEYS;
  return least > PART_KEYS ? least : PART_KEYS;
}

/* Keys the rows of a sequence may see, from the start of a block on. */
static seqmix_key_range keys_of_sequence(const seqmix_attention_problem *p,
                                         const seqmix_sequence *s) {
  seqmix_key_range keys = seqmix_keys_of_rows(p, s, 0, s->q_rows - 1);
  keys.begin = keys.begin / TILE_KEYS * TILE_KEYS;
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
  return (uint64_t)rows_of(p) * dv + 2 * MOST_ROWS;
}

uint64_t LEVEL(attention_decode_workspace)(const seqmix_problem *problem,
                                           const seqmix_device_properties *device,
                                           int32_t workers) {
  (void)device;
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  uint64_t scratch, results;
  if (__builtin_mul_overflow(tile_bytes(p), (uint64_t)workers, &scratch) ||
      __builtin_mul_overflow(result_floats_of(p) * sizeof(float), (uint64_t)count_results(p),
                             &results) ||
      __builtin_mul_overflow(results, (uint64_t)p->kv_heads, &results) ||
      __builtin_add_overflow(results, 2 * tile_index_bytes(p), &results) ||
      __builtin_add_overflow(results, scratch, &results))
    return UINT64_MAX;
  return seqmix_memory_round(results);
}

/* Where the keys and values of the present block lie. */
typedef struct key_rows {
  const char *keys[TILE_KEYS]; /* as score_block reads them */
  const char *values[TILE_KEYS];
  const char *ahead[TILE_KEYS]; /* the keys of the next block; NULL beyond the last */
  int64_t key_bytes, value_bytes;
} key_rows;

/* ---- scores ---------------------------------------------------------------------------------- */

/* Queries row by row, [rows, padded_dim], times scale, the padding zero. */
static void load_queries(attention_tile *tile) {
  const seqmix_attention_problem *p = tile->problem;
  float scale = (float)p->scale;
  for (int64_t r = 0; r < tile->rows; r++) {
    float *to = tile->queries + r * tile->padded_dim;
    int64_t at = seqmix_row_at(&p->q, &tile->sequence, tile_query(tile, r), tile_head(tile, r));
    const float *from = load_row(to, tile_element(&p->q, at), p->q.dtype, p->head_dim);
    for (int64_t d = 0; d < p->head_dim; d++) to[d] = scale * from[d];
    for (int64_t d = p->head_dim; d < tile->padded_dim; d++) to[d] = 0;
  }
}

/* Scores of two keys with rows r .. r+rows-1; `rows` and `dtype` are constants. */
SEQMIX_INLINE void score_two_keys(attention_tile *tile, int rows, int32_t dtype, const char *key0,
                                  const char *key1, int64_t r, float *to0, float *to1) {
  const int64_t step = dtype == SEQMIX_F32 ? 4 : 2;
  const float *queries = tile->queries + r * tile->padded_dim;
  vec sums0[ROWS_AT_ONCE], sums1[ROWS_AT_ONCE];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) sums0[i] = sums1[i] = vec_of(0);
  for (int64_t d = 0; d < tile->key_vectors; d++) {
    vec k0 = load_vector(key0 + d * LANES * step, dtype);
    vec k1 = load_vector(key1 + d * LANES * step, dtype);
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
      vec q = vec_load(queries + i * tile->padded_dim + d * LANES);
      sums0[i] += q * k0;
      sums1[i] += q * k1;
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) {
    to0[r + i] = vec_sum(sums0[i]);
    to1[r + i] = vec_sum(sums1[i]);
  }
}

/* Brings a row of `bytes` bytes closer; beyond the last key there is nothing to bring. */
static inline void prefetch_row(const char *row, int64_t bytes) {
  for (int64_t at = 0; row && at < bytes; at += 64) __builtin_prefetch(row + at, 0, 3);
}

SEQMIX_INLINE void score_keys(attention_tile *tile, int32_t dtype, const key_rows *rows) {
  for (int64_t j = 0; j < tile->keys; j += 2) {
    /* The last of an odd number is scored twice over. */
    int64_t other = j + 1 < tile->keys ? j + 1 : j;
    float *to0 = tile->scores + j * TILE_STEP, *to1 = tile->scores + other * TILE_STEP;
    for (int64_t i = j; i <= other; i++) {
      prefetch_row(rows->ahead[i], rows->key_bytes);
      prefetch_row(rows->values[i], rows->value_bytes);
    }
    int64_t r = 0;
    for (; r + ROWS_AT_ONCE <= tile->rows; r += ROWS_AT_ONCE)
      score_two_keys(tile, ROWS_AT_ONCE, dtype, rows->keys[j], rows->keys[other], r, to0, to1);
    for (; r < tile->rows; r++)
      score_two_keys(tile, 1, dtype, rows->keys[j], rows->keys[other], r, to0, to1);
  }
}

/* A key in f32 with zeros behind it, for dims that are not whole vectors. */
static const char *padded_key(attention_tile *tile, int64_t j, const void *from) {
  const seqmix_attention_problem *p = tile->problem;
  float *to = tile->rows_scratch + j * tile->padded_dim;
  const float *row = load_row(to, from, p->k.dtype, p->head_dim);
  if (row != to) memcpy(to, row, (size_t)p->head_dim * sizeof(float));
  for (int64_t d = p->head_dim; d < tile->padded_dim; d++) to[d] = 0;
  return (const char *)to;
}

static const char *row_at(const attention_tile *tile, const seqmix_view *view, int64_t j) {
  return tile_element(view, seqmix_key_at(tile->problem, view, &tile->sequence, j, tile->kv_head));
}

/* Finds the rows of the block, and of the keys as far ahead as the block is long. */
static void find_rows(attention_tile *tile, key_rows *rows) {
  const seqmix_attention_problem *p = tile->problem;
  int in_place = p->head_dim % LANES == 0;
  rows->key_bytes = p->head_dim * (p->k.dtype == SEQMIX_F32 ? 4 : 2);
  rows->value_bytes = p->value_dim * (p->v.dtype == SEQMIX_F32 ? 4 : 2);
  for (int64_t i = 0; i < tile->keys; i++) {
    int64_t j = tile->first_key + i, ahead = j + tile->keys;
    const char *key = row_at(tile, &p->k, j);
    rows->keys[i] = in_place ? key : padded_key(tile, i, key);
    rows->values[i] = row_at(tile, &p->v, j);
    rows->ahead[i] = ahead < tile->last_key ? row_at(tile, &p->k, ahead) : NULL;
  }
}

/* Raw scores of the block: keys are read in place where whole vectors of them can be. */
static void score_block(attention_tile *tile, const key_rows *rows) {
  const seqmix_attention_problem *p = tile->problem;
  tile->key_vectors = (p->head_dim + LANES - 1) / LANES;
  if (p->head_dim % LANES || p->k.dtype == SEQMIX_F32)
    score_keys(tile, SEQMIX_F32, rows);
  else if (p->k.dtype == SEQMIX_BF16)
    score_keys(tile, SEQMIX_BF16, rows);
  else
    score_keys(tile, SEQMIX_F16, rows);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* sums = keep * sums + p v for PRODUCT_COLUMNS columns of v from `column` on and rows r ..
 * r+rows-1. Where a value is infinite or NaN, keys of weight 0 must be left out, which the second
 * walk does. */
SEQMIX_INLINE void add_columns(attention_tile *tile, int rows, int32_t dtype, const key_rows *keys,
                               int64_t r, int64_t column) {
  const int64_t step = dtype == SEQMIX_F32 ? 4 : 2;
  tile_range live = tile->live[0];
  vec sums[ROWS_AT_ONCE][PRODUCT_VECTORS];
  vec poison = vec_of(0); /* 0 * x, which is 0 unless x is infinite or NaN */
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
    for (int v = 0; v < PRODUCT_VECTORS; v++) sums[i][v] = vec_of(0);
  for (int64_t j = live.begin; j < live.end; j++) {
    const float *weights = tile->scores + j * TILE_STEP + r;
#pragma GCC unroll 4
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      vec x = load_vector(keys->values[j] + (column + v * LANES) * step, dtype);
      poison += x * vec_of(0);
#pragma GCC unroll 4
      for (int i = 0; i < rows; i++) sums[i][v] += weights[i] * x;
    }
  }
  int is_special = vec_sum(poison) != 0;
  for (int i = 0; i < rows; i++) {
    float *to = tile->sums + (r + i) * tile->padded_values + column;
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      if (is_special) {
        sums[i][v] = vec_of(0);
        for (int64_t j = live.begin; j < live.end; j++) {
          float weight = tile->scores[j * TILE_STEP + r + i];
          if (weight == 0) continue;
          sums[i][v] += weight * load_vector(keys->values[j] + (column + v * LANES) * step, dtype);
        }
      }
      vec_store(to + v * LANES, tile->keep[r + i] * vec_load(to + v * LANES) + sums[i][v]);
    }
  }
}

SEQMIX_INLINE void add_values(attention_tile *tile, int32_t dtype, const key_rows *keys) {
  for (int64_t column = 0; column < tile->padded_values; column += PRODUCT_COLUMNS) {
    int64_t r = 0;
    for (; r + ROWS_AT_ONCE <= tile->rows; r += ROWS_AT_ONCE)
      add_columns(tile, ROWS_AT_ONCE, dtype, keys, r, column);
    for (; r < tile->rows; r++) add_columns(tile, 1, dtype, keys, r, column);
  }
}

/* Values are read in place where whole panels of them can be. */
static void add_block(attention_tile *tile, const key_rows *keys) {
  const seqmix_attention_problem *p = tile->problem;
  if (p->value_dim % PRODUCT_COLUMNS)
    tile_add_values(tile);
  else if (p->v.dtype == SEQMIX_F32)
    add_values(tile, SEQMIX_F32, keys);
  else if (p->v.dtype == SEQMIX_BF16)
    add_values(tile, SEQMIX_BF16, keys);
  else
    add_values(tile, SEQMIX_F16, keys);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void attend_part(attention_tile *tile, seqmix_key_range keys) {
  key_rows rows = {{0}, {0}, {0}, 0, 0};
  tile->last_key = keys.end;
  tile_start_rows(tile);
  load_queries(tile);
  for (int64_t first = keys.begin, next; first < keys.end; first = next) {
    next = (first / TILE_KEYS + 1) * TILE_KEYS;
    if (next > keys.end) next = keys.end;
    if (!tile_any_block(tile, first, next - first)) continue;
    tile->first_key = first;
    tile->keys = next - first;
    if (!tile_find_live(tile)) continue;
    find_rows(tile, &rows);
    score_block(tile, &rows);
    if (tile->problem->softcap > 0) tile_apply_softcap(tile);
    tile_add_terms(tile);
    tile_exponentiate(tile);
    add_block(tile, &rows);
  }
}

static attention_tile tile_of(const decode_work *work, int64_t n, int64_t kv_head, int32_t worker) {
  const seqmix_attention_problem *p = work->problem;
  attention_tile tile = {.problem = p};
  tile.group = p->q_heads / p->kv_heads;
  tile.kv_head = kv_head;
  tile.sequence = seqmix_sequence_at(p, n);
  tile.rows = tile.sequence.q_rows * tile.group;
  tile_place(&tile, work->scratch + (uint64_t)worker * work->scratch_bytes);
  return tile;
}

static float *result_of(const decode_work *work, int64_t n, int64_t part, int64_t kv_head) {
  int64_t number = (work->first_result[n] + part) * work->problem->kv_heads + kv_head;
  return work->results + number * work->result_floats;
}

static void keep_part(const attention_tile *tile, float *result) {
  size_t row_bytes = (size_t)tile->rows * sizeof(float);
  memcpy(result, tile->largest, row_bytes);
  memcpy(result + MOST_ROWS, tile->denominators, row_bytes);
  memcpy(result + 2 * MOST_ROWS, tile->sums, row_bytes * (size_t)tile->padded_values);
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
    const float *own = result + 2 * MOST_ROWS + r * tile->padded_values;
    float weight = expf(result[r] - shift);
    denominator += weight * result[MOST_ROWS + r];
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
      .scratch_bytes = tile_bytes(p),
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
