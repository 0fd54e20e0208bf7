/* SPDX-License-Identifier: Apache-2.0 */
/* A tile of attention: some rows of queries against a block of keys, in f32 scratch. */
#ifndef SEQMIX_CPU_ATTENTION_TILE_H
#define SEQMIX_CPU_ATTENTION_TILE_H

#include "core/attention_geometry.h"
#include "cpu/simd/kernels.h"

/** Rows and keys of a tile: the scores (16 KB) and, at D128, both panels (64 KB) stay in L2. */
enum { SEQMIX_TILE_ROWS = 64, SEQMIX_TILE_KEYS = 64 };

/**
 * Rows of a tile are pairs (query i, head g of the kv head's group), g running fastest, so that
 * one loaded key serves all query heads that share it, in prefill and in decode.
 */
typedef struct attention_tile {
  const seqmix_attention_problem *problem;
  const seqmix_cpu_kernels *kernels;
  seqmix_sequence sequence;
  int64_t kv_head;
  int64_t group;       /* query heads of the kv head */
  int64_t first_row;   /* number of row 0 among the sequence's q_rows * group */
  int64_t rows;        /* 1 to SEQMIX_TILE_ROWS */
  int64_t first_key;   /* of the present block */
  int64_t keys;        /* in the present block */
  int values_finite;   /* whether the present block of values holds no inf or NaN */
  float *queries;      /* [rows, D] */
  float *keys_by_dim;  /* [D, SEQMIX_TILE_KEYS]: transposed, so that scores run along vectors */
  float *values;       /* [keys, Dv] */
  float *scores;       /* [rows, SEQMIX_TILE_KEYS] */
  float *sums;         /* [rows, Dv]: sum of exp(s - largest) v so far */
  float *largest;      /* [rows] */
  float *denominators; /* [rows] */
  float *keep;         /* [rows]: factor by which a new largest score shrinks what there is */
} attention_tile;

/** Floats of scratch a tile needs, a multiple of a cache line; UINT64_MAX if beyond counting. */
uint64_t attention_tile_floats(const seqmix_attention_problem *problem);

/** Lays the tile's arrays out in `scratch`. */
void attention_tile_place(attention_tile *tile, float *scratch);

static inline int64_t attention_tile_query(const attention_tile *tile, int64_t row) {
  return (tile->first_row + row) / tile->group;
}

static inline int64_t attention_tile_head(const attention_tile *tile, int64_t row) {
  int64_t g = (tile->first_row + row) % tile->group;
  const seqmix_attention_problem *p = tile->problem;
  if (p->header.features & SEQMIX_ATTENTION_TILED_HEADS) return g * p->kv_heads + tile->kv_head;
  return tile->kv_head * tile->group + g;
}

void attention_tile_load_queries(attention_tile *tile);
void attention_tile_load_keys(attention_tile *tile, int64_t first, int64_t count);
void attention_tile_load_values(attention_tile *tile);

/** scores = scale * q.k for all rows and the present keys. */
void attention_tile_raw_scores(attention_tile *tile);
/** softcap, bias, ALiBi and masks on top; masked scores become -inf. */
void attention_tile_softcap(attention_tile *tile);
void attention_tile_terms_and_masks(attention_tile *tile);

/** Whether any key of first .. first+count-1 may be live for any row, lengths and window aside. */
int attention_tile_any_block(const attention_tile *tile, int64_t first, int64_t count);

/** The scores output of the tile, after its softmax is known. */
void attention_tile_write_scores(attention_tile *tile);

#endif
