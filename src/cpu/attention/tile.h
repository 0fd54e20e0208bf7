/* SPDX-License-Identifier: Apache-2.0 */
/* A tile of attention: a block of query rows against a block of keys, in f32 scratch.
 *
 * Scores are kept transposed, [key, row], so that vectors run along rows: the softmax needs no
 * sums across a vector, its result is the packed left side of the product with the values, and
 * keys, row by row, are the left side of the product with the queries: copied side by side, unless
 * they are f32 and lie so. Queries and values are packed into panels of PRODUCT_COLUMNS. Rows and
 * value columns are padded to whole panels with zeros; nothing else has a tail. */
#ifndef SEQMIX_CPU_ATTENTION_TILE_H
#define SEQMIX_CPU_ATTENTION_TILE_H

#include "core/attention_geometry.h"
#include "cpu/simd/level.h"
#include "cpu/simd/product.h"

/** Multiples of PRODUCT_ROWS and PRODUCT_COLUMNS at every level. At D128 the panel of queries in
 * use (8 KB) stays in L1 while keys pass, and the tile (330 KB) in L2; more rows would share the
 * copying of keys and values, but not fit. */
enum { TILE_ROWS = 192, TILE_KEYS = 96, TILE_PANELS = TILE_ROWS / PRODUCT_COLUMNS };

/** Distance between the scores of two keys: an odd number of cache lines, so that keys spread over
 * all sets of the cache. */
enum { TILE_STEP = TILE_ROWS + 16 };

_Static_assert(TILE_ROWS % PRODUCT_ROWS == 0 && TILE_ROWS % PRODUCT_COLUMNS == 0, "whole tiles");

/** Keys begin .. end-1 of the present block, counted from its first. */
typedef struct tile_range {
  int32_t begin, end;
} tile_range;

/**
 * Rows of a tile are pairs (query i, head g of the kv head's group), g running fastest, so that
 * one loaded key serves all query heads that share it.
 */
typedef struct attention_tile {
  const seqmix_attention_problem *problem;
  seqmix_sequence sequence;
  int64_t kv_head;
  int64_t group;                        /* query heads of the kv head */
  int64_t first_row;                    /* number of row 0 among the sequence's q_rows * group */
  int64_t rows;                         /* 1 to TILE_ROWS */
  int64_t first_key;                    /* of the present block */
  int64_t keys;                         /* in the present block */
  int values_finite;                    /* whether the present values hold no infinity or NaN */
  int64_t depth;                        /* words of a packed row of q or k: D / PRODUCT_UNIT */
  int64_t padded_dim;                   /* D rounded up to whole panels */
  int64_t padded_values;                /* Dv likewise */
  seqmix_key_range common[TILE_PANELS]; /* keys that lengths and window leave to all its rows */
  tile_range live[TILE_PANELS]; /* keys that lengths and window leave to any row of a panel */
  int is_hidden[TILE_PANELS];   /* whether the block map hides the present keys from all its rows */
  int is_cut[TILE_PANELS];      /* whether lengths and window leave fewer to some row of it */
  const float *key_rows;        /* [keys, D], key_step apart: scratch, or where the keys lie */
  int64_t key_step;
  int64_t score_step;         /* from a key's scores to the next one's: TILE_STEP here */
  float *queries;             /* [panel of rows, D, PRODUCT_COLUMNS], times scale */
  float *rows_scratch;        /* a block of keys [TILE_KEYS, D], then of values */
  float *values;              /* there: [panel of Dv, TILE_KEYS, PRODUCT_COLUMNS] */
  float *scores;              /* [TILE_KEYS, TILE_STEP] */
  float *sums;                /* [TILE_ROWS, padded_values]: sum of exp(s - largest) v so far */
  float *largest;             /* [TILE_ROWS] */
  float *denominators;        /* [TILE_ROWS] */
  float *keep;                /* [TILE_ROWS]: factor by which a new largest shrinks what there is */
  seqmix_key_range *row_keys; /* [TILE_ROWS]: keys that lengths and window leave to each row */
  int32_t *row_begin;         /* [TILE_ROWS]: those of the present block, as in `live` */
  int32_t *row_end;
} attention_tile;

static inline int64_t tile_query(const attention_tile *tile, int64_t row) {
  return (tile->first_row + row) / tile->group;
}

static inline int64_t tile_head(const attention_tile *tile, int64_t row) {
  int64_t g = (tile->first_row + row) % tile->group;
  const seqmix_attention_problem *p = tile->problem;
  if (p->header.features & SEQMIX_ATTENTION_TILED_HEADS) return g * p->kv_heads + tile->kv_head;
  return tile->kv_head * tile->group + g;
}

/** `count` rounded up to whole panels. */
static inline uint64_t tile_padded(int64_t count) {
  return ((uint64_t)count + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS * PRODUCT_COLUMNS;
}

/** Panels that hold rows. */
static inline int64_t tile_panels(const attention_tile *tile) {
  return (tile->rows + PRODUCT_COLUMNS - 1) / PRODUCT_COLUMNS;
}

/** Rows that lie far apart are fetched so far ahead of their use. */
enum { ROWS_AHEAD = 8 };

static inline void prefetch_row(const char *row, int64_t bytes) {
  const int64_t line = 64;
  for (int64_t at = 0; at < bytes; at += line) __builtin_prefetch(row + at, 0, 3);
}

/** Bytes of so many elements; strides of axes of length 1 may be any number, and are not used. */
static inline int64_t tile_bytes_of(const seqmix_view *view, int64_t elements) {
  return (int64_t)((uint64_t)elements * (view->dtype == SEQMIX_F32 ? 4 : 2));
}

/** Address of element `at` of a view. */
static inline void *tile_element(const seqmix_view *view, int64_t at) {
  return (char *)view->data + tile_bytes_of(view, at);
}

#define tile_bytes LEVEL(tile_bytes)
#define tile_index_bytes LEVEL(tile_index_bytes)
#define tile_place LEVEL(tile_place)
#define tile_load_queries LEVEL(tile_load_queries)
#define tile_load_keys LEVEL(tile_load_keys)
#define tile_load_values LEVEL(tile_load_values)
#define tile_find_rows LEVEL(tile_find_rows)
#define tile_find_row_keys LEVEL(tile_find_row_keys)
#define tile_find_live LEVEL(tile_find_live)
#define tile_unpack_values LEVEL(tile_unpack_values)
#define tile_pack_weights LEVEL(tile_pack_weights)
#define tile_weight LEVEL(tile_weight)
#define tile_raw_scores LEVEL(tile_raw_scores)
#define tile_add_terms LEVEL(tile_add_terms)
#define tile_apply_softcap LEVEL(tile_apply_softcap)
#define tile_start_rows LEVEL(tile_start_rows)
#define tile_exponentiate LEVEL(tile_exponentiate)
#define tile_add_values LEVEL(tile_add_values)
#define tile_finish_row LEVEL(tile_finish_row)
#define tile_write_scores LEVEL(tile_write_scores)
#define tile_next_block LEVEL(tile_next_block)
#define tile_any_block LEVEL(tile_any_block)

/** Bytes of scratch a tile needs, rounded to a cache line; UINT64_MAX if beyond counting. */
uint64_t tile_bytes(const seqmix_attention_problem *problem);
/** Bytes of an index with an entry per sequence and one more, rounded to a cache line. */
uint64_t tile_index_bytes(const seqmix_attention_problem *problem);
/** Lays the tile's arrays out in `scratch`. */
void tile_place(attention_tile *tile, void *scratch);

void tile_load_queries(attention_tile *tile);
void tile_load_keys(attention_tile *tile, int64_t first, int64_t count);
void tile_load_values(attention_tile *tile);
/** PRODUCT_COLUMNS columns of value j of the block, from a multiple of that on. */
void tile_unpack_values(const attention_tile *tile, int64_t j, int64_t column,
                        float to[PRODUCT_COLUMNS]);
/** Brings the weights of a vector of rows from r on into the form products take; gives the keys
 * that are then there: whole units. */
tile_range tile_pack_weights(attention_tile *tile, tile_range live, int64_t r);
/** The packed weight of value j for row r. */
float tile_weight(const attention_tile *tile, int64_t j, int64_t r);
/** Addresses of keys first .. first+count-1 of k or v. */
void tile_find_rows(const attention_tile *tile, const seqmix_view *view, int64_t first,
                    int64_t count, const char **rows);

/** Where the block of keys that holds key `first` ends: at a multiple of its size wherever a window
 * begins, and with a block map at the ends of the map's blocks. */
int64_t tile_next_block(const seqmix_attention_problem *problem, int64_t first);
/** Sets `row_keys` and `common`. */
void tile_find_row_keys(attention_tile *tile);
/** Sets `live` and what belongs to it for the present block; 0 if no row has a key in it. */
int tile_find_live(attention_tile *tile);
/** Whether the block map leaves any of the keys to any row; sets `is_hidden`. */
int tile_any_block(attention_tile *tile, int64_t first, int64_t count);

/** scores = scale * q.k for the live keys of each panel. */
void tile_raw_scores(attention_tile *tile);
/** softcap on those. */
void tile_apply_softcap(attention_tile *tile);
/** Bias, ALiBi, mask and block map on those; masked scores become -inf. */
void tile_add_terms(attention_tile *tile);

/** No key seen yet. */
void tile_start_rows(attention_tile *tile);
/** Scores become exp(s - largest); `keep` says by what the sums so far must shrink. */
void tile_exponentiate(attention_tile *tile);
/** sums = keep * sums + p v over the present keys. */
void tile_add_values(attention_tile *tile);
/** Lets the sink in and writes out and lse of a row. */
void tile_finish_row(attention_tile *tile, int64_t r);

/** The scores output of the tile's rows, after their softmax is known. */
void tile_write_scores(attention_tile *tile);

#endif
