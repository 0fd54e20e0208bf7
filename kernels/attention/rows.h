/* SPDX-License-Identifier: Apache-2.0 */
/* A tile of ROWS rows of queries.
 *
 * Rows are pairs (query i, head g of the kv head's group), g running fastest, so that one loaded
 * key serves all heads that share it. */
#include "attention/terms.h"

typedef struct tile {
  attention_sequence of;
  int64_t kv_head;
  int64_t first_query;  /* of row 0 */
  int32_t group;        /* query heads of the kv head */
  int32_t first_member; /* of row 0 in the group */
  int32_t rows, live;   /* rows there are, and rows with keys */
} tile;

DEVICE int64_t tile_query(const tile *t, int32_t row) {
  return t->first_query + (t->first_member + row) / t->group;
}
DEVICE int64_t tile_head(const attention_arguments *a, const tile *t, int32_t row) {
  return head_of(a, t->kv_head, (t->first_member + row) % t->group);
}

DEVICE int32_t at_most_rows(int64_t rows) {
  return rows < 0 ? 0 : rows < ROWS ? (int32_t)rows : ROWS;
}

/* The tile from row `first` on of unit `unit`: a kv head of a sequence, kv heads fastest. */
DEVICE tile tile_at(const attention_arguments *a, const attention_memory *m, int64_t unit,
                    int64_t first) {
  int64_t group = a->q_heads / a->kv_heads;
  tile t;
  t.of = attention_sequence_at(a, m, unit / a->kv_heads);
  t.kv_head = unit % a->kv_heads;
  t.group = (int32_t)group;
  t.first_query = first / group;
  t.first_member = (int32_t)(first % group);
  t.rows = at_most_rows(t.of.q_rows * group - first);
  t.live = at_most_rows(t.of.q_live * group - first);
  return t;
}

/* Work-groups are counted with tiles fastest, the last rows of a sequence first: where attention is
 * causal they take longest. */
DEVICE tile find_tile(const attention_arguments *a, const attention_memory *m) {
  int64_t rows = a->query_length * (a->q_heads / a->kv_heads);
  int64_t tiles = (rows + ROWS - 1) / ROWS, number = group_number();
  return tile_at(a, m, number / tiles, (tiles - 1 - number % tiles) * ROWS);
}
