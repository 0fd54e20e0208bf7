/* SPDX-License-Identifier: Apache-2.0 */
/* What the `decode` variant does with a block of keys. It uses an attention_tile with scratch and
 * a layout of its own: rows are padded to 1, 2, 4 or 8 (row_step), and a key's scores lie beside
 * each other, [key, row_step], so that few rows still fill whole vectors.
 *
 * Vectors go in pairs of PRODUCT_COLUMNS elements. A pair of 16-bit brain floats comes as the even
 * elements and the odd ones, which costs a shift and a mask; queries are brought into that order
 * beforehand and sums out of it afterwards. */
#ifndef SEQMIX_CPU_ATTENTION_DECODE_H
#define SEQMIX_CPU_ATTENTION_DECODE_H

#include "cpu/attention/tile.h"

enum { DECODE_ROWS = 8, DECODE_KEYS = 32, DECODE_HEADS = 8 };

/** Sums of scores in registers: more than eight spill where there are 16 registers. */
#if SEQMIX_VECTOR_BYTES == 64
enum { DECODE_SCORES = 12 };
#else
enum { DECODE_SCORES = 8 };
#endif

/** A block of keys: where the rows of the first kv head that takes turns on it lie. */
typedef struct decode_block {
  const char *keys[DECODE_KEYS], *values[DECODE_KEYS];
  int64_t first, count;
} decode_block;

/** What the present turn reads; [DECODE_KEYS] each. */
typedef struct decode_rows {
  const char *keys[DECODE_KEYS]; /* as scores read them */
  const char *values[DECODE_KEYS];
  const char *ahead[2 * DECODE_KEYS]; /* what to fetch meanwhile: keys, then as many values */
  int64_t ahead_count;                /* of each */
  int32_t key_dtype, value_dtype;     /* of what the first two point at */
  int64_t key_bytes, value_bytes;     /* of a row of k and v */
} decode_rows;

#define decode_bytes LEVEL(decode_bytes)
#define decode_place LEVEL(decode_place)
#define decode_start LEVEL(decode_start)
#define decode_find_block LEVEL(decode_find_block)
#define decode_take_turn LEVEL(decode_take_turn)
#define decode_score LEVEL(decode_score)
#define decode_exponentiate LEVEL(decode_exponentiate)
#define decode_add_values LEVEL(decode_add_values)
#define decode_order_sums LEVEL(decode_order_sums)

/** Bytes of scratch, rounded to a cache line; UINT64_MAX if beyond counting. */
uint64_t decode_bytes(const seqmix_attention_problem *problem);
/** Lays the arrays of a tile whose `rows` are known out in `scratch`. Tiles of several slots, below
 * DECODE_HEADS, keep their rows' state while they take turns with the rest. */
void decode_place(attention_tile *tile, void *scratch, int64_t slot);
/** No key seen yet; loads the queries. */
void decode_start(attention_tile *tile);

/** Finds the block from key `first` on; it ends at a multiple of DECODE_KEYS, or at `end`. */
void decode_find_block(const attention_tile *tile, int64_t first, int64_t end, decode_block *block);
/** What kv head number `turn` of `turns` reads of `block`, rows that cannot be read where they lie
 * copied; and its share of what is to be fetched meanwhile: the rows of all heads of some keys of
 * the block after it, in the order they lie in memory. */
void decode_take_turn(attention_tile *tile, const decode_block *block, const decode_block *next,
                      int64_t turn, int64_t turns, decode_rows *rows);
/** scores = scale * q.k, softcap and terms on them, for the live keys. */
void decode_score(attention_tile *tile, const decode_rows *rows);
/** Scores become exp(s - largest); keep says by what the sums so far must shrink. */
void decode_exponentiate(attention_tile *tile);
/** sums = keep * sums + p v. `guarded` leaves out keys of weight 0, whatever their values are. */
void decode_add_values(attention_tile *tile, const decode_rows *keys, int guarded);
/** Brings the sums into the order of v; 0 if there is a NaN among them. */
int decode_order_sums(attention_tile *tile);

#endif
