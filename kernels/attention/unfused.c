/* SPDX-License-Identifier: Apache-2.0 */
/* attention with its scores in memory: any D and Dv, and the scores themselves as an output.
 *
 *   attention_products   s[i,j] = scale * q[i].k[j]
 *   attention_softmax    s = all that a score is; p = exp(s - max s) / l, in its place
 *   attention_values     out[i] = sum_j p[i,j] v[j]
 *
 * in workspace, for as many rows at a time as there is room for (unfused.c of the host). Rows go in
 * blocks of BLOCK_ROWS queries of one head, so that an item has each key once for all of them.
 *
 * Products and values are plain: each element is computed for itself. A library of products may
 * take their place (gather.c).
 *
 * Constants: LANES, ITEMS. */
#include "attention/blocks.h"
#include "shared/indices.h"

/* Keys that are summed for themselves: long rows keep their last digits. */
enum { SUM_KEYS = 128 };

/* An item has a key and a block of rows. */
KERNEL void attention_products(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  int64_t number = group_number() * ITEMS + item_number();
  int64_t j = number % a.key_length;
  lane sums[BLOCK_ROWS];
  int64_t rows[BLOCK_ROWS];
  if (number / a.key_length >= a.count) return;
  block b = find_block(&a, &m, number / a.key_length);
  if (b.live == 0 || j >= b.of.k_live) return;
  key_place place = place_key(&a, &m, &b.of, j);
  int64_t key = key_at(&a.k, place, b.kv_head);
  UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) {
    /* Rows that are not there are the last one again. */
    rows[r] = row_at(&a.q, &b.of, b.first + (r < b.live ? r : b.live - 1), b.h);
    sums[r] = lane_of(0.0f);
  }
  for (int64_t d = 0; d < a.head_dim && place.outer >= 0; d += LANES) {
    lane x = load_lane(m.k, a.k.dtype, key, a.head_dim, d);
    UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) sums[r] =
        lane_multiply_add(load_lane(m.q, a.q.dtype, rows[r], a.head_dim, d), x, sums[r]);
  }
  UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) work[b.work + r * a.key_length + j] =
      a.scale * lane_sum(sums[r]);
}

/* What the scores output is given of a live row's existing key: not the probabilities. */
DEVICE float shown_score(const attention_arguments *a, float raw, float whole) {
  if (a->scores_mode == SHOW_RAW) return raw;
  return a->scores_mode == SHOW_SOFTCAP ? capped_score(a, raw) : whole;
}

/* The larger of, or the sum over, all items' numbers; `floats` are one per item. */
DEVICE void put_number(LOCAL float *floats, float x) { floats[item_number()] = x; }
DEVICE float largest_of(const LOCAL float *floats) {
  float x = floats[0];
  for (int32_t i = 1; i < ITEMS; i++) x = fmax(x, floats[i]);
  return x;
}
DEVICE float sum_of(const LOCAL float *floats) {
  float x = floats[0];
  for (int32_t i = 1; i < ITEMS; i++) x += floats[i];
  return x;
}

/* The item's part of what keys begin .. end-1 add to a denominator. */
DEVICE float sum_exp(const GLOBAL float *row, int64_t begin, int64_t end, float from) {
  float sum = 0.0f;
  for (int64_t j = begin; j < end; j += ITEMS) sum += exp(row[j] - from);
  return sum;
}

/* A work-group has a row. */
KERNEL void attention_softmax(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  LOCAL_BLOCK(floats, 2 * ITEMS);
  int32_t r = (int32_t)(group_number() % BLOCK_ROWS);
  block b = find_block(&a, &m, group_number() / BLOCK_ROWS);
  int64_t i = b.first + r, shown = 0;
  int64_t keys = r < b.live ? b.of.k_live : 0, all = r < b.rows ? a.key_length : 0;
  GLOBAL float *row = work + b.work + r * a.key_length;
  score_row of = score_row_of(&a, &m, &b.of, i, b.h);
  float sink = r < b.live ? sink_of(&a, &m, b.h) : -INFINITY, largest = sink, sum = 0.0f;
  int is_probability = a.scores_mode == SHOW_PROBABILITIES;
  if (a.scores.dtype) shown = score_at(&a.scores, b.of.n, b.h, i);
  for (int64_t j = item_number(); j < all; j += ITEMS) {
    float raw = j < keys ? row[j] : -INFINITY;
    float whole = j < keys ? final_score(&a, &m, &of, j, raw) : -INFINITY;
    if (a.scores.dtype && !is_probability)
      store_element(m.scores, a.scores.dtype, shown + j * a.scores.stride[3],
                    j < keys ? shown_score(&a, raw, whole) : -INFINITY);
    if (j < keys) row[j] = whole;
    largest = fmax(largest, whole);
  }
  put_number(floats, largest);
  group_barrier();
  largest = largest_of(floats);
  float from = largest == -INFINITY ? 0.0f : largest;
  for (int64_t j = item_number(); j < keys; j += ITEMS * SUM_KEYS)
    sum += sum_exp(row, j, least(j + ITEMS * SUM_KEYS, keys), from);
  put_number(floats + ITEMS, sum);
  group_barrier();
  sum = sum_of(floats + ITEMS) +
        denominator_of_sink(sink) * exp(sink == -INFINITY ? 0.0f : sink - from);
  for (int64_t j = item_number(); j < all; j += ITEMS) {
    float p = j < keys && row[j] != -INFINITY ? exp(row[j] - from) / sum : 0.0f;
    row[j] = p;
    if (a.scores.dtype && is_probability)
      store_element(m.scores, a.scores.dtype, shown + j * a.scores.stride[3], p);
  }
  if (item_number() != 0) return;
  work[b.denominators + r] = sum;
  if (a.lse.dtype && r < b.rows)
    store_element(m.lse, a.lse.dtype, lse_at(&a.lse, &b.of, i, b.h),
                  sum == 0.0f ? -INFINITY : largest + log(sum));
}

/* Adds the values of keys begin .. end-1. Keys of weight 0 are left out: what a mask hides may be
 * infinite. */
DEVICE void add_keys(const attention_arguments *a, const attention_memory *m, const block *b,
                     const GLOBAL float *work, int64_t begin, int64_t end, int64_t d, lane *sums) {
  lane parts[BLOCK_ROWS];
  UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) parts[r] = lane_of(0.0f);
  for (int64_t j = begin; j < end; j++) {
    key_place place = place_key(a, m, &b->of, j);
    if (place.outer < 0) continue;
    lane x = load_lane(m->v, a->v.dtype, key_at(&a->v, place, b->kv_head), a->value_dim, d);
    UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) {
      float p = r < b->live ? work[b->work + r * a->key_length + j] : 0.0f;
      if (p != 0.0f) parts[r] = lane_multiply_add(lane_of(p), x, parts[r]);
    }
  }
  UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) sums[r] += parts[r];
}

/* An item has a lane of value dimensions and a block of rows. Beside a library's products only
 * units whose flag is up are done. */
KERNEL void attention_values(ATTENTION_PARAMETERS) {
  const attention_memory m = ATTENTION_MEMORY;
  int64_t columns = (a.value_dim + LANES - 1) / LANES;
  int64_t number = group_number() * ITEMS + item_number(), d = number % columns * LANES;
  lane sums[BLOCK_ROWS];
  if (number / columns >= a.count) return;
  block b = find_block(&a, &m, number / columns);
  if (a.flags_at && !((const GLOBAL int32_t *)work)[a.flags_at + b.unit]) return;
  key_range keys = keys_of_rows(&a, &b.of, b.first, b.first + b.live - 1);
  UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) sums[r] = lane_of(0.0f);
  for (int64_t j = keys.begin; j < keys.end; j += SUM_KEYS)
    add_keys(&a, &m, &b, work, j, least(j + SUM_KEYS, keys.end), d, sums);
  UNROLL for (int32_t r = 0; r < BLOCK_ROWS; r++) {
    if (r < b.rows) store_result(&a, &m, &b, r, d, work[b.denominators + r], sums[r]);
  }
}
