/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of BLOCK_ROWS queries of a head, and where the unfused algorithm keeps their scores.
 *
 * A unit is a kv head of a sequence with the query heads that read it: its rows follow each other,
 * so that they are one matrix beside the unit's keys. */
#include "attention/terms.h"
#include "attention/unfused.h"

typedef struct block {
  attention_sequence of;
  int64_t h, kv_head;
  int64_t unit;  /* of those under way */
  int64_t first; /* query */
  int32_t live;  /* queries with keys, at most BLOCK_ROWS */
  int32_t rows;  /* queries there are, likewise */
  int64_t work;  /* where its first row's scores lie, and its first denominator */
  int64_t denominators;
} block;

DEVICE int64_t group_of(const attention_arguments *a) { return a->q_heads / a->kv_heads; }
DEVICE int64_t blocks_of_head(const attention_arguments *a) {
  return (a->query_length + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

/* The number of the first unit under way, among all: sequences times kv heads. */
DEVICE int64_t first_unit(const attention_arguments *a) {
  return a->first / (blocks_of_head(a) * group_of(a));
}

DEVICE int32_t at_most_rows(int64_t rows) {
  return rows < 0 ? 0 : rows < BLOCK_ROWS ? (int32_t)rows : BLOCK_ROWS;
}

/* Block `number` of those under way; there is none beyond a.count. */
DEVICE block find_block(const attention_arguments *a, const attention_memory *m, int64_t number) {
  int64_t blocks = blocks_of_head(a), group = group_of(a);
  int64_t whole = a->first + number, head = whole / blocks, unit = head / group;
  block b;
  b.unit = unit - first_unit(a);
  b.kv_head = unit % a->kv_heads;
  b.h = head_of(a, b.kv_head, head % group);
  b.of = attention_sequence_at(a, m, unit / a->kv_heads);
  b.first = whole % blocks * BLOCK_ROWS;
  b.live = at_most_rows(b.of.q_live - b.first);
  b.rows = at_most_rows(b.of.q_rows - b.first);
  b.work = number * BLOCK_ROWS * a->key_length;
  b.denominators = a->count * BLOCK_ROWS * a->key_length + number * BLOCK_ROWS;
  return b;
}

/* How many elements of a row of `dim` a lane has from d on. */
DEVICE int32_t lane_count(int64_t dim, int64_t d) {
  return dim - d < LANES ? (int32_t)(dim - d) : LANES;
}

/* A lane of a row, from element d on. */
DEVICE lane load_lane(const GLOBAL uint8_t *data, int32_t dtype, int64_t at, int64_t dim,
                      int64_t d) {
  return load_lanes(data, dtype, at + d, 1, lane_count(dim, d), 0.0f);
}

/* The result of the block's row r, from value dimension d on. */
DEVICE void store_result(const attention_arguments *a, const attention_memory *m, const block *b,
                         int32_t r, int64_t d, float denominator, lane result) {
  if (denominator != denominator) result = lane_of(denominator);
  store_lanes(m->out, a->out.dtype, row_at(&a->out, &b->of, b->first + r, b->h) + d, 1,
              lane_count(a->value_dim, d), result);
}
