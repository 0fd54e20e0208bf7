/* SPDX-License-Identifier: Apache-2.0 */
/* attention of few queries: the keys are what there is to share out.
 *
 * Keys are cut into pieces, the same for any number of processors. A work-group takes ROWS rows,
 * pairs of a query and a head that shares its kv head (as in tile.h), through the keys of a piece,
 * KEYS at a time, with the softmax of prefill.c. It leaves per row
 *
 *     m = max_j s[j],   l = sum_j exp(s[j] - m),   o = sum_j exp(s[j] - m) v[j]
 *
 * in workspace, and attention_join makes of all pieces
 *
 *     M = max_n m_n,    out = sum_n exp(m_n - M) o_n / sum_n exp(m_n - M) l_n
 *
 * The first piece begins with the sink. Lanes are elements of a row here: a key is a few of them.
 *
 * Constants: DIM, ROWS, KEYS, LANES, ITEMS. Memory bounds it: each key is read once per ROWS. */
#include "attention/pieces.h"

/* Rows that a loaded key meets in registers. */
enum { ROW_STEP = 4 };

/* Distances in local memory, and what it is carved into. */
enum {
  KEY_FLOATS = DIM + LANES,
  SCORE_FLOATS = KEYS + 1,
  QUERIES_AT = 0,                               /* [ROWS, DIM], times scale */
  KEYS_AT = QUERIES_AT + ROWS * DIM,            /* [KEYS, KEY_FLOATS], then values */
  SCORES_AT = KEYS_AT + KEYS * KEY_FLOATS,      /* [ROWS, SCORE_FLOATS] */
  LARGEST_AT = SCORES_AT + ROWS * SCORE_FLOATS, /* [ROWS] */
  SHRINK_AT = LARGEST_AT + ROWS,                /* [ROWS] */
  DENOMINATORS_AT = SHRINK_AT + ROWS,           /* [ROWS] */
  BLOCK_FLOATS = DENOMINATORS_AT + ROWS
};

/* The items of a GPU keep their sums in registers, a lone one in its cache. */
#if ITEMS == 1
#define UNROLL_SUMS
#else
#define UNROLL_SUMS UNROLL
#endif

/* Lanes of value dimensions; an item has every ITEMS-th. */
enum { COLUMNS = DIM / LANES, COLUMN_TRIPS = (COLUMNS + ITEMS - 1) / ITEMS };

/* Items that share a row as it is loaded. */
enum { ROW_TEAM = ITEMS < COLUMNS ? ITEMS : COLUMNS, ROW_TEAMS = ITEMS / ROW_TEAM };

typedef struct part {
  attention_sequence of;
  int64_t kv_head;
  int64_t piece;
  int64_t first_row; /* among the sequence's queries times group */
  int64_t group;
  int32_t rows, live; /* rows there are, and rows with keys */
} part;

DEVICE int64_t part_query(const part *p, int32_t row) { return (p->first_row + row) / p->group; }
DEVICE int64_t part_head(const attention_arguments *a, const part *p, int32_t row) {
  return head_of(a, p->kv_head, (p->first_row + row) % p->group);
}

DEVICE int32_t at_most_rows(int64_t rows) {
  return rows < 0 ? 0 : rows < ROWS ? (int32_t)rows : ROWS;
}

DEVICE part find_part(const attention_arguments *a, const attention_memory *m) {
  part p;
  p.group = a->q_heads / a->kv_heads;
  int64_t blocks = (a->query_length * p.group + ROWS - 1) / ROWS, number = group_number();
  p.piece = number % a->pieces;
  number /= a->pieces;
  p.first_row = number % blocks * ROWS;
  number /= blocks;
  p.kv_head = number % a->kv_heads;
  p.of = attention_sequence_at(a, m, number / a->kv_heads);
  p.rows = at_most_rows(p.of.q_rows * p.group - p.first_row);
  p.live = at_most_rows(p.of.q_live * p.group - p.first_row);
  return p;
}

/* ---- a block of keys ------------------------------------------------------------------------- */

DEVICE void load_queries(const attention_arguments *a, const attention_memory *m, const part *p,
                         LOCAL float *block) {
  int32_t team = (int32_t)item_number() / ROW_TEAM, mate = (int32_t)item_number() % ROW_TEAM;
  for (int32_t row = team; row < ROWS && team < ROW_TEAMS; row += ROW_TEAMS) {
    int is_there = row < p->live;
    int64_t at = is_there ? row_at(&a->q, &p->of, part_query(p, row), part_head(a, p, row)) : 0;
    for (int32_t d = mate; d < DIM; d += ROW_TEAM)
      block[QUERIES_AT + row * DIM + d] =
          is_there && d < a->head_dim ? a->scale * load_element(m->q, a->q.dtype, at + d) : 0.0f;
  }
}

DEVICE lane load_part_of_row(const GLOBAL uint8_t *data, int32_t dtype, int64_t at, int64_t dim,
                             int32_t d) {
  int64_t left = dim - d;
  if (left <= 0) return lane_of(0.0f);
  return load_lanes(data, dtype, at + d, 1, left < LANES ? (int32_t)left : LANES, 0.0f);
}

/* Rows of k or v, `dim` long, of the block's keys; 0 where there is none. */
DEVICE INLINE void load_rows(const attention_arguments *a, const attention_memory *m, const part *p,
                             const attention_rows *of, const GLOBAL uint8_t *data, int64_t dim,
                             int64_t first, int32_t count, LOCAL float *block) {
  int32_t team = (int32_t)item_number() / ROW_TEAM, mate = (int32_t)item_number() % ROW_TEAM;
  for (int32_t j = team; j < KEYS && team < ROW_TEAMS; j += ROW_TEAMS) {
    LOCAL float *to = block + KEYS_AT + j * KEY_FLOATS;
    key_place place = {-1, 0};
    if (j < count) place = place_key(a, m, &p->of, first + j);
    int64_t at = key_at(of, place, p->kv_head), there = place.outer < 0 ? 0 : dim;
    for (int32_t d = mate * LANES; d < DIM; d += ROW_TEAM * LANES)
      lane_store_local(to, d, load_part_of_row(data, of->dtype, at, there, d));
  }
}

/* scale * q.k */
DEVICE void multiply_keys(const attention_arguments *a, const part *p, LOCAL float *block) {
  for (int32_t at = (int32_t)item_number(); at < ROWS / ROW_STEP * KEYS; at += ITEMS) {
    int32_t j = at % KEYS, row = at / KEYS * ROW_STEP;
    const LOCAL float *key = block + KEYS_AT + j * KEY_FLOATS;
    const LOCAL float *queries = block + QUERIES_AT + row * DIM;
    lane sums[ROW_STEP];
    if (row >= p->live) continue;
    UNROLL for (int32_t r = 0; r < ROW_STEP; r++) sums[r] = lane_of(0.0f);
    for (int32_t d = 0; d < a->head_dim; d += LANES) {
      lane x = lane_load_local(key, d);
      UNROLL for (int32_t r = 0; r < ROW_STEP; r++) sums[r] =
          lane_multiply_add(lane_load_local(queries, r * DIM + d), x, sums[r]);
    }
    UNROLL for (int32_t r = 0; r < ROW_STEP; r++) block[SCORES_AT + (row + r) * SCORE_FLOATS + j] =
        lane_sum(sums[r]);
  }
}

enum { TERM_TEAM = ITEMS < KEYS ? ITEMS : KEYS, TERM_TEAMS = ITEMS / TERM_TEAM };

/* All that is not the product; -inf for keys that are masked, or not of the piece. */
DEVICE void add_terms(const attention_arguments *a, const attention_memory *m, const part *p,
                      int64_t first, int64_t end, LOCAL float *block) {
  int32_t team = (int32_t)item_number() / TERM_TEAM, mate = (int32_t)item_number() % TERM_TEAM;
  for (int32_t row = team; row < p->live && team < TERM_TEAMS; row += TERM_TEAMS) {
    score_row of = score_row_of(a, m, &p->of, part_query(p, row), part_head(a, p, row));
    LOCAL float *scores = block + SCORES_AT + row * SCORE_FLOATS;
    for (int32_t j = mate; j < KEYS; j += TERM_TEAM)
      scores[j] = first + j < end ? final_score(a, m, &of, first + j, scores[j]) : -INFINITY;
  }
}

/* ---- softmax --------------------------------------------------------------------------------- */

DEVICE void start_rows(const attention_arguments *a, const attention_memory *m, const part *p,
                       LOCAL float *block) {
  for (int32_t row = (int32_t)item_number(); row < ROWS; row += ITEMS) {
    float sink = -INFINITY;
    if (row < p->live && p->piece == 0) sink = sink_of(a, m, part_head(a, p, row));
    block[LARGEST_AT + row] = sink;
    block[SHRINK_AT + row] = 0.0f;
    block[DENOMINATORS_AT + row] = denominator_of_sink(sink);
  }
}

DEVICE void find_largest(const part *p, LOCAL float *block) {
  for (int32_t row = (int32_t)item_number(); row < p->live; row += ITEMS) {
    float before = block[LARGEST_AT + row], largest = before;
    for (int32_t j = 0; j < KEYS; j++)
      largest = fmax(largest, block[SCORES_AT + row * SCORE_FLOATS + j]);
    block[LARGEST_AT + row] = largest;
    block[SHRINK_AT + row] = shrink_to(before, largest);
  }
}

DEVICE void exponentiate(const part *p, LOCAL float *block) {
  for (int32_t at = (int32_t)item_number(); at < p->live * KEYS; at += ITEMS) {
    int32_t row = at / KEYS;
    LOCAL float *score = block + SCORES_AT + row * SCORE_FLOATS + at % KEYS;
    float largest = block[LARGEST_AT + row];
    *score = exp(*score - (largest == -INFINITY ? 0.0f : largest));
  }
}

DEVICE void add_denominators(const part *p, LOCAL float *block) {
  for (int32_t row = (int32_t)item_number(); row < p->live; row += ITEMS) {
    float sum = 0.0f;
    for (int32_t j = 0; j < KEYS; j++) sum += block[SCORES_AT + row * SCORE_FLOATS + j];
    block[DENOMINATORS_AT + row] = block[DENOMINATORS_AT + row] * block[SHRINK_AT + row] + sum;
  }
}

/* sums = shrink * sums + p v of the item's columns; `sums` is [COLUMN_TRIPS, ROWS]. A block's sum
 * begins at zero: long rows of keys are summed by blocks, which keeps their last digits. */
DEVICE void add_values(const attention_arguments *a, const part *p, int32_t count,
                       const LOCAL float *block, lane *sums) {
  UNROLL_SUMS for (int32_t c = 0; c < COLUMN_TRIPS; c++) {
    int32_t d = ((int32_t)item_number() + c * ITEMS) * LANES;
    const LOCAL float *values = block + KEYS_AT + d;
    UNROLL_SUMS for (int32_t row = 0; row < ROWS; row += ROW_STEP) {
      const LOCAL float *weights = block + SCORES_AT + row * SCORE_FLOATS;
      lane own[ROW_STEP];
      if (d >= a->value_dim || row >= p->live) continue;
      UNROLL for (int32_t r = 0; r < ROW_STEP; r++) own[r] = lane_of(0.0f);
      for (int32_t j = 0; j < count; j++) {
        lane x = lane_load_local(values, j * KEY_FLOATS);
        UNROLL for (int32_t r = 0; r < ROW_STEP; r++) own[r] =
            lane_multiply_add(lane_of(weights[r * SCORE_FLOATS + j]), x, own[r]);
      }
      UNROLL for (int32_t r = 0; r < ROW_STEP; r++) {
        lane before = sums[c * ROWS + row + r];
        sums[c * ROWS + row + r] =
            lane_multiply_add(before, lane_of(block[SHRINK_AT + row + r]), own[r]);
      }
    }
  }
}

DEVICE void store_part(const attention_arguments *a, const part *p, parts to,
                       const LOCAL float *block, const lane *sums) {
  UNROLL_SUMS for (int32_t row = 0; row < ROWS; row++) {
    if (row >= p->rows) continue;
    int64_t at = part_at(a, &p->of, part_query(p, row), part_head(a, p, row), p->piece);
    UNROLL_SUMS for (int32_t c = 0; c < COLUMN_TRIPS; c++) {
      int32_t d = ((int32_t)item_number() + c * ITEMS) * LANES;
      int64_t left = a->value_dim - d;
      if (left > 0)
        store_lanes((GLOBAL uint8_t *)to.sums, TYPE_F32, at * a->value_dim + d, 1,
                    left < LANES ? (int32_t)left : LANES, sums[c * ROWS + row]);
    }
    if (item_number() == 0) {
      to.largest[at] = block[LARGEST_AT + row];
      to.denominators[at] = block[DENOMINATORS_AT + row];
    }
  }
}

KERNEL void attention_decode(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  LOCAL_BLOCK(block, BLOCK_FLOATS);
  lane sums[COLUMN_TRIPS * ROWS];
  part p = find_part(&a, &m);
  int64_t last = part_query(&p, p.live > 0 ? p.live - 1 : 0);
  key_range keys = keys_of_rows(&a, &p.of, part_query(&p, 0), last);
  key_range all = keys_of_all_rows(&a, &p.of, part_query(&p, 0), last);
  int64_t begin = p.piece * a.piece, end = begin + a.piece;
  if (end > keys.end) end = keys.end;
  if (begin < keys.begin) begin = keys.begin / KEYS * KEYS;
  UNROLL_SUMS for (int32_t i = 0; i < COLUMN_TRIPS * ROWS; i++) sums[i] = lane_of(0.0f);
  start_rows(&a, &m, &p, block);
  load_queries(&a, &m, &p, block);
  for (int64_t first = begin; first < end; first += KEYS) {
    int64_t left = end - first;
    int32_t count = left < KEYS ? (int32_t)left : KEYS;
    group_barrier();
    load_rows(&a, &m, &p, &a.k, m.k, a.head_dim, first, count, block);
    group_barrier();
    multiply_keys(&a, &p, block);
    group_barrier();
    if (a.has_terms || first < all.begin || first + KEYS > all.end)
      add_terms(&a, &m, &p, first, end, block);
    group_barrier();
    find_largest(&p, block);
    group_barrier();
    exponentiate(&p, block);
    load_rows(&a, &m, &p, &a.v, m.v, a.value_dim, first, count, block);
    group_barrier();
    add_denominators(&p, block);
    add_values(&a, &p, count, block, sums);
  }
  group_barrier();
  store_part(&a, &p, parts_of(&a, work), block, sums);
}
