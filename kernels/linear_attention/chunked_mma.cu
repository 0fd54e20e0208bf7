/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention in chunks on tensor cores, second half: what chunked.c does, with a state in
 * registers. A work-group takes PANEL columns of a state through the chunks of a window, a warp 16
 * of them and with these all DIM rows. weights_mma.cu leaves the chunks' rows in workspace, split
 * into two of bf16 (split.h).
 *
 * All is turned: columns of the state are rows of the fragments, so that a product, split, is the
 * left side of the next one without leaving its registers:
 *
 *     y^T = v^T T^T + S^T (T E)^T        [16, CHUNK]
 *     o^T = S^T (P q)^T + y^T W^T        [16, CHUNK], for each query
 *     S^T = P(0, end) S^T + y^T (P k)    [16, DIM]
 *
 * On the right are rows that all warps share: T E, T, then P q and W of each query, then P k. They
 * come through STAGES stages of local memory, each copied while those before it are used. Squares
 * right of a triangle's diagonal are left out. The sum of a chunk begins at zero and is added to
 * the state once, as tensor cores may cut what they add to a large number.
 *
 * What is not finite would pass through a triangle's zeros to earlier tokens. So a chunk with a
 * state or y that is not finite, or with such rows, goes number by number (pass_exactly), with the
 * state in workspace.
 *
 * Per chunk and block of columns it is 2 CHUNK PANEL (3 DIM + CHUNK + 16) operations with an eraser
 * and one query (CHUNK DIM PANEL for each of S read twice and written, half a square for each
 * triangle), three times that on tensor cores, for 4 CHUNK (3 DIM + 2 CHUNK) bytes of rows, which
 * mostly come from the second-level cache, and 4 CHUNK PANEL of v and out. At CHUNK 64, DIM 128 and
 * PANEL 64 that is 11.4 M multiply-adds on tensor cores for 147 KB: 155 operations per byte, which
 * on an H200 (989 TFLOP/s for bf16 by its data sheet, a part of that by mma.sync) puts rows at some
 * 5 TB/s of the second-level cache beside full tensor cores: both matter. Not measured.
 *
 * Constants: LANES, HALF=3, ITEMS, DIM, CHUNK, LOCAL_BYTES. */
#include "linear_attention/split.h"
#include "linear_attention/state.h"

#define PANEL (ITEMS / 2)
#define STAGES 2
#define ROW_UNIT 8 /* numbers of 16 bits that are copied at once */

/* Rows of a stage: what is high, what is low, and so much that rows begin in different banks. */
#define ROW_OF(columns) (2 * (columns) + ROW_UNIT)
#define STAGE_NUMBERS (CHUNK * ROW_OF(DIM))

/* Rows of values and results in local memory, [CHUNK, PANEL]: fragments meet no bank twice. */
#define VALUE_ROW (PANEL + 4)

#define TOKEN_TILES (CHUNK / 8)
#define STATE_TILES (DIM / 8)

/* What local memory is carved into, in floats. The stream lies there, too: it would take twenty
 * registers. */
enum {
  VALUES_AT = STAGES * STAGE_NUMBERS / 2,
  STREAM_AT = VALUES_AT + CHUNK * VALUE_ROW,
  STREAM_FLOATS = 32
};
static_assert(sizeof(stream) <= STREAM_FLOATS * sizeof(float), "the stream has no room");

typedef struct walker {
  const walk_memory *m;
  const linear_call *c;
  const LOCAL stream *s;
  int32_t panel;
  GLOBAL float *kept; /* [DIM + CHUNK, PANEL]: the state between launches, and y */
  LOCAL uint16_t *stages;
  LOCAL float *values;
  const GLOBAL float *slot; /* of the chunk under way */
  int64_t first;            /* its tokens */
  int32_t count;
  int32_t next_operand; /* number of the rows that are copied next in their chunk, */
  int32_t stage;        /* and the stage that is used next */
  int32_t next_chunk;   /* of these rows */
} walker;

/* Column of the panel of the item's first row of fragments; the second is 8 further on. */
DEVICE int32_t column_in_panel(void) { return warp_number() * 16 + fragment_row(); }

/* ---- rows through stages --------------------------------------------------------------------- */

/* Zeros stand for rows without tokens, and for squares right of a triangle's diagonal: those of
 * workspace hold nothing. */
DEVICE INLINE void copy_rows(LOCAL uint16_t *to, const GLOBAL float *from, int32_t columns,
                             int32_t count, int is_triangle) {
  int32_t units = 2 * columns / ROW_UNIT;
  const GLOBAL uint16_t *rows = (const GLOBAL uint16_t *)from;
  _Pragma("unroll 1") FOR_ITEMS(i, CHUNK * units) {
    int32_t t = (int32_t)i / units, unit = (int32_t)i % units, column = unit * ROW_UNIT % columns;
    int is_there = t < count && (!is_triangle || column / 16 <= t / 16);
    start_copy_16(to + t * ROW_OF(columns) + unit * ROW_UNIT, rows + i * ROW_UNIT, is_there);
  }
}

/* T E, T, each query's rows and weights, k. Without a chunk left a group of copies is empty. */
DEVICE INLINE void start_rows(walker *w, int32_t stage) {
  const linear_call *c = w->c;
  if ((int64_t)w->next_chunk * CHUNK < w->s->tokens) {
    const GLOBAL float *slot = slot_of(c, w->m->work, w->s->slot, w->next_chunk);
    LOCAL uint16_t *to = w->stages + stage * STAGE_NUMBERS;
    int32_t of_queries = w->next_operand - 2 * c->has_eraser;
    int64_t query = of_queries / 2;
    int32_t count = tokens_of_chunk(c, w->s, w->next_chunk);
    if (of_queries == 2 * c->queries)
      copy_rows(to, slot + c->keys_at, DIM, count, 0);
    else if (of_queries < 0 && w->next_operand == 0)
      copy_rows(to, slot + c->eraser_at, DIM, count, 0);
    else if (of_queries < 0)
      copy_rows(to, slot + c->solve_at, CHUNK, count, 1);
    else if (of_queries % 2 == 0)
      copy_rows(to, slot + query * CHUNK * DIM, DIM, count, 0);
    else
      copy_rows(to, slot + c->weights_at + query * CHUNK * CHUNK, CHUNK, count, 1);
    w->next_operand = of_queries == 2 * c->queries ? 0 : w->next_operand + 1;
    w->next_chunk += w->next_operand == 0;
  }
  commit_copies();
}

DEVICE INLINE void start_walk(walker *w) {
  for (int32_t stage = 0; stage < STAGES - 1; stage++) start_rows(w, stage);
}

/* The next rows, when all items have come so far: nobody uses the rows before them any more, and
 * those after the next ones take their stage. */
DEVICE INLINE const LOCAL uint16_t *take_rows(walker *w) {
  wait_for_copies(STAGES - 2);
  group_barrier();
  start_rows(w, (w->stage + STAGES - 1) % STAGES);
  const LOCAL uint16_t *rows = w->stages + w->stage * STAGE_NUMBERS;
  w->stage = (w->stage + 1) % STAGES;
  return rows;
}

/* ---- products -------------------------------------------------------------------------------- */

/* sums += S^T rows^T. The state is split anew each time: both forms of it are too many registers.
 */
DEVICE INLINE void read_state(float (*sums)[4], float (*state)[4], const LOCAL uint16_t *rows) {
  UNROLL for (int32_t i = 0; i < 4 * STATE_TILES; i++) forget_uses(&state[i / 4][i % 4]);
  UNROLL for (int32_t d = 0; d < DIM / 16; d++) {
    const split_square a = split_fragments(state[2 * d], state[2 * d + 1]);
    UNROLL for (int32_t t = 0; t < CHUNK / 16; t++) {
      const LOCAL uint16_t *square = rows + 16 * t * ROW_OF(DIM) + 16 * d;
      uint32_t high[4], low[4];
      load_b_columns(high, square, ROW_OF(DIM));
      load_b_columns(low, square + DIM, ROW_OF(DIM));
      multiply_split(sums[2 * t], &a, high, low);
      multiply_split(sums[2 * t + 1], &a, high + 2, low + 2);
    }
  }
}

/* sums += y^T weights^T, weights a triangle: squares above its diagonal are left out. */
DEVICE INLINE void add_earlier(float (*sums)[4], const split_square *y,
                               const LOCAL uint16_t *weights) {
  UNROLL for (int32_t s = 0; s < CHUNK / 16; s++) {
    UNROLL for (int32_t t = s; t < CHUNK / 16; t++) {
      const LOCAL uint16_t *square = weights + 16 * t * ROW_OF(CHUNK) + 16 * s;
      uint32_t high[4], low[4];
      load_b_columns(high, square, ROW_OF(CHUNK));
      load_b_columns(low, square + CHUNK, ROW_OF(CHUNK));
      multiply_split(sums[2 * t], &y[s], high, low);
      multiply_split(sums[2 * t + 1], &y[s], high + 2, low + 2);
    }
  }
}

/* What a decay leaves of a number of the state: forgotten is even what was infinite. */
DEVICE INLINE float decayed(float x, float whole, float part) {
  float left = whole != 0.0f ? x : 0.0f;
  return part != 0.0f ? fmaf(part, x, left) : left;
}

/* S^T = P(0, end) S^T + y^T rows */
DEVICE INLINE void write_state(float (*state)[4], const split_square *y, const LOCAL uint16_t *rows,
                               const GLOBAL float *keep) {
  UNROLL for (int32_t d = 0; d < DIM / 16; d++) {
    float sums[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
    UNROLL for (int32_t s = 0; s < CHUNK / 16; s++) {
      const LOCAL uint16_t *square = rows + 16 * s * ROW_OF(DIM) + 16 * d;
      uint32_t high[4], low[4];
      load_b_rows(high, square, ROW_OF(DIM));
      load_b_rows(low, square + DIM, ROW_OF(DIM));
      multiply_split(sums[0], &y[s], high, low);
      multiply_split(sums[1], &y[s], high + 2, low + 2);
    }
    const GLOBAL float *factors = keep + fragment_column();
    UNROLL for (int32_t i = 0; i < 8; i++) {
      int32_t row = 16 * d + i / 4 * 8 + i % 2;
      float *x = &state[2 * d + i / 4][i % 4];
      *x = decayed(*x, factors[row], factors[DIM + row]) + sums[i / 4][i % 4];
    }
  }
}

/* ---- values and results ---------------------------------------------------------------------- */

/* v, times beta where there is one; 0 of tokens that are not there. */
DEVICE INLINE void load_chunk_values(const walker *w) {
  _Pragma("unroll 1") for (int32_t i = 0; i < CHUNK * PANEL / LANES / ITEMS; i++) {
    int32_t at = (i * ITEMS + (int32_t)item_number()) * LANES, t = at / PANEL, column = at % PANEL;
    lane x = lane_of(0.0f);
    if (t < w->count) x = load_values(w->m, w->s, w->first + t, (int64_t)w->panel * PANEL + column);
    lane_store_local(w->values, t * VALUE_ROW + column, x);
  }
}

/* Where number i of an item's fragments [16 columns, CHUNK] lies. */
DEVICE INLINE LOCAL float *value_place(const walker *w, int32_t i) {
  LOCAL float *first = w->values + fragment_column() * VALUE_ROW + column_in_panel();
  return first + (i / 4 * 8 + i % 2) * VALUE_ROW + i / 2 % 2 * 8;
}

/* Results go through local memory, so that rows are stored by neighbours. */
DEVICE INLINE void store_results(const walker *w, int64_t query, const float (*sums)[4]) {
  UNROLL for (int32_t i = 0; i < 4 * TOKEN_TILES; i++) * value_place(w, i) = sums[i / 4][i % 4];
  group_barrier();
  _Pragma("unroll 1") FOR_ITEMS(i, w->count * (PANEL / LANES)) {
    int64_t t = i / (PANEL / LANES), column = i % (PANEL / LANES) * LANES;
    store_result(w->m, w->s, query, w->first + t, (int64_t)w->panel * PANEL + column,
                 lane_load_local(w->values, t * VALUE_ROW + column));
  }
}

/* ---- number by number ------------------------------------------------------------------------ */

DEVICE const GLOBAL uint16_t *split_row(const walker *w, int64_t rows_at, int32_t columns,
                                        int64_t t) {
  return (const GLOBAL uint16_t *)(w->slot + rows_at + t * columns);
}

/* Lanes of columns are added: sum += a row's numbers times rows of `of`, `step` apart. */
DEVICE lane add_exactly(lane sum, const GLOBAL uint16_t *row, int32_t columns, int32_t count,
                        const float *of, int32_t step) {
  for (int32_t i = 0; i < count; i++)
    sum = lane_multiply_add(lane_of(load_split(row, columns, i)), lane_from_array(of + i * step),
                            sum);
  return sum;
}

DEVICE void write_exactly(const walker *w, GLOBAL float *state, const GLOBAL float *y) {
  const GLOBAL float *keep = w->slot + w->c->keep_at;
  for (int32_t d = 0; d < DIM; d++) {
    lane sum = lane_of(0.0f), x = lane_from_array(state + d * PANEL);
    for (int64_t t = 0; t < w->count; t++)
      sum = lane_multiply_add(lane_of(load_split(split_row(w, w->c->keys_at, DIM, t), DIM, d)),
                              lane_from_array(y + t * PANEL), sum);
    if (keep[d] != 0.0f) sum += x;
    if (keep[DIM + d] != 0.0f) sum = lane_multiply_add(lane_of(keep[DIM + d]), x, sum);
    lane_to_array(state + d * PANEL, sum);
  }
}

DEVICE void pass_exactly(const walker *w) {
  const linear_call *c = w->c;
  _Pragma("unroll 1") FOR_ITEMS(i, PANEL / LANES) {
    GLOBAL float *state = w->kept + i * LANES, *y = state + DIM * PANEL;
    const LOCAL float *values = w->values + i * LANES;
    for (int32_t t = 0; t < w->count; t++) {
      lane x = lane_from_array(values + t * VALUE_ROW);
      if (c->has_eraser) {
        x = add_exactly(lane_of(0.0f), split_row(w, c->eraser_at, DIM, t), DIM,
                        (int32_t)c->head_dim, state, PANEL);
        x = add_exactly(x, split_row(w, c->solve_at, CHUNK, t), CHUNK, t + 1, values, VALUE_ROW);
      }
      lane_to_array(y + t * PANEL, x);
    }
    for (int64_t row = 0; row < c->queries * w->count; row++) {
      int64_t query = row / w->count, t = row % w->count;
      lane x = add_exactly(lane_of(0.0f), split_row(w, query * CHUNK * DIM, DIM, t), DIM,
                           (int32_t)c->head_dim, state, PANEL);
      x = add_exactly(x, split_row(w, c->weights_at + query * CHUNK * CHUNK, CHUNK, t), CHUNK,
                      (int32_t)t + 1, y, PANEL);
      store_result(w->m, w->s, query, w->first + t, (int64_t)w->panel * PANEL + i * LANES, x);
    }
    write_exactly(w, state, y);
  }
}

/* ---- states ----------------------------------------------------------------------------------
 *
 * From registers to workspace and back; what callers have is copied there and from there, by
 * neighbours. */

/* Where number i of an item's fragments [16 columns, DIM] lies. */
DEVICE INLINE GLOBAL float *state_place_of(const walker *w, int32_t i) {
  GLOBAL float *first = w->kept + fragment_column() * PANEL + column_in_panel();
  return first + (i / 4 * 8 + i % 2) * PANEL + i / 2 % 2 * 8;
}

DEVICE INLINE void load_kept(const walker *w, float (*state)[4]) {
  UNROLL for (int32_t i = 0; i < 4 * STATE_TILES; i++) state[i / 4][i % 4] = *state_place_of(w, i);
}
DEVICE INLINE void store_kept(const walker *w, const float (*state)[4]) {
  UNROLL for (int32_t i = 0; i < 4 * STATE_TILES; i++) * state_place_of(w, i) = state[i / 4][i % 4];
}

DEVICE void copy_past(const walker *w) {
  if (!is_at_start(w->c)) return;
  const state_place from = place_of_past(w->m, w->s);
  _Pragma("unroll 1") FOR_ITEMS(i, DIM * (PANEL / LANES)) {
    int64_t d = i / (PANEL / LANES), column = i % (PANEL / LANES) * LANES;
    lane_to_array(w->kept + i * LANES,
                  load_past(w->m, &from, d, (int64_t)w->panel * PANEL + column));
  }
}

DEVICE void copy_present(const walker *w) {
  if (!is_present_wanted(w->m, w->s)) return;
  const state_place to = place_of_present(w->m, w->s);
  _Pragma("unroll 1") FOR_ITEMS(i, DIM * (PANEL / LANES)) {
    int64_t d = i / (PANEL / LANES), column = i % (PANEL / LANES) * LANES;
    store_present(w->m, &to, d, (int64_t)w->panel * PANEL + column,
                  lane_from_array(w->kept + i * LANES));
  }
}

/* ---- chunks ---------------------------------------------------------------------------------- */

DEVICE INLINE void split_values(split_square *y, const float (*values)[4]) {
  UNROLL for (int32_t s = 0; s < CHUNK / 16; s++) y[s] =
      split_fragments(values[2 * s], values[2 * s + 1]);
}

/* y, and whether anything of the chunk is not finite, for all items alike. */
DEVICE INLINE int make_written(walker *w, float (*state)[4], split_square *y) {
  float values[TOKEN_TILES][4], probe = w->slot[w->c->scratch_at];
  load_chunk_values(w);
  if (w->c->has_eraser) {
    float sums[TOKEN_TILES][4] = {};
    read_state(sums, state, take_rows(w));
    const LOCAL uint16_t *rows = take_rows(w);
    UNROLL for (int32_t i = 0; i < 4 * TOKEN_TILES; i++) values[i / 4][i % 4] = *value_place(w, i);
    split_values(y, values);
    add_earlier(sums, y, rows);
    /* 0 times an infinite state is not 0: tokens that are not there have none. */
    UNROLL for (int32_t i = 0; i < 4 * TOKEN_TILES; i++) values[i / 4][i % 4] =
        i / 4 * 8 + fragment_column() + i % 2 < w->count ? sums[i / 4][i % 4] : 0.0f;
  } else {
    group_barrier();
    UNROLL for (int32_t i = 0; i < 4 * TOKEN_TILES; i++) values[i / 4][i % 4] = *value_place(w, i);
  }
  UNROLL for (int32_t i = 0; i < 4 * TOKEN_TILES; i++) probe = probed(probe, values[i / 4][i % 4]);
  UNROLL for (int32_t i = 0; i < 4 * STATE_TILES; i++) probe = probed(probe, state[i / 4][i % 4]);
  split_values(y, values);
  return __syncthreads_or(probe != 0.0f);
}

DEVICE INLINE void pass_chunk(walker *w, float (*state)[4]) {
  split_square y[CHUNK / 16];
  int is_exact = make_written(w, state, y);
  for (int64_t query = 0; query < w->c->queries; query++) {
    float sums[TOKEN_TILES][4] = {};
    const LOCAL uint16_t *rows = take_rows(w);
    if (!is_exact) read_state(sums, state, rows);
    rows = take_rows(w);
    if (is_exact) continue;
    add_earlier(sums, y, rows);
    store_results(w, query, sums);
  }
  const LOCAL uint16_t *rows = take_rows(w);
  if (!is_exact) {
    write_state(state, y, rows, w->slot + w->c->keep_at);
    return;
  }
  store_kept(w, state);
  group_barrier();
  pass_exactly(w);
  group_barrier();
  load_kept(w, state);
}

DEVICE INLINE void pass_panel(walker *w) {
  const linear_call *c = w->c;
  float state[STATE_TILES][4];
  start_walk(w);
  copy_past(w);
  group_barrier();
  load_kept(w, state);
  for (int64_t chunk = 0; chunk * CHUNK < w->s->tokens; chunk++) {
    w->slot = slot_of(c, w->m->work, w->s->slot, chunk);
    w->first = chunk * CHUNK;
    w->count = tokens_of_chunk(c, w->s, chunk);
    pass_chunk(w, state);
  }
  store_kept(w, state);
  group_barrier();
  copy_present(w);
}

DEVICE void write_zeros(const walker *w) {
  FOR_ITEMS(i, w->c->queries * w->s->tokens * (PANEL / LANES)) {
    int64_t row = i / (PANEL / LANES), column = i % (PANEL / LANES) * LANES;
    store_result(w->m, w->s, row / w->s->tokens, row % w->s->tokens,
                 (int64_t)w->panel * PANEL + column, lane_of(0.0f));
  }
}

KERNEL void linear_chunks(WALK_PARAMETERS) {
  LOCAL_BLOCK(block, STREAM_AT + STREAM_FLOATS);
  const walk_memory m = WALK_MEMORY;
  const linear_call *c = &of.call;
  int64_t slot = group_number() / of.panels;
  LOCAL stream *s = (LOCAL stream *)(block + STREAM_AT);
  if (item_number() == 0) *s = find_stream(c, m.arrays, slot, faults);
  group_barrier();
  walker w = {&m, c, s, (int32_t)(group_number() % of.panels)};
  w.kept = work + c->states_at + group_number() * ((DIM + CHUNK) * PANEL);
  w.stages = (LOCAL uint16_t *)block;
  w.values = block + VALUES_AT;
  if (is_live(s))
    pass_panel(&w);
  else if (!s->of.is_bad && !s->is_over)
    write_zeros(&w);
}
