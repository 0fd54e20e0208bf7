/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention in chunks: products of matrices per panel of value columns.
 *
 * A panel of the state, 8 KB at D128, stays in L1 while a chunk passes: its tokens solve for y and
 * read, tile by tile, and then the tile of the state takes what they write. */
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

/* PRODUCT_ROWS rows of the panel: S = P(0, end) S + sum_t writer_t y_t^T */
static void write_tile(const linear_stream *s, int64_t panel, int64_t d) {
  float *state = stream_state(s, panel) + d * PRODUCT_COLUMNS;
  product_sums sums;
  product_clear(PRODUCT_ROWS, &sums);
  for (int w = 0; w < s->writers; w++)
    product_add(PRODUCT_ROWS, &sums, s->writer_rows[w] + d, 1, s->dims, stream_values(s, w, panel),
                s->count);
#pragma GCC unroll 16
  for (int i = 0; i < PRODUCT_ROWS; i++)
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      float *at = state + i * PRODUCT_COLUMNS + v * LANES;
      vec sum = s->keep_part[d + i] * vec_load(at) + sums.at[i][v];
      vec_store(at, vec_masked(ivec_of(s->keep_mask[d + i]), vec_load(at)) + sum);
    }
}

/* ---- the variant
 * ---------------------------------------------------------------------------------- */

/* Tiles of a panel: those of the tokens for each reader, and those of the state. */
static int64_t tiles_of(const linear_stream *s) {
  int64_t of_tokens = stream_rows(s) / PRODUCT_ROWS;
  return of_tokens * (stream_end_of_readers(s) - stream_first_reader(s)) +
         (s->writes ? s->dims / PRODUCT_ROWS : 0);
}

static void run_panel(linear_stream *s, int64_t panel) {
  for (int64_t t = 0; t < s->count && s->writes && s->has_eraser; t += PRODUCT_ROWS) {
    stream_fetch(s);
    if (s->writers == WRITERS)
      solve_low_rank(s, panel, t);
    else
      solve_delta(s, panel, t);
  }
  for (int64_t query = 0; query < s->queries && s->reads; query++)
    for (int64_t t = 0; t < s->count; t += PRODUCT_ROWS) {
      stream_fetch(s);
      read_tile(s, query, panel, t);
    }
  for (int64_t d = 0; d < s->problem->head_dim && s->writes; d += PRODUCT_ROWS) {
    stream_fetch(s);
    write_tile(s, panel, d);
  }
}

void stream_make_rows(linear_stream *s) {
  if (s->reads) stream_load_queries(s);
  if (!s->writes) return;
  stream_load_gates(s);
  stream_load_tokens(s);
  if (s->reads) stream_make_weights(s);
  stream_decay_rows(s);
  stream_split_decays(s, 0, s->count, 0);
}

void stream_run_panels(linear_stream *s) {
  for (int64_t panel = 0; panel < s->panels; panel++) run_panel(s, panel);
}

static void run_chunk(linear_stream *s) {
  stream_make_rows(s);
  if (s->writes) stream_load_values(s);
  if (s->is_normalized) stream_normalize_chunk(s);
  stream_start_fetching(s, s->panels * tiles_of(s));
  stream_run_panels(s);
}

uint64_t LEVEL(linear_attention_chunked_workspace)(const seqmix_problem *problem,
                                                   const seqmix_device_properties *device,
                                                   int32_t workers) {
  const seqmix_linear_attention_problem *p = (const seqmix_linear_attention_problem *)problem;
  linear_plan plan = seqmix_linear_plan(p, workers);
  if (plan.may_share) return stream_shared_bytes(p, &plan);
  return LEVEL(linear_attention_workspace)(problem, device, workers);
}

seqmix_status VARIANT(linear_attention, chunked)(const seqmix_call *call,
                                                 const seqmix_problem *problem) {
  static const stream_algorithm algorithm = {run_chunk, .may_work_in_place = 0};
  const seqmix_linear_attention_problem *p = (const seqmix_linear_attention_problem *)problem;
  linear_plan plan = seqmix_linear_plan(p, call->workers);
  if (plan.may_share)
    stream_run_shared(call, p, &plan);
  else
    stream_run(call, problem, &algorithm);
  return SEQMIX_OK;
}
