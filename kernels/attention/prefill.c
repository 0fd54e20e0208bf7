/* SPDX-License-Identifier: Apache-2.0 */
/* attention of many queries, with the softmax done along the way:
 *
 *     m'  = max(m, max_j s[j])          l' = l exp(m - m') + sum_j exp(s[j] - m')
 *     o'  = o exp(m - m') + sum_j exp(s[j] - m') v[j]          out = o / l,  lse = m + log l
 *
 * A work-group takes a tile of rows (tile.h) through the keys they may see, KEYS at a time. Scores
 * never leave local memory. A sink is a score that comes before the keys, without a value.
 *
 * Constants: DIM (64, 128 or 256, not below D and Dv), ROWS, KEYS, COLUMN_TRIPS, LANES, ITEMS.
 * Types are told apart where rows are loaded, once per tile. */
#include "attention/tile.h"

KERNEL void attention_prefill(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  LOCAL_BLOCK(block, TILE_FLOATS);
  lane sums[COLUMN_TRIPS * VALUE_TRIPS];
  tile t = find_tile(&a, &m);
  int64_t last = tile_query(&t, t.live > 0 ? t.live - 1 : 0);
  key_range any = keys_of_rows(&a, &t.of, t.first_query, last);
  key_range all = keys_of_all_rows(&a, &t.of, t.first_query, last);
  int32_t columns = tile_columns(&t);
  for (int32_t i = 0; i < COLUMN_TRIPS * VALUE_TRIPS; i++) sums[i] = lane_of(0.0f);
  start_rows(&a, &m, &t, block);
  load_queries(&a, &m, &t, block);
  for (int64_t first = any.begin / KEYS * KEYS; first < any.end; first += KEYS) {
    int64_t left = t.of.k_live - first;
    int32_t count = left < KEYS ? (int32_t)left : KEYS;
    group_barrier();
    load_rows(&a, &m, &t, &a.k, m.k, a.head_dim, first, count, block);
    group_barrier();
    multiply_keys(&a, &t, count, block);
    group_barrier();
    if (a.has_terms || first < all.begin || first + KEYS > all.end)
      add_terms(&a, &m, &t, first, columns, block);
    load_rows(&a, &m, &t, &a.v, m.v, a.value_dim, first, count, block);
    group_barrier();
    find_largest(block, columns);
    group_barrier();
    exponentiate(&t, block, columns);
    group_barrier();
    add_denominators(&t, block, columns);
    add_values(&a, &t, count, block, sums);
  }
  group_barrier();
  store_sums(&a, &m, &t, block, sums);
  store_lse(&a, &m, &t, block);
}
