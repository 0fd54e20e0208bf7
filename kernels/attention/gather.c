/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices for a library's products, in f32, out of tensors of any type, stride, packing and pages;
 * and its results into such a tensor. The scores between the products are unfused.c's.
 *
 *     queries [unit, row, D]      keys [unit, j, D]      values [unit, j, Dv]
 *
 * What a mask hides must not reach a result, but 0 times infinity would. So a unit with values that
 * are not finite has its flag raised, and unfused.c's own kernel computes its results once more.
 * Keys need none of it: each spoils its own score alone.
 *
 * Constants: LANES, ITEMS. An item has a lane. */
#include "attention/blocks.h"

DEVICE void store_gathered(GLOBAL float *work, int64_t at, int64_t dim, int64_t d, lane x) {
  store_lanes((GLOBAL uint8_t *)work, TYPE_F32, at + d, 1, lane_count(dim, d), x);
}

/* Rows that are not there are 0. */
KERNEL void attention_gather_queries(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  int64_t columns = (a.head_dim + LANES - 1) / LANES;
  int64_t number = group_number() * ITEMS + item_number(), d = number % columns * LANES;
  if (number / columns >= a.count) return;
  block b = find_block(&a, &m, number / columns);
  int64_t to = a.rows_at + number / columns * BLOCK_ROWS * a.head_dim;
  for (int32_t r = 0; r < BLOCK_ROWS; r++) {
    lane x = lane_of(0.0f);
    if (r < b.live)
      x = load_lane(m.q, a.q.dtype, row_at(&a.q, &b.of, b.first + r, b.h), a.head_dim, d);
    store_gathered(work, to + r * a.head_dim, a.head_dim, d, x);
  }
}

/* A lane of a key's or value's row, 0 if it is not there. */
DEVICE lane load_key_lane(const attention_arguments *a, const attention_memory *m,
                          const attention_rows *rows, const GLOBAL uint8_t *data, int64_t unit,
                          int64_t j, int64_t dim, int64_t d) {
  attention_sequence of = attention_sequence_at(a, m, (first_unit(a) + unit) / a->kv_heads);
  if (j >= of.k_live) return lane_of(0.0f);
  key_place place = place_key(a, m, &of, j);
  if (place.outer < 0) return lane_of(0.0f);
  return load_lane(data, rows->dtype, key_at(rows, place, (first_unit(a) + unit) % a->kv_heads),
                   dim, d);
}

/* Of whole units under way. */
DEVICE int64_t units_under_way(const attention_arguments *a) {
  return a->count / (blocks_of_head(a) * group_of(a));
}

/* Takes the flags down, too, before values are gathered. */
KERNEL void attention_gather_keys(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  int64_t columns = (a.head_dim + LANES - 1) / LANES;
  int64_t number = group_number() * ITEMS + item_number(), d = number % columns * LANES;
  int64_t row = number / columns, unit = row / a.key_length, j = row % a.key_length;
  if (unit >= units_under_way(&a)) return;
  if (j == 0 && d == 0) ((GLOBAL int32_t *)work)[a.flags_at + unit] = 0;
  store_gathered(work, a.keys_at + row * a.head_dim, a.head_dim, d,
                 load_key_lane(&a, &m, &a.k, m.k, unit, j, a.head_dim, d));
}

KERNEL void attention_gather_values(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  int64_t columns = (a.value_dim + LANES - 1) / LANES;
  int64_t number = group_number() * ITEMS + item_number(), d = number % columns * LANES;
  int64_t row = number / columns, unit = row / a.key_length, j = row % a.key_length;
  if (unit >= units_under_way(&a)) return;
  lane x = load_key_lane(&a, &m, &a.v, m.v, unit, j, a.value_dim, d);
  if (lane_any((lane_bits(x) & 0x7f800000) == 0x7f800000))
    keep_largest((GLOBAL int32_t *)work + a.flags_at + unit, 1);
  store_gathered(work, a.values_at + row * a.value_dim, a.value_dim, d, x);
}

/* Results lie where the queries did. */
KERNEL void attention_scatter_results(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  int64_t columns = (a.value_dim + LANES - 1) / LANES;
  int64_t number = group_number() * ITEMS + item_number(), d = number % columns * LANES;
  if (number / columns >= a.count) return;
  block b = find_block(&a, &m, number / columns);
  int64_t from = a.rows_at + number / columns * BLOCK_ROWS * a.value_dim;
  for (int32_t r = 0; r < b.rows; r++) {
    lane x =
        load_lane((const GLOBAL uint8_t *)work, TYPE_F32, from + r * a.value_dim, a.value_dim, d);
    store_result(&a, &m, &b, r, d, work[b.denominators + r], x);
  }
}
