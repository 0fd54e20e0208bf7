/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention in chunks: products of matrices per panel of value columns.
 *
 * A panel of the state, 8 KB at D128, stays in L1 while a chunk passes: its tokens solve for y and
 * read, tile by tile, and then the tile of the state takes what they write. */
#include "core/work.h"
#include "cpu/cpu.h"
#include "cpu/linear_attention/stream.h"

/* ---- tiles ----------------------------------------------------------------------------------- */

/* sums += weights of tokens t .. t+PRODUCT_ROWS-1 for the values of all tokens before t. */
SEQMIX_INLINE void add_earlier(product_sums *sums, const float *weights, const float *values,
                               int64_t t) {
  product_add(PRODUCT_ROWS, sums, weights + t * WEIGHT_STEP, WEIGHT_STEP, 1, values, t);
}

/* The same for tokens of the tile itself: token t + i sees those before t + i + reach, and no
 * number of a later one touches it. */
SEQMIX_INLINE void add_own(product_sums *sums, const float *weights, const float *values, int64_t t,
                           int reach) {
  const float *tile = weights + t * WEIGHT_STEP + t;
#pragma GCC unroll 16
  for (int j = 0; j < PRODUCT_ROWS; j++)
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      vec value = vec_load(values + (t + j) * PRODUCT_COLUMNS + v * LANES);
#pragma GCC unroll 16
      for (int i = j + 1 - reach; i < PRODUCT_ROWS; i++)
        sums->at[i][v] += tile[i * WEIGHT_STEP + j] * value;
    }
}

/* Solves the triangle of a tile: y_i = beta_i (value_i + sums_i + sum_{j < i} weight_ij y_j). */
SEQMIX_INLINE void solve_own(product_sums *sums, const float *weights, float *values,
                             const float *betas, int64_t t) {
  const float *tile = weights + t * WEIGHT_STEP + t;
  values += t * PRODUCT_COLUMNS;
#pragma GCC unroll 16
  for (int j = 0; j < PRODUCT_ROWS; j++)
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      int at = j * PRODUCT_COLUMNS + v * LANES;
      vec y = sums->at[j][v];
      if (betas) y *= vec_load(betas + t * PRODUCT_COLUMNS + at);
      vec_store(values + at, y);
#pragma GCC unroll 16
      for (int i = j + 1; i < PRODUCT_ROWS; i++) sums->at[i][v] += tile[i * WEIGHT_STEP + j] * y;
    }
}

/* y of the tile at t by a delta rule, in the place of the values. */
static void solve_delta(const linear_stream *s, int64_t panel, int64_t t) {
  const stream_reader *eraser = stream_eraser(s);
  float *values = stream_values(s, WRITER_KEY, panel);
  const float *betas = s->has_channel_beta ? s->betas + (values - s->values[WRITER_KEY]) : 0;
  product_sums sums;
#pragma GCC unroll 16
  for (int i = 0; i < PRODUCT_ROWS; i++)
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++)
      sums.at[i][v] = vec_load(values + (t + i) * PRODUCT_COLUMNS + v * LANES);
  product_add(PRODUCT_ROWS, &sums, eraser->rows + t * s->dims, s->dims, 1, stream_state(s, panel),
              s->problem->head_dim);
  add_earlier(&sums, eraser->weights[WRITER_KEY], values, t);
  solve_own(&sums, eraser->weights[WRITER_KEY], values, betas, t);
}

/* The same with dplr: what a reads of the state, which k and b have both written. */
static void solve_low_rank(const linear_stream *s, int64_t panel, int64_t t) {
  const stream_reader *eraser = stream_eraser(s);
  float *solved = stream_values(s, WRITER_LOW_RANK, panel);
  const float *values = stream_values(s, WRITER_KEY, panel);
  product_sums sums;
  product_clear(PRODUCT_ROWS, &sums);
  product_add(PRODUCT_ROWS, &sums, eraser->rows + t * s->dims, s->dims, 1, stream_state(s, panel),
              s->problem->head_dim);
  add_earlier(&sums, eraser->weights[WRITER_KEY], values, t);
  add_own(&sums, eraser->weights[WRITER_KEY], values, t, 0);
  add_earlier(&sums, eraser->weights[WRITER_LOW_RANK], solved, t);
  solve_own(&sums, eraser->weights[WRITER_LOW_RANK], solved, 0, t);
}

/* What a query reads for the tile at t: of S_0 and, while the state changes, of the chunk. */
static void read_tile(const linear_stream *s, int64_t query, int64_t panel, int64_t t) {
  const stream_reader *reader = &s->readers[query];
  float values[PRODUCT_ROWS * PRODUCT_COLUMNS];
  product_sums sums;
  product_clear(PRODUCT_ROWS, &sums);
  product_add(PRODUCT_ROWS, &sums, reader->rows + t * s->dims, s->dims, 1, stream_state(s, panel),
              s->problem->head_dim);
  for (int w = 0; w < s->writers && s->writes; w++) {
    add_earlier(&sums, reader->weights[w], stream_values(s, w, panel), t);
    add_own(&sums, reader->weights[w], stream_values(s, w, panel), t, 1);
  }
#pragma GCC unroll 16
  for (int i = 0; i < PRODUCT_ROWS; i++)
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++)
      vec_store(values + i * PRODUCT_COLUMNS + v * LANES, sums.at[i][v]);
  int64_t rows = s->count - t < PRODUCT_ROWS ? s->count - t : PRODUCT_ROWS;
  stream_write_rows(s, query, t, rows, panel, values);
}

/* S = P(0, end) S + sum_t writer_t y_t^T */
static void write_panel(const linear_stream *s, int64_t panel) {
  for (int w = 0; w < s->writers; w++)
    for (int64_t d = 0; d < s->problem->head_dim; d += PRODUCT_ROWS) {
      product_tile tile = {
          .a = s->writer_rows[w] + d,
          .b = stream_values(s, w, panel),
          .c = stream_state(s, panel) + d * PRODUCT_COLUMNS,
          .a_depth = s->dims,
          .c_row = PRODUCT_COLUMNS,
          .depth = s->count,
          .keep = w == 0 ? s->keep + d : s->ones,
      };
      product_packed(&tile);
    }
}

/* ---- passes ---------------------------------------------------------------------------------- */

static void run_panel(const linear_stream *s, int64_t panel) {
  for (int64_t t = 0; t < s->count && s->writes && s->has_eraser; t += PRODUCT_ROWS)
    if (s->writers == WRITERS)
      solve_low_rank(s, panel, t);
    else
      solve_delta(s, panel, t);
  for (int64_t query = 0; query < s->queries && s->reads; query++)
    for (int64_t t = 0; t < s->count; t += PRODUCT_ROWS) read_tile(s, query, panel, t);
  if (s->writes) write_panel(s, panel);
}

static void run_chunk(linear_stream *s) {
  if (s->reads) stream_load_queries(s);
  if (s->writes) {
    stream_load_gates(s);
    stream_load_tokens(s);
    if (s->reads) stream_make_weights(s);
    stream_decay_rows(s);
  }
  if (s->is_normalized) stream_add_normalizer(s);
  for (int64_t panel = 0; panel < s->panels; panel++) {
    stream_prefetch(s, panel, s->panels);
    run_panel(s, panel);
  }
}

static void run_pass(linear_stream *s, int reads, int writes) {
  s->reads = reads;
  s->writes = writes;
  for (s->at = 0; s->at < s->tokens; s->at += s->count) {
    s->count = s->tokens - s->at < CHUNK_TOKENS ? s->tokens - s->at : CHUNK_TOKENS;
    run_chunk(s);
  }
}

static void run_stream(linear_stream *s) {
  uint64_t features = s->problem->header.features;
  stream_load_state(s);
  if (features & SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL) {
    run_pass(s, 0, 1);
    run_pass(s, 1, 0);
  } else {
    run_pass(s, 1, 1);
  }
  if (features & SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL) {
    stream_turn_back(s);
    run_pass(s, 1, 1);
  }
  stream_store_state(s);
}

/* ---- the variant ----------------------------------------------------------------------------- */

typedef struct chunked_work {
  const seqmix_linear_attention_problem *problem;
  char *scratch;
  uint64_t bytes; /* of it, per worker */
} chunked_work;

static void run_task(void *arg, int64_t task, int32_t worker) {
  const chunked_work *work = arg;
  linear_stream stream;
  stream_place(&stream, work->problem, work->scratch + (uint64_t)worker * work->bytes);
  if (stream_open(&stream, task))
    run_stream(&stream);
  else
    stream_skip(&stream);
}

uint64_t LEVEL(linear_attention_chunked_workspace)(const seqmix_problem *problem,
                                                   const seqmix_device_properties *device,
                                                   int32_t workers) {
  (void)device;
  uint64_t bytes = stream_bytes((const seqmix_linear_attention_problem *)problem), all;
  return __builtin_mul_overflow(bytes, (uint64_t)workers, &all) ? UINT64_MAX : all;
}

seqmix_status VARIANT(linear_attention, chunked)(const seqmix_call *call,
                                                 const seqmix_problem *problem) {
  const seqmix_linear_attention_problem *p = (const seqmix_linear_attention_problem *)problem;
  chunked_work work = {p, call->workspace, stream_bytes(p)};
  seqmix_run_tasks(call, seqmix_linear_tasks(p), run_task, &work);
  return SEQMIX_OK;
}
