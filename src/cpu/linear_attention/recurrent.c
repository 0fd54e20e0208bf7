/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention token by token: for decoding, and as the chunked form's other half in tests.
 *
 * A token first reads the state S it finds, with alpha e and alpha q for e and q; then y is known,
 * what q reads of the token itself is (q . k) y, and S becomes alpha S + k y^T. So one pass over a
 * panel both writes token t and reads for token t + 1.
 *
 * A single token, whose state is f32 in rows, works where the state lies: memory is read once and
 * written once, row after row. */
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/linear_attention/stream.h"

/* ---- what tokens read and write with --------------------------------------------------------- */

/* One token's vectors over D and rows over the columns; absent ones are NULL. */
typedef struct token_pass {
  const int32_t *mask; /* alpha of the token written, as a sum of two: see stream_split_decays() */
  const float *part;
  const float *writers[WRITERS];
  const float *y[WRITERS];
  const float *eraser, *query; /* of the token that reads */
  float *erased, *answer;      /* what they read */
} token_pass;

/* ---- a panel --------------------------------------------------------------------------------- */

enum { ROWS_AT_ONCE = 2 };

/* The rows d .. d+rows-1 of a panel: written by one token, read by the next. Sums of even and odd
 * rows are kept apart, so that more of them are under way. */
SEQMIX_INLINE void pass_rows(float *state, int64_t d, const token_pass *pass, int writers,
                             int has_eraser, int has_query, vec y[WRITERS][PRODUCT_VECTORS],
                             vec erased[PRODUCT_VECTORS], vec answer[PRODUCT_VECTORS]) {
  vec x[PRODUCT_VECTORS];
  state += d * PRODUCT_COLUMNS;
#pragma GCC unroll 4
  for (int v = 0; v < PRODUCT_VECTORS; v++) {
    x[v] = vec_load(state + v * LANES);
    if (!writers) continue;
    vec sum = vec_of(pass->part[d]) * x[v];
#pragma GCC unroll 2
    for (int w = 0; w < writers; w++) sum += vec_of(pass->writers[w][d]) * y[w][v];
    x[v] = vec_masked(ivec_of(pass->mask[d]), x[v]) + sum;
    vec_store(state + v * LANES, x[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < PRODUCT_VECTORS; v++) {
    if (has_eraser) erased[v] += vec_of(pass->eraser[d]) * x[v];
    if (has_query) answer[v] += vec_of(pass->query[d]) * x[v];
  }
}

SEQMIX_INLINE void pass_panel(float *state, int64_t dims, const token_pass *pass, int writers,
                              int has_eraser, int has_query) {
  vec y[WRITERS][PRODUCT_VECTORS] = {{vec_of(0)}};
  vec erased[ROWS_AT_ONCE][PRODUCT_VECTORS] = {{vec_of(0)}};
  vec answer[ROWS_AT_ONCE][PRODUCT_VECTORS] = {{vec_of(0)}};
  for (int w = 0; w < writers; w++)
    for (int v = 0; v < PRODUCT_VECTORS; v++) y[w][v] = vec_load(pass->y[w] + v * LANES);
  for (int64_t d = 0; d < dims; d += ROWS_AT_ONCE)
#pragma GCC unroll 2
    for (int i = 0; i < ROWS_AT_ONCE; i++)
      pass_rows(state, d + i, pass, writers, has_eraser, has_query, y, erased[i], answer[i]);
  for (int v = 0; v < PRODUCT_VECTORS; v++) {
    if (has_eraser) vec_store(pass->erased + v * LANES, erased[0][v] + erased[1][v]);
    if (has_query) vec_store(pass->answer + v * LANES, answer[0][v] + answer[1][v]);
  }
}

/* The combinations there are, each with its loop. */
static void pass_over(float *state, int64_t dims, const token_pass *pass) {
  int writers = !pass->part ? 0 : pass->y[WRITER_LOW_RANK] ? 2 : 1;
  if (pass->eraser)
    writers == 2   ? pass_panel(state, dims, pass, 2, 1, 1)
    : writers == 1 ? pass_panel(state, dims, pass, 1, 1, 1)
                   : pass_panel(state, dims, pass, 0, 1, 1);
  else if (pass->query)
    writers == 1 ? pass_panel(state, dims, pass, 1, 0, 1) : pass_panel(state, dims, pass, 0, 0, 1);
  else if (writers)
    writers == 2 ? pass_panel(state, dims, pass, 2, 0, 0) : pass_panel(state, dims, pass, 1, 0, 0);
}

/* Rows of the state that hold something, as many as are taken at once. */
static int64_t rows_of(const linear_stream *s) {
  return (s->problem->head_dim + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE * ROWS_AT_ONCE;
}

/* What token t reads: the eraser and the first query. */
static void set_reader(const linear_stream *s, token_pass *pass, int64_t t) {
  if (s->has_eraser) pass->eraser = stream_eraser(s)->rows + t * s->dims;
  if (s->reads) pass->query = s->readers[0].rows + t * s->dims;
}

/* What token t writes with; y is known. */
static void set_writer(const linear_stream *s, token_pass *pass, int64_t t) {
  pass->mask = s->keep_mask + t * s->dims;
  pass->part = s->keep_part + t * s->dims;
  for (int w = 0; w < s->writers; w++) pass->writers[w] = s->writer_rows[w] + t * s->dims;
}

/* A row of the columns from `first` on, of what query (or eraser, after them) reads. */
static float *columns_row(const linear_stream *s, int64_t row, int64_t first) {
  return s->columns_rows + row * s->panels * PRODUCT_COLUMNS + first;
}

/* y of token t in a panel: in the place of its value, or with dplr beside it. */
static void solve_token(const linear_stream *s, int64_t panel, int64_t t, const float *erased) {
  if (!s->has_eraser) return;
  int64_t at = t * PRODUCT_COLUMNS;
  float *y = stream_values(s, s->writers - 1, panel) + at;
  const float *betas = s->betas + (panel * CHUNK_TOKENS + t) * PRODUCT_COLUMNS;
  for (int64_t j = 0; j < PRODUCT_COLUMNS; j += LANES) {
    vec sum = vec_load(erased + j);
    if (s->writers == 1) sum += vec_load(y + j);
    if (s->has_channel_beta) sum *= vec_load(betas + j);
    vec_store(y + j, sum);
  }
}

/* What a query has read of the state, and what it reads of token t itself. */
static void answer_token(const linear_stream *s, int64_t query, int64_t panel, int64_t t,
                         float *answer) {
  for (int w = 0; w < s->writers && s->writes; w++) {
    const float *y = stream_values(s, w, panel) + t * PRODUCT_COLUMNS;
    float own = s->readers[query].weights[w][t * WEIGHT_STEP + t];
    for (int64_t j = 0; j < PRODUCT_COLUMNS; j += LANES)
      vec_store(answer + j, vec_load(answer + j) + own * vec_load(y + j));
  }
  stream_write_rows(s, query, t, 1, panel, answer);
}

/* Queries after the first take a pass of their own. */
static void read_other_queries(const linear_stream *s, int64_t panel, int64_t t) {
  for (int64_t query = 1; query < s->queries && s->reads; query++) {
    token_pass pass = {.query = s->readers[query].rows + t * s->dims,
                       .answer = columns_row(s, query, 0)};
    pass_over(stream_state(s, panel), rows_of(s), &pass);
  }
}

/* All tokens of the chunk on a panel, which stays in L1. */
static void run_panel(const linear_stream *s, int64_t panel) {
  float *state = stream_state(s, panel), *erased = columns_row(s, s->queries, 0);
  token_pass first = {.erased = erased, .answer = columns_row(s, 0, 0)};
  set_reader(s, &first, 0);
  if (s->reads) pass_over(state, rows_of(s), &first);
  for (int64_t t = 0; t < s->count; t++) {
    read_other_queries(s, panel, t);
    solve_token(s, panel, t, erased);
    for (int64_t query = 0; query < s->queries && s->reads; query++)
      answer_token(s, query, panel, t, columns_row(s, query, 0));
    token_pass pass = {.erased = erased, .answer = columns_row(s, 0, 0)};
    for (int w = 0; w < s->writers; w++)
      pass.y[w] = stream_values(s, w, panel) + t * PRODUCT_COLUMNS;
    if (t + 1 < s->count) set_reader(s, &pass, t + 1);
    if (s->writes) set_writer(s, &pass, t);
    if (pass.part || pass.query) pass_over(state, rows_of(s), &pass);
  }
}

/* ---- a state where it lies ------------------------------------------------------------------- */

/* Rows read at once, and how far ahead others are asked for: two pages, as what fetches ahead in
 * hardware stops at the end of each. */
enum { READ_ROWS = 4, ROWS_AHEAD = 16 };

SEQMIX_INLINE void fetch_rows(const float *state, int64_t step, int64_t columns) {
  for (int i = 0; i < READ_ROWS; i++)
    for (int64_t j = 0; j < columns; j += 16) __builtin_prefetch(state + i * step + j, 1, 2);
}

/* Rows of the state of which as many as READ_ROWS are read at once; sums are rows, too. */
SEQMIX_INLINE void read_rows(const float *state, int64_t step, int rows, int64_t columns,
                             const float *eraser, const float *query, float *erased,
                             float *answer) {
  vec e[READ_ROWS], q[READ_ROWS];
#pragma GCC unroll 4
  for (int i = 0; i < rows; i++) {
    if (eraser) e[i] = vec_of(eraser[i]);
    q[i] = vec_of(query[i]);
  }
  int64_t j = 0;
  for (; j + LANES <= columns; j += LANES) {
    vec sum_e = eraser ? vec_load(erased + j) : vec_of(0), sum_q = vec_load(answer + j);
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
      vec x = vec_load(state + i * step + j);
      if (eraser) sum_e += e[i] * x;
      sum_q += q[i] * x;
    }
    if (eraser) vec_store(erased + j, sum_e);
    vec_store(answer + j, sum_q);
  }
  for (; j < columns; j++)
    for (int i = 0; i < rows; i++) {
      if (eraser) erased[j] += eraser[i] * state[i * step + j];
      answer[j] += query[i] * state[i * step + j];
    }
}

SEQMIX_INLINE void read_state(const linear_stream *s, const float *eraser, const float *query,
                              float *erased, float *answer) {
  const float *state = s->past_rows;
  const float *written = s->present_rows == s->past_rows ? NULL : s->present_rows;
  int64_t d = 0, dims = s->problem->head_dim;
  if (eraser) memset(erased, 0, (size_t)s->columns * sizeof *erased);
  memset(answer, 0, (size_t)s->columns * sizeof *answer);
  for (; d + READ_ROWS <= dims; d += READ_ROWS, state += READ_ROWS * s->past_step) {
    fetch_rows(state + ROWS_AHEAD * s->past_step, s->past_step, s->columns);
    if (written)
      fetch_rows(written + (d + ROWS_AHEAD) * s->present_step, s->present_step, s->columns);
    read_rows(state, s->past_step, READ_ROWS, s->columns, eraser ? eraser + d : NULL, query + d,
              erased, answer);
  }
  for (; d < dims; d++, state += s->past_step)
    read_rows(state, s->past_step, 1, s->columns, eraser ? eraser + d : NULL, query + d, erased,
              answer);
}

SEQMIX_INLINE void write_state(const linear_stream *s, int writers, const float *const y[WRITERS]) {
  /* From the end, which has just been read. */
  for (int64_t d = s->problem->head_dim - 1; d >= 0; d--) {
    const float *from = s->past_rows + d * s->past_step;
    float *to = s->present_rows + d * s->present_step;
    vec part = vec_of(s->keep_part[d]), factor[WRITERS];
    ivec mask = ivec_of(s->keep_mask[d]);
#pragma GCC unroll 2
    for (int w = 0; w < writers; w++) factor[w] = vec_of(s->writer_rows[w][d]);
    int64_t j = 0;
    for (; j + LANES <= s->columns; j += LANES) {
      vec x = vec_load(from + j), sum = part * x;
#pragma GCC unroll 2
      for (int w = 0; w < writers; w++) sum += factor[w] * vec_load(y[w] + j);
      vec_store(to + j, vec_masked(mask, x) + sum);
    }
    for (; j < s->columns; j++) {
      float sum = s->keep_part[d] * from[j];
      for (int w = 0; w < writers; w++) sum += s->writer_rows[w][d] * y[w][j];
      to[j] = (s->keep_mask[d] ? from[j] : 0) + sum;
    }
  }
}

/* The chunk's one token. */
static void run_in_place(const linear_stream *s) {
  float *erased = columns_row(s, s->queries, 0), *y[WRITERS] = {0};
  const stream_reader *eraser = stream_eraser(s);
  for (int w = 0; w < s->writers; w++) y[w] = columns_row(s, s->queries + w, 0);
  for (int64_t query = s->queries - 1; query > 0; query--)
    read_state(s, NULL, s->readers[query].rows, NULL, columns_row(s, query, 0));
  if (s->has_eraser)
    read_state(s, eraser->rows, s->readers[0].rows, erased, columns_row(s, 0, 0));
  else
    read_state(s, NULL, s->readers[0].rows, NULL, columns_row(s, 0, 0));
  for (int64_t panel = 0; panel < s->panels; panel++) {
    int64_t column = panel * PRODUCT_COLUMNS;
    solve_token(s, panel, 0, erased + column);
    for (int64_t query = 0; query < s->queries; query++)
      answer_token(s, query, panel, 0, columns_row(s, query, column));
    /* Side by side; the first of these rows were those of erased numbers. */
    for (int w = 0; w < s->writers; w++)
      memcpy(y[w] + column, stream_values(s, w, panel), PRODUCT_COLUMNS * sizeof(float));
  }
  if (!s->present_rows) return;
  if (s->writers == 2)
    write_state(s, 2, (const float *const *)y);
  else if (s->writers == 1)
    write_state(s, 1, (const float *const *)y);
}

/* ---- the variant ----------------------------------------------------------------------------- */

/* Readers see the state before their token, with its decay unless they are early ones. */
static void decay_readers(linear_stream *s) {
  for (stream_reader *r = stream_first_reader(s); r < stream_end_of_readers(s); r++) {
    if (r->is_early || s->decay_kind == DECAY_NONE) continue;
    for (int64_t t = 0; t < s->count; t++)
      for (int64_t d = 0; d < s->dims; d += LANES) {
        float *at = r->rows + t * s->dims + d;
        vec alpha = s->decay_kind == DECAY_HEAD ? vec_of(s->alphas[t])
                                                : vec_load(s->alphas + t * s->dims + d);
        vec_store(at, alpha * vec_load(at));
      }
  }
}

static void run_chunk(linear_stream *s) {
  if (s->reads) stream_load_queries(s);
  if (s->writes) {
    stream_load_gates(s);
    stream_load_tokens(s);
    stream_load_values(s);
    stream_make_own_weights(s);
    decay_readers(s);
    for (int64_t t = 0; t < s->count; t++) stream_split_decays(s, t, 1, t);
  }
  for (int64_t t = 0; t < s->count && s->is_normalized; t++) stream_normalize_token(s, t);
  if (s->past_rows) {
    run_in_place(s);
    return;
  }
  for (int64_t panel = 0; panel < s->panels; panel++) run_panel(s, panel);
}

seqmix_status VARIANT(linear_attention, recurrent)(const seqmix_call *call,
                                                   const seqmix_problem *problem) {
  static const stream_algorithm algorithm = {run_chunk, .may_work_in_place = 1};
  stream_run(call, problem, &algorithm);
  return SEQMIX_OK;
}
