/* SPDX-License-Identifier: Apache-2.0 */
/* A warp's rows against some keys, on tensor cores, with everything but the tiles in registers.
 *
 * A warp has ROW_TILES times 16 rows and takes STEP keys at a time. Scores are fragments of C, and
 * once exponentiated and rounded they are fragments of A beside the values:
 *
 *     s = q k^T,   m' = max(m, max_j s[j]),   p[j] = 2^(c (s[j] - m')),   c = scale * log2 e
 *     l' = l 2^(c (m - m')) + sum_j p[j],     o' = o 2^(c (m - m')) + p v
 *
 * Sums are f32 and run on from step to step: beside the rounding of p to 16 bits, what they lose
 * over long rows of keys is nothing. l has p as it was before.
 *
 * With the constant TERMS scores take a way through local memory, where neighbouring items have
 * neighbouring keys: masks and biases are read in the order they lie in, and the code for an
 * element is there once. */
#include "attention/copies.h"

/* Warps share out the rows of a tile or, with SPLIT, its keys. */
enum {
  WARPS = ITEMS / WARP_ITEMS,
  ROW_TILES = SPLIT ? ROWS / 16 : ROWS / WARPS / 16,
  STEP = SPLIT ? KEYS / WARPS : KEYS,
  COLUMNS = STEP / 8,    /* fragments of C in a row of scores */
  VALUES = VALUE_DIM / 8 /* and of results */
};

/* Distances in local memory; rows of scores are apart so that 8 of them fill the banks. */
enum { KEY_ROW = TILE_ROW(DIM), VALUE_ROW = TILE_ROW(VALUE_DIM), SCORE_ROW = STEP + 8 };

/* An item's part of its warp's rows: of row tile r rows fragment_row() and 8 further on. */
typedef struct warp_rows {
  float largest[ROW_TILES][2]; /* of s, as it is before c */
  float sums[ROW_TILES][2];    /* of the item's own columns */
  float values[ROW_TILES][VALUES][4];
} warp_rows;

DEVICE INLINE void start_rows(warp_rows *w) {
  UNROLL for (int32_t r = 0; r < ROW_TILES; r++) {
    UNROLL for (int32_t half = 0; half < 2; half++) {
      w->largest[r][half] = -INFINITY;
      w->sums[r][half] = 0.0f;
    }
    UNROLL for (int32_t n = 0; n < VALUES; n++) {
      UNROLL for (int32_t i = 0; i < 4; i++) w->values[r][n][i] = 0.0f;
    }
  }
}

/* The item's row of the tile. */
DEVICE int32_t row_of(int32_t r, int32_t half) {
  return ((SPLIT ? 0 : warp_number()) * ROW_TILES + r) * 16 + fragment_row() + half * 8;
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* q k^T: rows of queries from the warp's first, keys from its first. */
DEVICE INLINE void multiply_keys(const LOCAL uint16_t *queries, const LOCAL uint16_t *keys,
                                 float (*scores)[COLUMNS][4]) {
  UNROLL for (int32_t r = 0; r < ROW_TILES; r++) {
    UNROLL for (int32_t n = 0; n < COLUMNS; n++) {
      UNROLL for (int32_t i = 0; i < 4; i++) scores[r][n][i] = 0.0f;
    }
  }
  UNROLL for (int32_t d = 0; d < DIM; d += 16) {
    uint32_t q[ROW_TILES][4], k[4];
    UNROLL for (int32_t r = 0; r < ROW_TILES; r++)
        load_a_rows(q[r], queries + r * 16 * KEY_ROW + d, KEY_ROW);
    UNROLL for (int32_t n = 0; n < COLUMNS; n += 2) {
      load_b_columns(k, keys + n * 8 * KEY_ROW + d, KEY_ROW);
      UNROLL for (int32_t r = 0; r < ROW_TILES; r++) {
        multiply_fragments(scores[r][n], q[r], k);
        multiply_fragments(scores[r][n + 1], q[r], k + 2);
      }
    }
  }
}

/* A number of keys, as one of the step's. */
DEVICE int32_t within_step(int64_t keys) {
  return keys < 0 ? 0 : keys < STEP ? (int32_t)keys : STEP;
}

/* -inf for keys that are not in the range of their row; `first` is the step's first key. */
DEVICE INLINE void mask_scores(const LOCAL key_range *ranges, int32_t r, int64_t first,
                               float (*scores)[4]) {
  UNROLL for (int32_t half = 0; half < 2; half++) {
    key_range keys = ranges[row_of(r, half)];
    int32_t begin = within_step(keys.begin - first), end = within_step(keys.end - first);
    UNROLL for (int32_t i = 0; i < COLUMNS * 2; i++) {
      int32_t j = i / 2 * 8 + fragment_column() + i % 2;
      if (j < begin || j >= end) scores[i / 2][half * 2 + i % 2] = -INFINITY;
    }
  }
}

/* All that is not the product, of 16 rows from the tile's row `row` on, by the warp's own room. */
DEVICE INLINE void add_terms(const attention_arguments *a, const attention_memory *m, const tile *t,
                             int32_t row, int64_t first, LOCAL float *room, float (*scores)[4]) {
  enum { TEAM = STEP < WARP_ITEMS ? STEP : WARP_ITEMS, TEAMS = WARP_ITEMS / TEAM };
  LOCAL float *own = room + fragment_row() * SCORE_ROW + fragment_column();
  UNROLL for (int32_t i = 0; i < COLUMNS * 4; i++)
      own[i / 2 % 2 * 8 * SCORE_ROW + i / 4 * 8 + i % 2] = scores[i / 4][i % 4];
  __syncwarp();
  _Pragma("unroll 1") for (int32_t r = warp_item() / TEAM; r < 16; r += TEAMS) {
    score_row of = score_row_of(a, m, &t->of, tile_query(t, row + r), tile_head(a, t, row + r));
    LOCAL float *score = room + r * SCORE_ROW;
    _Pragma("unroll 1") for (int32_t j = warp_item() % TEAM; j < STEP; j += TEAM) score[j] =
        final_score(a, m, &of, first + j, a->scale * score[j]);
  }
  __syncwarp();
  UNROLL for (int32_t i = 0; i < COLUMNS * 4; i++) scores[i / 4][i % 4] =
      own[i / 2 % 2 * 8 * SCORE_ROW + i / 4 * 8 + i % 2];
  __syncwarp();
}

/* ---- softmax --------------------------------------------------------------------------------- */

/* What scores are in units of: with terms they have been scaled. */
DEVICE float unit_of(const attention_arguments *a) { return TERMS ? 1.0f : a->scale; }

DEVICE float exponent_of(float unit) { return unit * 0x1.715476p+0f; }

/* 2^(c (x - m)). One multiply-add of x, c and c m would be an instruction less, but where scores
 * are beyond some millions what is rounded off c m is more than a power of two can take. */
DEVICE INLINE float shrunk(float x, float largest, float c) {
  return power_of_two((x - largest) * c);
}

/* Scores of a row tile become p; what there is of its rows shrinks to the new m. */
DEVICE INLINE void exponentiate(float unit, int32_t r, float (*scores)[4], warp_rows *w,
                                uint32_t (*p)[4]) {
  UNROLL for (int32_t half = 0; half < 2; half++) {
    float before = w->largest[r][half], largest = before, sum = 0.0f;
    UNROLL for (int32_t i = 0; i < COLUMNS * 2; i++) largest =
        fmaxf(largest, scores[i / 2][half * 2 + i % 2]);
    w->largest[r][half] = largest = largest_of_row(largest);
    if (largest == -INFINITY) largest = 0.0f;
    float c = exponent_of(unit), shrink = shrunk(before, largest, c);
    UNROLL for (int32_t i = 0; i < COLUMNS * 2; i++) {
      float *x = &scores[i / 2][half * 2 + i % 2];
      *x = shrunk(*x, largest, c);
      sum += *x;
    }
    w->sums[r][half] = fmaf(w->sums[r][half], shrink, sum);
    UNROLL for (int32_t i = 0; i < VALUES * 2; i++) w->values[r][i / 2][half * 2 + i % 2] *= shrink;
  }
  UNROLL for (int32_t n = 0; n < COLUMNS; n += 2) pack_fragment(p[n / 2], scores + n);
}

/* From products to p: masks only where some row of the tile does not see every key. */
DEVICE INLINE void weigh_keys(const attention_arguments *a, const attention_memory *m,
                              const LOCAL block_facts *f, const LOCAL key_range *ranges,
                              int64_t first, LOCAL float *room, float (*scores)[COLUMNS][4],
                              warp_rows *w, uint32_t (*p)[COLUMNS / 2][4]) {
  int is_cut = first < f->all.begin || first + STEP > f->all.end;
  UNROLL for (int32_t r = 0; r < ROW_TILES; r++) {
    if (TERMS)
      add_terms(a, m, &f->of, row_of(r, 0) - fragment_row(), first, room, scores[r]);
    else if (is_cut)
      mask_scores(ranges, r, first, scores[r]);
    exponentiate(unit_of(a), r, scores[r], w, p[r]);
  }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* o += p v */
DEVICE INLINE void add_values(const uint32_t (*p)[COLUMNS / 2][4], const LOCAL uint16_t *values,
                              warp_rows *w) {
  UNROLL for (int32_t n = 0; n < COLUMNS / 2; n++) {
    UNROLL for (int32_t d = 0; d < VALUES; d += 2) {
      uint32_t v[4];
      load_b_rows(v, values + n * 16 * VALUE_ROW + d * 8, VALUE_ROW);
      UNROLL for (int32_t r = 0; r < ROW_TILES; r++) {
        multiply_fragments(w->values[r][d], p[r][n], v);
        multiply_fragments(w->values[r][d + 1], p[r][n], v + 2);
      }
    }
  }
}

/* ---- results --------------------------------------------------------------------------------- */

/* A row at its end, in natural units, with its sink as a score without a value. */
typedef struct row_end {
  float largest, denominator;
  float factor; /* of o */
} row_end;

/* Of a row that is not live there is nothing. */
DEVICE row_end end_row(float largest, float sum, float sink, int is_live) {
  row_end e = {-INFINITY, 0.0f, 0.0f};
  if (!is_live) return e;
  e.largest = fmaxf(largest, sink);
  e.factor = shrink_to(largest, e.largest);
  e.denominator = sum * e.factor;
  if (sink != -INFINITY) e.denominator += expf(sink - e.largest);
  return e;
}
