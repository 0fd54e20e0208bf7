/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of q, k and v on their way into local memory, as they are: 16-bit numbers in tiles of
 * shared/mma.h, by copies beside the registers where rows are aligned to 16 bytes.
 *
 * Where rows lie is found once per row, by one item each, and left in local memory: pages are
 * looked up and heads are counted there. */
#include "attention/rows.h"
#include "shared/mma.h"

/* What is there instead of a row's first element if there is no row; zeros are copied. */
#define NO_ROW (-0x7fffffffffffffff - 1)

/* A tensor of rows, and whether they can be copied 16 bytes at a time. */
typedef struct row_source {
  const GLOBAL uint8_t *data;
  int32_t dim;
  int32_t is_aligned;
} row_source;

DEVICE row_source source_of(const GLOBAL uint8_t *data, const attention_rows *rows, int64_t dim) {
  int64_t apart = rows->stride[0] | rows->stride[1] | rows->stride[2] | dim;
  row_source s = {data, (int32_t)dim, (apart & 7) == 0 && ((uint64_t)data & 15) == 0};
  return s;
}

enum { FACTS_BYTES = 192 };

/* What all items of a block know alike. It lies in local memory, for it would take a quarter of
 * their registers. */
typedef struct block_facts {
  tile of;
  key_range any, all; /* keys that some row may see, and that every row does */
  row_source q, k, v;
} block_facts;
static_assert(sizeof(block_facts) <= FACTS_BYTES, "facts have no room");

/* By one item, before a barrier. */
DEVICE void find_facts(const attention_arguments *a, const attention_memory *m, tile of,
                       LOCAL block_facts *f) {
  int64_t last = tile_query(&of, of.live > 0 ? of.live - 1 : 0);
  f->of = of;
  f->any = keys_of_rows(a, &of.of, of.first_query, last);
  f->all = keys_of_all_rows(a, &of.of, of.first_query, last);
  f->q = source_of(m->q, &a->q, a->head_dim);
  f->k = source_of(m->k, &a->k, a->head_dim);
  f->v = source_of(m->v, &a->v, a->value_dim);
}

/* Where keys first .. first+KEYS-1 lie in k and, KEYS further on, in v: of even and of odd tiles.
 */
DEVICE LOCAL int64_t *places_of(LOCAL int64_t *places, int64_t first) {
  return places + (first / KEYS & 1) * 2 * KEYS;
}

/* Keys that no row sees are not there. */
DEVICE void find_keys(const attention_arguments *a, const attention_memory *m,
                      const LOCAL block_facts *f, int64_t first, LOCAL int64_t *places) {
  for (int32_t j = (int32_t)item_number(); j < KEYS; j += ITEMS) {
    key_place place = {-1, 0};
    if (first + j < f->any.end) place = place_key(a, m, &f->of.of, first + j);
    places[j] = place.outer < 0 ? NO_ROW : key_at(&a->k, place, f->of.kv_head);
    places[KEYS + j] = place.outer < 0 ? NO_ROW : key_at(&a->v, place, f->of.kv_head);
  }
}

/* Where rows lie in q, and the keys that lengths and window leave to them. */
DEVICE void find_queries(const attention_arguments *a, const LOCAL block_facts *f,
                         LOCAL int64_t *places, LOCAL key_range *ranges) {
  for (int32_t row = (int32_t)item_number(); row < ROWS; row += ITEMS) {
    int64_t i = tile_query(&f->of, row), h = tile_head(a, &f->of, row);
    places[row] = row < f->of.live ? row_at(&a->q, &f->of.of, i, h) : NO_ROW;
    ranges[row] = keys_of_rows(a, &f->of.of, i, i);
  }
}

/* Eight numbers of a row of `dim`, from d on, one by one. */
DEVICE void copy_numbers(LOCAL uint16_t *to, const GLOBAL uint16_t *row, int32_t d, int32_t dim) {
  for (int32_t i = 0; i < 8; i++) to[i] = d + i < dim ? row[d + i] : (uint16_t)0;
}

/* Starts copying `count` rows into a tile `columns` wide; both are constants. */
DEVICE INLINE void copy_rows(row_source from, const LOCAL int64_t *rows, int32_t count,
                             int32_t columns, LOCAL uint16_t *tile) {
  const int32_t parts = columns / 8, trips = (count * parts + ITEMS - 1) / ITEMS;
  const GLOBAL uint16_t *data = (const GLOBAL uint16_t *)from.data;
  if (from.is_aligned) {
    _Pragma("unroll 4") for (int32_t i = 0; i < trips; i++) {
      int32_t at = (int32_t)item_number() + i * ITEMS, row = at / parts, d = at % parts * 8;
      if (count * parts % ITEMS != 0 && row >= count) break;
      int64_t first = rows[row];
      int is_there = first != NO_ROW && d < from.dim;
      start_copy_16(tile + row * TILE_ROW(columns) + d, data + (is_there ? first + d : 0),
                    is_there);
    }
    return;
  }
  _Pragma("unroll 1") for (int32_t at = (int32_t)item_number(); at < count * parts; at += ITEMS) {
    int32_t row = at / parts, d = at % parts * 8;
    int64_t first = rows[row];
    int32_t dim = first == NO_ROW ? 0 : from.dim;
    copy_numbers(tile + row * TILE_ROW(columns) + d, data + (dim ? first : 0), d, dim);
  }
}
