/* SPDX-License-Identifier: Apache-2.0 */
/* What the making of weights on tensor cores shares, whether decays are per head or per channel: a
 * chunk's local memory, and where its weights go. */
#include "linear_attention/decay.h"
#include "linear_attention/split.h"
#include "linear_attention/stream.h"

#define WARPS (ITEMS / WARP_ITEMS)

/* Rows of f32 in local memory, so long that neighbours begin in different banks. */
#define ROW (DIM + 8)
#define SQUARE_ROW (CHUNK + 8)

#define SQUARE 16 /* tokens of a tile */
#define SQUARES (CHUNK / SQUARE)

typedef struct weigher {
  const linear_weights_arguments *a;
  const linear_call *c;
  chunk_place k;
  int32_t tiles;        /* of SQUARE tokens, that have tokens */
  LOCAL float *keys;    /* [CHUNK, ROW]: k, later E */
  LOCAL float *erased;  /* [CHUNK, SQUARE_ROW]: A, the eraser's weights */
  LOCAL float *inverse; /* the same: P(s, t) per head, later T */
  LOCAL float *factors; /* of decays: see heads_mma.h, channels_mma.h */
  float probe;          /* NaN from the first number on that is not finite */
} weigher;

/* Readers are queries, then the eraser. */
DEVICE int32_t readers_of(const weigher *w) { return (int32_t)w->c->queries + w->c->has_eraser; }
DEVICE int is_eraser(const weigher *w, int32_t reader) { return reader == w->c->queries; }

DEVICE GLOBAL float *reader_rows(const weigher *w, int32_t reader) {
  return w->k.slot + (is_eraser(w, reader) ? w->c->eraser_at : reader * (CHUNK * DIM));
}

DEVICE GLOBAL uint16_t *row_of_query(const weigher *w, int32_t query, int32_t t) {
  return (GLOBAL uint16_t *)(w->k.slot + w->c->weights_at + query * (CHUNK * CHUNK) + t * CHUNK);
}

/* A reader's weights of tokens s and s + 1 for its token t: nothing of later ones, and of a query's
 * own nothing where another pass has it. */
DEVICE INLINE void store_weights(weigher *w, int32_t reader, int32_t t, int32_t s, float first,
                                 float second) {
  int32_t end = t + 1 - (w->a->leaves_diagonal_out && !is_eraser(w, reader));
  first = s < end ? first : 0.0f;
  second = s + 1 < end ? second : 0.0f;
  w->probe = probed(probed(w->probe, first), second);
  if (is_eraser(w, reader)) {
    w->erased[t * SQUARE_ROW + s] = first;
    w->erased[t * SQUARE_ROW + s + 1] = second;
  } else {
    store_split_pair(row_of_query(w, reader, t), CHUNK, s, first, second);
  }
}

/* sums = rows keys^T, of SQUARE rows each. */
DEVICE INLINE void multiply_by_keys(float (*sums)[4], const float *rows, int32_t stride,
                                    const LOCAL float *keys) {
  UNROLL for (int32_t i = 0; i < 8; i++) sums[i / 4][i % 4] = 0.0f;
  UNROLL for (int32_t d = 0; d < DIM; d += 16) {
    const split_square a = split_a_rows(rows + d, stride);
    uint32_t high[4], low[4];
    split_b_columns(keys + d, ROW, high, low);
    multiply_split(sums[0], &a, high, low);
    multiply_split(sums[1], &a, high + 2, low + 2);
  }
}

DEVICE void load_keys(const weigher *w, const GLOBAL float *rows) {
  FOR_ITEMS(i, CHUNK * DIM) { w->keys[i / DIM * ROW + i % DIM] = rows[i]; }
}

/* A warp takes a row; its numbers are all read before any is overwritten. */
DEVICE INLINE void store_row(weigher *w, GLOBAL float *to, const float *numbers) {
  int32_t first = warp_item() * (DIM / WARP_ITEMS);
  __syncwarp();
  UNROLL for (int32_t i = 0; i < DIM / WARP_ITEMS; i += 2) {
    w->probe = probed(probed(w->probe, numbers[i]), numbers[i + 1]);
    store_split_pair((GLOBAL uint16_t *)to, DIM, first + i, numbers[i], numbers[i + 1]);
  }
}
