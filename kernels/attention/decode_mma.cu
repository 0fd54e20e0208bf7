/* SPDX-License-Identifier: Apache-2.0 */
/* attention of few queries on tensor cores: decode.c's pieces of keys, for f16 and bf16.
 *
 * A block takes ROWS = 16 rows, pairs of a query and a head that shares its kv head, through the
 * keys of a piece, KEYS at a time; its warps share out the keys of a tile (warps.h), each with m, l
 * and o of its own. Tiles arrive by copies beside the registers, STAGES - 1 of them under way while
 * one is in use, with one barrier per tile. In the end the warps' results are joined in shared
 * memory and left in workspace, and attention_join (pieces.h) makes of all pieces what is wanted.
 *
 * Memory bounds it: each byte of k and v is fetched once for all heads that share it, as long as
 * they and their queries are at most 16 rows, and read once from shared memory. A byte of k is 16
 * flops, also where rows are fewer. On an H200 (4.8 TB/s, 132 multiprocessors at 1.8 GHz) some 20
 * bytes a cycle and multiprocessor arrive: 320 flops of 4096. With two blocks on each and
 * D = Dv = 128, KEYS 64, STAGES 3, 139 thousand bytes are under way, for which a way of memory of 1
 * microsecond asks 36 thousand. Bound: bytes of k and v at 4.8 TB/s. Not measured.
 *
 * Constants: DIM and VALUE_DIM (64, 96, 128, 192 or 256, not below D and Dv), ROWS (16), KEYS,
 * STAGES, TERMS, HALF, SPLIT (1), LANES (1), ITEMS, LOCAL_BYTES. */
#include "attention/pieces.h"
#include "attention/warps.h"
#include "shared/indices.h"

/* What shared memory is carved into, in bytes. */
enum {
  QUERIES_AT = 0,                                        /* [ROWS, KEY_ROW] */
  KEYS_AT = QUERIES_AT + ROWS * KEY_ROW * 2,             /* [STAGES, KEYS, KEY_ROW] */
  VALUES_AT = KEYS_AT + STAGES * KEYS * KEY_ROW * 2,     /* [STAGES, KEYS, VALUE_ROW] */
  PLACES_AT = VALUES_AT + STAGES * KEYS * VALUE_ROW * 2, /* [2, 2, KEYS]: as in prefill */
  RANGES_AT = PLACES_AT + 4 * KEYS * 8,                  /* [ROWS] */
  FACTS_AT = RANGES_AT + ROWS * 16,
  ROOM_AT = FACTS_AT + FACTS_BYTES, /* [WARPS, 16, SCORE_ROW] */
  BLOCK_BYTES = ROOM_AT + (TERMS ? WARPS * 16 * SCORE_ROW * 4 : 0)
};
static_assert(ROWS == 16 && STEP % 16 == 0, "a warp has 16 rows and 16 keys or more");

/* Where the warps' results take the place of tiles, in floats. */
enum {
  RESULT_ROW = VALUE_DIM + 8,
  LARGEST_AT = WARPS * ROWS * RESULT_ROW, /* [WARPS, ROWS] */
  SUMS_AT = LARGEST_AT + WARPS * ROWS,    /* [WARPS, ROWS] */
  RESULT_FLOATS = SUMS_AT + WARPS * ROWS
};
static_assert(RESULT_FLOATS * 4 <= PLACES_AT, "results have no room");

/* ---- results --------------------------------------------------------------------------------- */

/* A warp's o, m and l, by rows. */
DEVICE INLINE void leave_results(const warp_rows *w, LOCAL float *block) {
  UNROLL for (int32_t half = 0; half < 2; half++) {
    int32_t row = warp_number() * ROWS + row_of(0, half);
    float sum = sum_of_row(w->sums[0][half]);
    UNROLL for (int32_t i = 0; i < VALUES * 2; i++)
        block[row * RESULT_ROW + i / 2 * 8 + fragment_column() + i % 2] =
            w->values[0][i / 2][half * 2 + i % 2];
    if (fragment_column() == 0) {
      block[LARGEST_AT + row] = w->largest[0][half];
      block[SUMS_AT + row] = sum;
    }
  }
}

/* By what a warp's results of a row shrink beside the others'. */
DEVICE float shrink_of(float unit, float largest, float all) {
  return shrunk(largest, all == -INFINITY ? 0.0f : all, exponent_of(unit));
}

/* A row of the piece, joined from all warps, by one warp. */
DEVICE void store_part(const attention_arguments *a, const attention_memory *m, const tile *t,
                       parts to, int64_t piece, int32_t row, const LOCAL float *block) {
  float unit = unit_of(a), largest = -INFINITY, sum = 0.0f, shrinks[WARPS];
  int64_t query = tile_query(t, row), h = tile_head(a, t, row);
  int64_t at = part_at(a, &t->of, query, h, piece);
  UNROLL for (int32_t i = 0; i < WARPS; i++) largest =
      fmaxf(largest, block[LARGEST_AT + i * ROWS + row]);
  UNROLL for (int32_t i = 0; i < WARPS; i++) {
    shrinks[i] = shrink_of(unit, block[LARGEST_AT + i * ROWS + row], largest);
    sum = fmaf(block[SUMS_AT + i * ROWS + row], shrinks[i], sum);
  }
  float sink = piece == 0 ? sink_of(a, m, h) : -INFINITY;
  row_end e = end_row(largest * unit, sum, sink, row < t->live);
  for (int32_t d = warp_item(); d < a->value_dim; d += WARP_ITEMS) {
    float x = 0.0f;
    UNROLL for (int32_t i = 0; i < WARPS; i++) x =
        fmaf(block[(i * ROWS + row) * RESULT_ROW + d], shrinks[i], x);
    to.sums[at * a->value_dim + d] = e.factor == 0.0f ? 0.0f : x * e.factor;
  }
  if (warp_item() != 0) return;
  to.largest[at] = e.largest;
  to.denominators[at] = e.denominator;
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/* What find_tile() is to prefill: pieces fastest, then rows. */
DEVICE tile find_part(const attention_arguments *a, const attention_memory *m) {
  int64_t rows = a->query_length * (a->q_heads / a->kv_heads);
  int64_t blocks = (rows + ROWS - 1) / ROWS, number = group_number() / a->pieces;
  return tile_at(a, m, number / blocks, number % blocks * ROWS);
}

/* Starts copying the tile from key `first` on, if there is one, as a group. */
DEVICE INLINE void copy_tile(const LOCAL block_facts *f, const LOCAL int64_t *places, int32_t stage,
                             int is_there, LOCAL uint16_t *keys, LOCAL uint16_t *values) {
  if (is_there) {
    copy_rows(f->k, places, KEYS, DIM, keys + stage * KEYS * KEY_ROW);
    copy_rows(f->v, places + KEYS, KEYS, VALUE_DIM, values + stage * KEYS * VALUE_ROW);
  }
  commit_copies();
}

KERNEL void attention_decode_mma(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  LOCAL_BLOCK(block, BLOCK_BYTES / 4);
  LOCAL uint8_t *bytes = (LOCAL uint8_t *)block;
  LOCAL uint16_t *queries = (LOCAL uint16_t *)(bytes + QUERIES_AT);
  LOCAL uint16_t *keys = (LOCAL uint16_t *)(bytes + KEYS_AT);
  LOCAL uint16_t *values = (LOCAL uint16_t *)(bytes + VALUES_AT);
  LOCAL int64_t *places = (LOCAL int64_t *)(bytes + PLACES_AT);
  LOCAL float *room = (LOCAL float *)(bytes + ROOM_AT) + warp_number() * 16 * SCORE_ROW;
  LOCAL key_range *ranges = (LOCAL key_range *)(bytes + RANGES_AT);
  LOCAL block_facts *f = (LOCAL block_facts *)(bytes + FACTS_AT);
  int64_t piece = group_number() % a.pieces;
  warp_rows w;
  start_rows(&w);
  if (item_number() == 0) find_facts(&a, &m, find_part(&a, &m), f);
  group_barrier();
  find_queries(&a, f, places, ranges);
  group_barrier();
  copy_rows(f->q, places, ROWS, DIM, queries);
  int64_t begin = most(piece * a.piece, f->any.begin / KEYS * KEYS);
  int64_t end = least((piece + 1) * a.piece, f->any.end);
  group_barrier();
  _Pragma("unroll 1") for (int32_t i = 0; i < STAGES - 1; i++) {
    int64_t first = begin + i * KEYS;
    if (first < end) find_keys(&a, &m, f, first, places_of(places, first));
    group_barrier();
    copy_tile(f, places_of(places, first), i, first < end, keys, values);
  }
  int32_t stage = 0, next = STAGES - 1;
  for (int64_t first = begin; first < end; first += KEYS) {
    int64_t later = first + (STAGES - 1) * KEYS, own = first + warp_number() * STEP;
    float scores[ROW_TILES][COLUMNS][4];
    uint32_t p[ROW_TILES][COLUMNS / 2][4];
    if (later < end) find_keys(&a, &m, f, later, places_of(places, later));
    wait_for_copies(STAGES - 2);
    group_barrier();
    copy_tile(f, places_of(places, later), next, later < end, keys, values);
    int32_t row = stage * KEYS + warp_number() * STEP;
    multiply_keys(queries, keys + row * KEY_ROW, scores);
    weigh_keys(&a, &m, f, ranges, own, room, scores, &w, p);
    add_values(p, values + row * VALUE_ROW, &w);
    stage = stage + 1 == STAGES ? 0 : stage + 1;
    next = next + 1 == STAGES ? 0 : next + 1;
  }
  wait_for_copies(0);
  group_barrier();
  leave_results(&w, block);
  group_barrier();
  _Pragma("unroll 1") for (int32_t row = warp_number(); row < f->of.rows; row += WARPS)
      store_part(&a, &m, &f->of, parts_of(&a, work), piece, row, block);
}
