/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of linear attention: the tokens of one sequence as one state sees them, in f32 scratch,
 * a chunk at a time, for a block of value columns.
 *
 * All models are one recurrence here. Tokens *write* to the state with vectors k (and b), and
 * *read* it with vectors q and, for delta rules, e:
 *
 *     S_t  = alpha_t S_{t-1} + k_t y_t^T                     (dplr: k_t v_t^T + b_t y_t^T)
 *     y_t  = v_t                                             without an eraser
 *     y_t  = beta_t v_t - (alpha_t S_{t-1})^T e_t            delta rules
 *     y_t  = S_{t-1}^T a_t                                   dplr
 *     o_t  = S_t^T q_t
 *
 * Over a chunk that begins with the state S_0, with P(s, t) the product of alpha_{s+1} .. alpha_t,
 * every reader r of token t sees
 *
 *     S_0^T (P(0, t) r_t)  +  sum_{s <= t} (r_t . P(s, t) k_s) y_s
 *
 * so a chunk is products with S_0 and with a triangle of weights (r_t . P(s, t) k_s), and the y are
 * the solution of a triangular system. Products of decays are made by multiplying them, never as
 * exp of a difference of sums: so no decay is too strong.
 *
 * What tells the models apart is in the stream's first members and in its rows; load.c and gates.c
 * fill them, and what follows knows no model. */
#ifndef SEQMIX_CPU_LINEAR_ATTENTION_STREAM_H
#define SEQMIX_CPU_LINEAR_ATTENTION_STREAM_H

#include "cpu/linear_attention/plan.h"
#include "cpu/simd/level.h"
#include "cpu/simd/product.h"

/** Tokens of a chunk: whole tiles of the product. More would spend more on weights, less more on
 * moving the state. */
#ifndef SEQMIX_CHUNK_TOKENS
#define SEQMIX_CHUNK_TOKENS 24
#endif
enum {
  CHUNK_TOKENS = SEQMIX_CHUNK_TOKENS,
  CHUNK_PANELS = (CHUNK_TOKENS + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS,
  WEIGHT_STEP = CHUNK_PANELS * PRODUCT_COLUMNS /* from a row of weights to the next */
};
/** Rows that are turned at once: a tile's, in fours. */
enum {
  TURN_ROWS = (PRODUCT_ROWS + 3) / 4 * 4,
  TURNED_PANELS = (CHUNK_TOKENS / PRODUCT_ROWS * TURN_ROWS + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS
};
_Static_assert(CHUNK_TOKENS % PRODUCT_ROWS == 0, "whole tiles");

/** Writers are k and, with dplr, b. */
enum { WRITER_KEY, WRITER_LOW_RANK, WRITERS };

/** Rows that read the state: those of a query head, or the eraser's. */
typedef struct stream_reader {
  float *rows;             /* [CHUNK_TOKENS, dims] */
  float *weights[WRITERS]; /* [CHUNK_TOKENS, WEIGHT_STEP]: of writer s for the reader t */
  int is_early;            /* reads S_{t-1}: before the token's decay and writing */
  int64_t head;            /* of out; not the eraser's */
  int64_t query_head;      /* of q */
} stream_reader;

/** Rows that are used next, and how many of them have been asked for: see fetch.c. */
enum { FETCH_ARRAYS = 8 };
typedef struct fetched_rows {
  const char *first; /* the row of the stream's token 0 */
  int64_t step;      /* bytes from a token's row to the next one's */
  int64_t bytes;
} fetched_rows;
typedef struct stream_fetching {
  fetched_rows rows[FETCH_ARRAYS];
  int arrays;
  int array; /* the next row: of which array and token */
  int64_t token;
  int64_t end;     /* of the tokens */
  int64_t at_once; /* rows per occasion */
} stream_fetching;

/** One of the states that a task takes in turns. */
typedef struct stream_head {
  int64_t head, key_head;
  float *state;
  float *normalizer;
  double stabilizer;
  const float *past_rows;
  float *present_rows;
} stream_head;

typedef struct linear_stream {
  const seqmix_linear_attention_problem *problem;

  /* What the model is. */
  linear_decay decay_kind;
  int writers;             /* 1, or 2 with dplr */
  int64_t queries;         /* query heads that read this state */
  int has_eraser;          /* y is the solution of a triangular system */
  int has_channel_beta;    /* which is then multiplied row by row by `betas` */
  int is_normalized;       /* z is kept */
  int is_gated;            /* with an input gate: m is kept */
  int leaves_diagonal_out; /* a reverse pass beside a forward one: that has it */

  linear_plan plan;

  /* Which tokens and columns. */
  int64_t n;
  int64_t first_token; /* along the time axis */
  int64_t tokens;
  int64_t first_column, columns; /* of v */
  int64_t panels;                /* of them */
  int is_backwards;              /* token 0 of the stream is the last of the sequence */
  int owns_rest;                 /* it writes z and m, which column blocks share */
  const seqmix_view *decay;

  /* The states: those of heads[0] .. heads[group-1], and what follows of the present one. */
  stream_head *heads;
  int64_t group;
  stream_head *present;
  int64_t head, key_head;
  int64_t dims;      /* length of rows: D filled up with zeros */
  float *state;      /* [panels, dims, PRODUCT_COLUMNS] */
  float *normalizer; /* [dims]: z */
  double stabilizer; /* m */

  /* Where they lie, of a single token that works there; else past_rows is NULL. */
  const float *past_rows;
  float *present_rows; /* NULL: not wanted */
  int64_t past_step, present_step;

  /* The present pass over the tokens: whether queries read, and whether the state changes. */
  int reads, writes;

  stream_fetching fetch;

  /* The present chunk. */
  int64_t at;                  /* its first token of the stream */
  int64_t count;               /* its tokens */
  stream_reader *readers;      /* queries, then the eraser */
  float *writer_rows[WRITERS]; /* [CHUNK_TOKENS, dims] */
  float *turned[WRITERS]; /* [TURNED_PANELS, dims, PRODUCT_COLUMNS]: a writer's, tokens beside */
  float *prefix;          /* [dims] */
  float *values[WRITERS]; /* [panels, CHUNK_TOKENS, PRODUCT_COLUMNS]: v or y, then dplr's y */
  float *betas;           /* as values */
  float *decays;          /* [CHUNK_TOKENS] or [CHUNK_TOKENS, dims] */
  float *alphas;          /* the same: exp of them */
  float *pairs;           /* [CHUNK_TOKENS, WEIGHT_STEP]: P(s, t) where decay is per head */
  int32_t *keep_mask;     /* [CHUNK_TOKENS, dims]: see stream_split_decays() */
  float *keep_part;       /* the same */
  float *gains;           /* [CHUNK_TOKENS]: of k, with an input gate */
  float *past_gains;      /* [CHUNK_TOKENS]: of what early queries read of the past, with both */
  float *own_gains;       /* [CHUNK_TOKENS]: and of their own token */
  float *stabilizers;     /* [CHUNK_TOKENS]: m as queries have it */
  float *denominators;    /* [queries, CHUNK_TOKENS] */
  float *columns_rows;    /* [queries + WRITERS + 1, panels * PRODUCT_COLUMNS] */
  float *spare;           /* [TURN_ROWS, dims] */

  /* Of a forward pass that a reverse pass follows: [queries, tokens] each. */
  float *forward_values; /* times the columns, filled up */
  float *forward_denominators;
  float *forward_stabilizers;
} linear_stream;

static inline stream_reader *stream_eraser(const linear_stream *s) {
  return &s->readers[s->queries];
}

/** Readers of the present pass. */
static inline stream_reader *stream_first_reader(const linear_stream *s) {
  return s->readers + (s->reads ? 0 : s->queries);
}
static inline stream_reader *stream_end_of_readers(const linear_stream *s) {
  return s->readers + s->queries + s->has_eraser;
}

/** Tokens of the chunk, filled up to whole tiles. */
static inline int64_t stream_rows(const linear_stream *s) {
  return (s->count + PRODUCT_ROWS - 1) / PRODUCT_ROWS * PRODUCT_ROWS;
}

/** A panel of values or of the state. */
static inline float *stream_values(const linear_stream *s, int writer, int64_t panel) {
  return s->values[writer] + panel * CHUNK_TOKENS * PRODUCT_COLUMNS;
}
static inline float *stream_state(const linear_stream *s, int64_t panel) {
  return s->state + panel * s->dims * PRODUCT_COLUMNS;
}

/** Where token t of the stream lies along the time axis. */
static inline int64_t stream_time(const linear_stream *s, int64_t t) {
  return s->first_token + (s->is_backwards ? s->tokens - 1 - t : t);
}

static inline int64_t stream_element_bytes(const seqmix_view *view) {
  return view->dtype == SEQMIX_F32 ? 4 : 2;
}

/** Address of element `at` of a view. Strides of axes of length 1 are 0. */
static inline char *stream_address(const seqmix_view *view, int64_t at) {
  return (char *)view->data + at * stream_element_bytes(view);
}

/** Address of the row of token t of the stream, in a view [n, t, h, ...]. */
static inline char *stream_row(const linear_stream *s, const seqmix_view *view, int64_t t,
                               int64_t head) {
  return stream_address(
      view, s->n * view->stride[0] + stream_time(s, t) * view->stride[1] + head * view->stride[2]);
}

#define stream_bytes LEVEL(linear_stream_bytes)
#define stream_place LEVEL(linear_stream_place)
#define stream_open LEVEL(linear_stream_open)
#define stream_load_state LEVEL(linear_stream_load_state)
#define stream_store_state LEVEL(linear_stream_store_state)
#define stream_load_rest LEVEL(linear_stream_load_rest)
#define stream_store_rest LEVEL(linear_stream_store_rest)
#define stream_query_head LEVEL(linear_stream_query_head)
#define stream_select LEVEL(linear_stream_select)
#define stream_find_rows LEVEL(linear_stream_find_rows)
#define stream_run LEVEL(linear_stream_run)
#define stream_skip LEVEL(linear_stream_skip)
#define stream_load_queries LEVEL(linear_stream_load_queries)
#define stream_load_tokens LEVEL(linear_stream_load_tokens)
#define stream_load_values LEVEL(linear_stream_load_values)
#define stream_make_rows LEVEL(linear_stream_make_rows)
#define stream_run_panels LEVEL(linear_stream_run_panels)
#define stream_shared_bytes LEVEL(linear_stream_shared_bytes)
#define stream_run_shared LEVEL(linear_stream_run_shared)
#define stream_start_fetching LEVEL(linear_stream_start_fetching)
#define stream_fetch LEVEL(linear_stream_fetch)
#define stream_map_features LEVEL(linear_stream_map_features)
#define stream_load_gates LEVEL(linear_stream_load_gates)
#define stream_load_floats LEVEL(linear_stream_load_floats)
#define stream_split_decays LEVEL(linear_stream_split_decays)
#define stream_make_own_weights LEVEL(linear_stream_make_own_weights)
#define stream_make_pairs LEVEL(linear_stream_make_pairs)
#define stream_make_weights LEVEL(linear_stream_make_weights)
#define stream_weigh_channels LEVEL(linear_stream_weigh_channels)
#define stream_decay_rows LEVEL(linear_stream_decay_rows)
#define stream_normalize_chunk LEVEL(linear_stream_normalize_chunk)
#define stream_normalize_token LEVEL(linear_stream_normalize_token)
#define stream_turn_back LEVEL(linear_stream_turn_back)
#define stream_write_rows LEVEL(linear_stream_write_rows)

/** Bytes of scratch a stream needs, rounded to a cache line; UINT64_MAX if beyond counting. */
uint64_t stream_bytes(const seqmix_linear_attention_problem *problem, const linear_plan *plan);
/** Lays the stream's arrays out in `scratch`. */
void stream_place(linear_stream *stream, const seqmix_linear_attention_problem *problem,
                  const linear_plan *plan, void *scratch);
/** Sets what the task computes; 0 if the sequence has no state to begin with (state index -1). */
int stream_open(linear_stream *stream, int64_t task);
/** The query head that is number g of those that read state `head`. */
int64_t stream_query_head(const linear_stream *stream, int64_t head, int64_t g);
/** Makes heads[i] the present one. */
void stream_select(linear_stream *stream, int64_t i);

/** S before the first token. */
void stream_load_state(linear_stream *stream);
/** S to the present tensor, if that is asked for. */
void stream_store_state(linear_stream *stream);
/** The same of z and m. */
void stream_load_rest(linear_stream *stream);
void stream_store_rest(const linear_stream *stream);
/** Whether a single token can work where the past and present states lie; then sets where. */
int stream_find_rows(linear_stream *stream);
/** Zeros to the outputs of a sequence that has no state. */
void stream_skip(linear_stream *stream);

/** Tokens at .. at+count-1: rows of the readers q, times scale. */
void stream_load_queries(linear_stream *stream);
/** Rows of the writers and the eraser; after stream_load_queries(), as dplr's
 * and bonus's readers need both. */
void stream_load_tokens(linear_stream *stream);
/** Values, times beta where that belongs to them. */
void stream_load_values(linear_stream *stream);
/** The rows that are used next, of the next head or chunk, are to be fetched on so many
 * occasions. */
void stream_start_fetching(linear_stream *stream, int64_t occasions);
/** One of them. */
void stream_fetch(linear_stream *stream);
/** The feature map on a row of `count` floats. */
void stream_map_features(int32_t map, float *row, int64_t count);
/** Decays of the chunk as factors; with an input gate the gains of k, and m. */
void stream_load_gates(linear_stream *stream);
/** `count` floats, `stride` elements apart, filled up with zeros to `padded`. */
void stream_load_floats(float *to, const void *from, int32_t dtype, int64_t stride, int64_t count,
                        int64_t padded);

/** P(s, t) where decay is per head. */
void stream_make_pairs(linear_stream *stream);
/** Sets the readers' weights. */
void stream_make_weights(linear_stream *stream);
/** Only those of each token for itself; then readers see the decay of their own token. */
void stream_make_own_weights(linear_stream *stream);
/** The part of stream_make_weights() where decay is per key channel. */
void stream_weigh_channels(linear_stream *stream);
/** After that: multiplies rows by the decays between them and the chunk's ends. */
void stream_decay_rows(linear_stream *stream);
/** The decay over `count` tokens from `first` on, exp of the sum of theirs, into row `row` of
 * keep_mask and keep_part. What it leaves of x is x, if the mask is all ones, plus part * x: near 1
 * the decay is 1 plus a small part, so that a slow one is as exact after thousands of chunks as
 * after one. */
void stream_split_decays(linear_stream *stream, int64_t first, int64_t count, int64_t row);
/** The denominators of the chunk's tokens, and z after them. */
void stream_normalize_chunk(linear_stream *stream);
/** The same, of one token. */
void stream_normalize_token(linear_stream *stream, int64_t t);

/** After the forward pass of two: what the reverse pass computes. */
void stream_turn_back(linear_stream *stream);

/** Finishes rows [rows, PRODUCT_COLUMNS] of tokens from t on: normalises, joins passes, rounds. */
void stream_write_rows(const linear_stream *stream, int64_t query, int64_t t, int64_t rows,
                       int64_t panel, const float *values);

/** All of a chunk that needs neither values nor the state: rows, weights, decays. */
void stream_make_rows(linear_stream *stream);
/** The rest of it: products per panel. */
void stream_run_panels(linear_stream *stream);

/** The chunked algorithm where blocks of columns share rows and weights (linear_plan::may_share),
 * and its workspace. */
void stream_run_shared(const seqmix_call *call, const seqmix_linear_attention_problem *problem,
                       const linear_plan *plan);
uint64_t stream_shared_bytes(const seqmix_linear_attention_problem *problem,
                             const linear_plan *plan);

/** An algorithm: what it does with a chunk whose tokens are at .. at+count-1. */
typedef struct stream_algorithm {
  void (*run_chunk)(linear_stream *stream);
  int may_work_in_place; /* on past_rows and present_rows */
} stream_algorithm;

/** Computes a call with it. */
void stream_run(const seqmix_call *call, const seqmix_problem *problem,
                const stream_algorithm *algorithm);

#endif
