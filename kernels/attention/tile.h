/* SPDX-License-Identifier: Apache-2.0 */
/* A tile of prefill (rows.h) against KEYS keys, in local memory.
 *
 * Lanes are rows, everywhere: queries lie transposed, keys and values as they come, each number of
 * theirs meeting a lane of rows. So the softmax has no sums across lanes, and nothing is transposed
 * but queries on their way in and sums on their way out.
 *
 * A column is a lane of rows. Items stand in a grid, COLUMN_ITEMS by KEY_ITEMS: an item has
 * COLUMN_TRIPS columns and, of them, the scores of KEY_TRIPS keys and the sums of VALUE_TRIPS value
 * dimensions, in strides of the grid. It takes them in steps that fit registers. */
#include "attention/rows.h"

enum {
  COLUMNS = ROWS / LANES,
  COLUMN_ITEMS = COLUMNS / COLUMN_TRIPS,
  KEY_ITEMS = ITEMS / COLUMN_ITEMS,
  KEY_TRIPS = KEYS / KEY_ITEMS,
  VALUE_TRIPS = DIM / KEY_ITEMS
};

/* A lone item is a thread of a CPU, of 16 vector registers; the items of a GPU keep all they have
 * in theirs. */
#if ITEMS == 1
enum { COLUMN_STEP = 1, KEY_STEP = 4, VALUE_STEP = 4 };
#define QUERY_AT(column, d) (((column)*DIM + (d)) * LANES)
#else
enum { COLUMN_STEP = COLUMN_TRIPS, KEY_STEP = KEY_TRIPS, VALUE_STEP = VALUE_TRIPS };
#define QUERY_AT(column, d) (((d)*COLUMNS + (column)) * LANES)
#endif

/* Distances in local memory, apart from powers of two: banks, or sets of a cache. */
enum { KEY_FLOATS = DIM + LANES, SCORE_FLOATS = ROWS + LANES };

/* What a work-group's local memory is carved into. */
enum {
  QUERIES_AT = 0,                          /* [DIM, ROWS] or [COLUMNS, DIM, LANES], times scale */
  ROWS_AT = QUERIES_AT + DIM * ROWS,       /* [KEYS, KEY_FLOATS]: keys, then values */
  SCORES_AT = ROWS_AT + KEYS * KEY_FLOATS, /* [KEYS, SCORE_FLOATS] */
  LARGEST_AT = SCORES_AT + KEYS * SCORE_FLOATS, /* [ROWS] */
  SHRINK_AT = LARGEST_AT + ROWS,                /* [ROWS]: factor of the sums so far */
  DENOMINATORS_AT = SHRINK_AT + ROWS,           /* [ROWS] */
  TILE_FLOATS = DENOMINATORS_AT + ROWS
};

/* The item's place in the grid. */
DEVICE int32_t own_column(void) { return (int32_t)item_number() % COLUMN_ITEMS; }
DEVICE int32_t own_key(void) { return (int32_t)item_number() / COLUMN_ITEMS; }

/* Columns that are worked on: a lone item leaves out those without rows, of a group's items each
 * has its own. */
DEVICE int32_t tile_columns(const tile *t) {
  return ITEMS == 1 ? (t->live + LANES - 1) / LANES : COLUMNS;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* Items that share a row of q, k or v; each takes every ROW_TEAM-th lane or element of it. */
enum { ROW_TEAM = ITEMS < DIM / LANES ? ITEMS : DIM / LANES, ROW_TEAMS = ITEMS / ROW_TEAM };

DEVICE void load_queries(const attention_arguments *a, const attention_memory *m, const tile *t,
                         LOCAL float *block) {
  int32_t team = (int32_t)item_number() / ROW_TEAM, mate = (int32_t)item_number() % ROW_TEAM;
  for (int32_t row = team; row < ROWS; row += ROW_TEAMS) {
    LOCAL float *to = block + QUERIES_AT + row % LANES;
    int is_there = row < t->live;
    int64_t at = is_there ? row_at(&a->q, &t->of, tile_query(t, row), tile_head(a, t, row)) : 0;
    for (int32_t d = mate; d < a->head_dim; d += ROW_TEAM)
      to[QUERY_AT(row / LANES, d)] =
          is_there ? a->scale * load_element(m->q, a->q.dtype, at + d) : 0.0f;
  }
}

/* Keys first .. first+count-1 of k or v, `dim` elements each, and zeros up to KEYS and DIM. */
DEVICE INLINE void load_rows(const attention_arguments *a, const attention_memory *m, const tile *t,
                             const attention_rows *rows, const GLOBAL uint8_t *data, int64_t dim,
                             int64_t first, int32_t count, LOCAL float *block) {
  int32_t team = (int32_t)item_number() / ROW_TEAM, mate = (int32_t)item_number() % ROW_TEAM;
  for (int32_t j = team; j < KEYS; j += ROW_TEAMS) {
    LOCAL float *to = block + ROWS_AT + j * KEY_FLOATS;
    key_place place = {-1, 0};
    if (j < count) place = place_key(a, m, &t->of, first + j);
    int64_t at = key_at(rows, place, t->kv_head);
    for (int32_t d = mate * LANES; d < DIM; d += ROW_TEAM * LANES) {
      int64_t left = place.outer < 0 ? 0 : dim - d;
      lane x = lane_of(0.0f);
      if (left > 0)
        x = load_lanes(data, rows->dtype, at + d, 1, left < LANES ? (int32_t)left : LANES, 0.0f);
      lane_store_local(to, d, x);
    }
  }
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* scale * q.k of the item's columns and keys. */
DEVICE void multiply_keys(const attention_arguments *a, const tile *t, int32_t count,
                          LOCAL float *block) {
  const LOCAL float *queries = block + QUERIES_AT;
  int32_t columns = tile_columns(t), dim = (int32_t)a->head_dim;
  for (int32_t c = 0; c < COLUMN_TRIPS && c * COLUMN_ITEMS < columns; c += COLUMN_STEP) {
    for (int32_t k = 0; k < KEY_TRIPS && k * KEY_ITEMS < count; k += KEY_STEP) {
      const LOCAL float *keys = block + ROWS_AT + (own_key() + k * KEY_ITEMS) * KEY_FLOATS;
      lane sums[COLUMN_STEP][KEY_STEP];
      UNROLL for (int32_t i = 0; i < COLUMN_STEP; i++) {
        UNROLL for (int32_t j = 0; j < KEY_STEP; j++) sums[i][j] = lane_of(0.0f);
      }
      for (int32_t d = 0; d < dim; d++) {
        UNROLL for (int32_t i = 0; i < COLUMN_STEP; i++) {
          lane q = lane_load_local(queries, QUERY_AT(own_column() + (c + i) * COLUMN_ITEMS, d));
          UNROLL for (int32_t j = 0; j < KEY_STEP; j++) sums[i][j] =
              lane_multiply_add(q, lane_of(keys[j * KEY_ITEMS * KEY_FLOATS + d]), sums[i][j]);
        }
      }
      UNROLL for (int32_t i = 0; i < COLUMN_STEP; i++) {
        UNROLL for (int32_t j = 0; j < KEY_STEP; j++)
            lane_store_local(block,
                             SCORES_AT + (own_key() + (k + j) * KEY_ITEMS) * SCORE_FLOATS +
                                 (own_column() + (c + i) * COLUMN_ITEMS) * LANES,
                             sums[i][j]);
      }
    }
  }
}

enum { TERM_TEAM = ITEMS < KEYS ? ITEMS : KEYS, TERM_TEAMS = ITEMS / TERM_TEAM };

/* All that is not the product; -inf for keys that are masked, and in rows that are not there. */
DEVICE void add_terms(const attention_arguments *a, const attention_memory *m, const tile *t,
                      int64_t first, int32_t columns, LOCAL float *block) {
  int32_t team = (int32_t)item_number() / TERM_TEAM, mate = (int32_t)item_number() % TERM_TEAM;
  for (int32_t row = team; row < columns * LANES; row += TERM_TEAMS) {
    score_row of = score_row_of(a, m, &t->of, tile_query(t, row), tile_head(a, t, row));
    LOCAL float *scores = block + SCORES_AT + row;
    for (int32_t j = mate; j < KEYS; j += TERM_TEAM)
      scores[j * SCORE_FLOATS] = final_score(a, m, &of, first + j, scores[j * SCORE_FLOATS]);
  }
}

/* ---- softmax --------------------------------------------------------------------------------- */

DEVICE void start_rows(const attention_arguments *a, const attention_memory *m, const tile *t,
                       LOCAL float *block) {
  for (int32_t row = (int32_t)item_number(); row < ROWS; row += ITEMS) {
    float sink = row < t->live ? sink_of(a, m, tile_head(a, t, row)) : -INFINITY;
    block[LARGEST_AT + row] = sink;
    block[DENOMINATORS_AT + row] = denominator_of_sink(sink);
  }
}

/* The largest score so far of each row, and by what that shrinks what there is. */
DEVICE void find_largest(LOCAL float *block, int32_t columns) {
  for (int32_t c = (int32_t)item_number(); c < columns; c += ITEMS) {
    lane before = lane_load_local(block, LARGEST_AT + c * LANES), largest = before;
    for (int32_t j = 0; j < KEYS; j++)
      largest = lane_max(largest, lane_load_local(block, SCORES_AT + j * SCORE_FLOATS + c * LANES));
    lane shrink = lane_exp(before - largest);
    lane_int is_dead = largest == lane_of(-INFINITY);
    lane_store_local(block, LARGEST_AT + c * LANES, largest);
    lane_store_local(block, SHRINK_AT + c * LANES, lane_select(is_dead, lane_of(0.0f), shrink));
  }
}

/* Scores become exp(s - largest). */
DEVICE void exponentiate(const tile *t, LOCAL float *block, int32_t columns) {
  for (int32_t c = own_column(); c < columns; c += COLUMN_ITEMS) {
    lane largest = lane_load_local(block, LARGEST_AT + c * LANES);
    largest = lane_select(largest == lane_of(-INFINITY), lane_of(0.0f), largest);
    for (int32_t j = own_key(); j < KEYS; j += KEY_ITEMS) {
      int32_t at = SCORES_AT + j * SCORE_FLOATS + c * LANES;
      lane_store_local(block, at, lane_exp(lane_load_local(block, at) - largest));
    }
  }
}

/* ---- values ---------------------------------------------------------------------------------- */

DEVICE void add_denominators(const tile *t, LOCAL float *block, int32_t columns) {
  if (own_key() != 0) return;
  for (int32_t c = own_column(); c < columns; c += COLUMN_ITEMS) {
    lane sum = lane_of(0.0f);
    for (int32_t j = 0; j < KEYS; j++)
      sum += lane_load_local(block, SCORES_AT + j * SCORE_FLOATS + c * LANES);
    int32_t at = DENOMINATORS_AT + c * LANES;
    lane before = lane_load_local(block, at) * lane_load_local(block, SHRINK_AT + c * LANES);
    lane_store_local(block, at, before + sum);
  }
}

/* sums = shrink * sums + p v, for the item's columns and value dimensions. A tile's sum begins at
 * zero: long rows of keys are summed by tiles, which keeps their last digits. */
DEVICE void add_values(const attention_arguments *a, const tile *t, int32_t count,
                       const LOCAL float *block, lane *all) {
  int32_t columns = tile_columns(t), dim = (int32_t)a->value_dim;
  for (int32_t c = 0; c < COLUMN_TRIPS && c * COLUMN_ITEMS < columns; c += COLUMN_STEP) {
    const LOCAL float *weights = block + SCORES_AT + (own_column() + c * COLUMN_ITEMS) * LANES;
    for (int32_t v = 0; v < VALUE_TRIPS && v * KEY_ITEMS < dim; v += VALUE_STEP) {
      const LOCAL float *values = block + ROWS_AT + own_key() + v * KEY_ITEMS;
      lane sums[COLUMN_STEP][VALUE_STEP];
      UNROLL for (int32_t i = 0; i < COLUMN_STEP; i++) {
        UNROLL for (int32_t e = 0; e < VALUE_STEP; e++) sums[i][e] = lane_of(0.0f);
      }
      for (int32_t j = 0; j < count; j++) {
        UNROLL for (int32_t i = 0; i < COLUMN_STEP; i++) {
          lane p = lane_load_local(weights, j * SCORE_FLOATS + i * COLUMN_ITEMS * LANES);
          UNROLL for (int32_t e = 0; e < VALUE_STEP; e++) sums[i][e] =
              lane_multiply_add(p, lane_of(values[j * KEY_FLOATS + e * KEY_ITEMS]), sums[i][e]);
        }
      }
      UNROLL for (int32_t i = 0; i < COLUMN_STEP; i++) {
        lane shrink =
            lane_load_local(block, SHRINK_AT + (own_column() + (c + i) * COLUMN_ITEMS) * LANES);
        UNROLL for (int32_t e = 0; e < VALUE_STEP; e++) {
          lane *sum = &all[(c + i) * VALUE_TRIPS + v + e];
          *sum = lane_multiply_add(*sum, shrink, sums[i][e]);
        }
      }
    }
  }
}

/* ---- results --------------------------------------------------------------------------------- */

DEVICE void store_sums(const attention_arguments *a, const attention_memory *m, const tile *t,
                       const LOCAL float *block, const lane *all) {
  for (int32_t c = 0; c < COLUMN_TRIPS; c++) {
    int32_t row = (own_column() + c * COLUMN_ITEMS) * LANES;
    int64_t at[LANES];
    float over[LANES];
    for (int32_t l = 0; l < LANES && row + l < t->rows; l++) {
      float denominator = row + l < t->live ? block[DENOMINATORS_AT + row + l] : 0.0f;
      at[l] = row_at(&a->out, &t->of, tile_query(t, row + l), tile_head(a, t, row + l));
      over[l] = denominator == 0.0f ? 0.0f : 1.0f / denominator;
    }
    for (int32_t v = 0; v < VALUE_TRIPS; v++) {
      int32_t d = own_key() + v * KEY_ITEMS;
      float each[LANES];
      if (d >= a->value_dim) continue;
      lane_to_array(each, all[c * VALUE_TRIPS + v]);
      for (int32_t l = 0; l < LANES && row + l < t->rows; l++)
        store_element(m->out, a->out.dtype, at[l] + d, over[l] == 0.0f ? 0.0f : each[l] * over[l]);
    }
  }
}

DEVICE void store_lse(const attention_arguments *a, const attention_memory *m, const tile *t,
                      const LOCAL float *block) {
  if (!a->lse.dtype) return;
  for (int32_t row = (int32_t)item_number(); row < t->rows; row += ITEMS) {
    float denominator = block[DENOMINATORS_AT + row];
    float lse = row >= t->live || denominator == 0.0f ? -INFINITY
                                                      : block[LARGEST_AT + row] + log(denominator);
    store_element(m->lse, a->lse.dtype,
                  lse_at(&a->lse, &t->of, tile_query(t, row), tile_head(a, t, row)), lse);
  }
}
