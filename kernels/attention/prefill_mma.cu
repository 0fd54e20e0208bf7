/* SPDX-License-Identifier: Apache-2.0 */
/* attention of many queries on tensor cores: prefill.c's softmax along the way, for f16 and bf16.
 *
 * A block takes ROWS rows (rows.h) through the keys they may see, KEYS at a time; a warp has
 * ROW_TILES times 16 of the rows (warps.h) and meets every key. In shared memory lie the queries
 * and one tile of keys and one of values, each copied while the other is multiplied: values of a
 * tile behind its q k^T, keys of the next behind its softmax and p v. Two or three blocks share a
 * multiprocessor, so that one's softmax stands beside another's products. In registers lie scores,
 * p and o.
 *
 * Tiles of keys that no row of the tile sees are left out; those that every row sees in whole have
 * no masks. With TERMS (masks, biases, slopes, caps) every score takes its way through shared
 * memory.
 *
 * Per tile of keys there are 2 ROWS KEYS (DIM + VALUE_DIM) flops, ROWS KEYS powers of two, and
 * 2 KEYS (DIM + VALUE_DIM) bytes to fetch, mostly from the second-level cache. Every warp reads the
 * tile by ldmatrix: 16 ROW_TILES flops per byte, so at 128 bytes a cycle shared memory bounds one
 * row tile at 2048 flops a cycle and multiprocessor, two at 4096. That is what data sheets have for
 * an A100 and an H200. For ROWS 128, KEYS 64, D = Dv = 128 on an H200: 4.2 million flops in 1024
 * cycles, and 8192 powers of two, 16 a cycle, in 512 beside them. Bound: 132 * 4096 flops a cycle,
 * of which mma.sync may not have all. Not measured.
 *
 * Constants: DIM and VALUE_DIM (64, 96, 128, 192 or 256, not below D and Dv), ROWS, KEYS, TERMS,
 * HALF, SPLIT (0), LANES (1), ITEMS, LOCAL_BYTES. */
#include "attention/warps.h"

/* What shared memory is carved into, in bytes. Queries' places lie where those of keys will, and in
 * the end eight rows of each warp's results take the place of tiles. */
enum {
  RESULT_ROW = VALUE_DIM + 8,
  RESULT_BYTES = WARPS * 8 * RESULT_ROW * 4,
  QUERIES_AT = 0,                            /* [ROWS, KEY_ROW] */
  KEYS_AT = QUERIES_AT + ROWS * KEY_ROW * 2, /* [KEYS, KEY_ROW] */
  VALUES_AT = KEYS_AT + KEYS * KEY_ROW * 2,  /* [KEYS, VALUE_ROW] */
  TILE_BYTES = VALUES_AT + KEYS * VALUE_ROW * 2,
  PLACES_AT = TILE_BYTES < RESULT_BYTES ? RESULT_BYTES : TILE_BYTES, /* [2, 2, KEYS] */
  RANGES_AT = PLACES_AT + 4 * KEYS * 8,                              /* [ROWS] */
  FACTS_AT = RANGES_AT + ROWS * 16,
  ROOM_AT = FACTS_AT + FACTS_BYTES, /* [WARPS, 16, SCORE_ROW] */
  BLOCK_BYTES = ROOM_AT + (TERMS ? WARPS * 16 * SCORE_ROW * 4 : 0)
};
static_assert(ROWS <= 4 * KEYS, "queries have no room for their places");

/* ---- results --------------------------------------------------------------------------------- */

/* A row of out, two neighbours at a time where that is a number of 32 bits. */
DEVICE INLINE void store_result(const attention_arguments *a, const attention_memory *m,
                                const tile *t, int32_t row, const LOCAL float *result) {
  int64_t at = row_at(&a->out, &t->of, tile_query(t, row), tile_head(a, t, row));
  GLOBAL uint8_t *out = m->out + at * 2;
  if (a->out.dtype == TYPE_F32 || ((uint64_t)out & 3) || a->value_dim % 2) {
    for (int32_t d = warp_item(); d < a->value_dim; d += WARP_ITEMS)
      store_element(m->out, a->out.dtype, at + d, result[d]);
    return;
  }
  for (int32_t d = warp_item() * 2; d < a->value_dim; d += WARP_ITEMS * 2)
    *(GLOBAL uint32_t *)(out + d * 2) = pack_halves(result[d], result[d + 1]);
}

/* By way of the warp's own room, so that items then have neighbours. */
DEVICE INLINE void store_rows(const attention_arguments *a, const attention_memory *m,
                              const tile *t, const warp_rows *w, LOCAL float *room) {
  UNROLL for (int32_t r = 0; r < ROW_TILES; r++) {
    UNROLL for (int32_t half = 0; half < 2; half++) {
      int32_t row = row_of(r, half), first = row - fragment_row();
      float sum = sum_of_row(w->sums[r][half]), sink = sink_of(a, m, tile_head(a, t, row));
      row_end e = end_row(w->largest[r][half] * unit_of(a), sum, sink, row < t->live);
      float over = e.denominator == 0.0f ? 0.0f : e.factor / e.denominator;
      UNROLL for (int32_t i = 0; i < VALUES * 2; i++)
          room[fragment_row() * RESULT_ROW + i / 2 * 8 + fragment_column() + i % 2] =
              over == 0.0f ? 0.0f : w->values[r][i / 2][half * 2 + i % 2] * over;
      if (a->lse.dtype && fragment_column() == 0 && row < t->rows)
        store_element(m->lse, a->lse.dtype,
                      lse_at(&a->lse, &t->of, tile_query(t, row), tile_head(a, t, row)),
                      e.denominator == 0.0f ? -INFINITY : e.largest + logf(e.denominator));
      __syncwarp();
      _Pragma("unroll 1") for (int32_t i = 0; i < 8 && first + i < t->rows; i++)
          store_result(a, m, t, first + i, room + i * RESULT_ROW);
      __syncwarp();
    }
  }
}

/* ---- the kernel ------------------------------------------------------------------------------ */

KERNEL void attention_prefill_mma(ATTENTION_PARAMETERS) {
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
  warp_rows w;
  start_rows(&w);
  if (item_number() == 0) find_facts(&a, &m, find_tile(&a, &m), f);
  group_barrier();
  find_queries(&a, f, places, ranges);
  group_barrier();
  copy_rows(f->q, places, ROWS, DIM, queries);
  int64_t begin = f->any.begin / KEYS * KEYS;
  group_barrier();
  find_keys(&a, &m, f, begin, places_of(places, begin));
  group_barrier();
  copy_rows(f->k, places_of(places, begin), KEYS, DIM, keys);
  commit_copies();
  for (int64_t first = begin; first < f->any.end; first += KEYS) {
    LOCAL int64_t *own = places_of(places, first), *next = places_of(places, first + KEYS);
    float scores[ROW_TILES][COLUMNS][4];
    uint32_t p[ROW_TILES][COLUMNS / 2][4];
    find_keys(&a, &m, f, first + KEYS, next);
    wait_for_copies(0);
    group_barrier();
    copy_rows(f->v, own + KEYS, KEYS, VALUE_DIM, values);
    commit_copies();
    multiply_keys(queries + row_of(0, 0) / 16 * 16 * KEY_ROW, keys, scores);
    weigh_keys(&a, &m, f, ranges, first, room, scores, &w, p);
    wait_for_copies(0);
    group_barrier();
    copy_rows(f->k, next, KEYS, DIM, keys);
    commit_copies();
    add_values(p, values, &w);
  }
  wait_for_copies(0);
  group_barrier();
  store_rows(&a, &m, &f->of, &w, block + warp_number() * 8 * RESULT_ROW);
}
