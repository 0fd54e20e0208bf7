/* SPDX-License-Identifier: Apache-2.0 */
/* What follows the scores of a tile: the online softmax over its blocks of keys, the sum of values,
 * and the end of each row. See blocked.c for the formulas. */
#include <math.h>

#include "core/element.h"
#include "cpu/attention/tile.h"
#include "cpu/simd/convert.h"
#include "cpu/simd/math.h"

/* ---- the online softmax ---------------------------------------------------------------------- */

void tile_start_rows(attention_tile *tile) {
  /* Whole panels, and the group of rows that may reach beyond the last. */
  int64_t rows = tile_panels(tile) * PRODUCT_COLUMNS + PRODUCT_ROWS;
  if (rows > TILE_ROWS) rows = TILE_ROWS;
  for (int64_t r = 0; r < rows; r++) {
    tile->largest[r] = -INFINITY;
    tile->denominators[r] = 0;
    tile->keep[r] = 0;
  }
  for (int64_t i = 0; i < rows * tile->padded_values; i++) tile->sums[i] = 0;
}

/* Scores of one vector of rows outside each row's range become -inf. */
static void cut_rows(const attention_tile *tile, tile_range live, int64_t r, float *scores) {
  ivec begin = ivec_load(tile->row_begin + r), end = ivec_load(tile->row_end + r);
  for (int32_t j = live.begin; j < live.end; j++) {
    ivec inside = (begin <= j) & (end > j);
    vec_store(scores + j * TILE_STEP,
              vec_select(inside, vec_load(scores + j * TILE_STEP), vec_of(-INFINITY)));
  }
}

/* One vector of rows. A row of NaN or +inf turns NaN here by itself: exp(inf - inf). */
static void exponentiate_vector(attention_tile *tile, tile_range live, int64_t r) {
  float *scores = tile->scores + r;
  vec before = vec_load(tile->largest + r), largest = before, other = before, sum = vec_of(0);
  int32_t j = live.begin;
  /* Two chains: one alone would wait for each comparison. */
  for (; j + 2 <= live.end; j += 2) {
    largest = vec_max(vec_load(scores + j * TILE_STEP), largest);
    other = vec_max(vec_load(scores + (j + 1) * TILE_STEP), other);
  }
  if (j < live.end) largest = vec_max(vec_load(scores + j * TILE_STEP), largest);
  largest = vec_max(other, largest);
  /* No live key yet: any finite shift gives exp(-inf) = 0, and -inf itself would give NaN. */
  vec shift = vec_select(largest == -INFINITY, vec_of(0), largest);
  for (j = live.begin; j < live.end; j++) {
    vec p = vec_exp_of_negative(vec_load(scores + j * TILE_STEP) - shift);
    vec_store(scores + j * TILE_STEP, p);
    sum += p;
  }
  vec keep = vec_exp_of_negative(before - shift);
  vec_store(tile->keep + r, keep);
  vec_store(tile->denominators + r, keep * vec_load(tile->denominators + r) + sum);
  vec_store(tile->largest + r, largest);
}

void tile_exponentiate(attention_tile *tile) {
  for (int64_t panel = 0; panel < tile_panels(tile); panel++) {
    tile_range live = tile->live[panel];
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      int64_t r = panel * PRODUCT_COLUMNS + v * LANES;
      if (r >= tile->rows) break; /* nothing but padding, which may hold anything */
      if (tile->is_cut[panel]) cut_rows(tile, live, r, tile->scores + r);
      exponentiate_vector(tile, live, r);
      tile->live[panel] = tile_pack_weights(tile, live, r);
    }
  }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Keys that any of PRODUCT_ROWS rows from r on may see. The rows may lie in two panels, and then
 * the scores of one panel may not have been computed for all of them: those become 0. */
static tile_range keys_of_group(const attention_tile *tile, int64_t r) {
  int64_t first = r / PRODUCT_COLUMNS, last = (r + PRODUCT_ROWS - 1) / PRODUCT_COLUMNS;
  tile_range a = tile->live[first];
  if (last == first || last >= tile_panels(tile)) return a;
  tile_range b = tile->live[last];
  if (a.begin == b.begin && a.end == b.end) return a;
  if (a.begin >= a.end) a.begin = a.end = b.begin;
  if (b.begin >= b.end) b.begin = b.end = a.begin;
  tile_range both = {a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
  for (int64_t i = r; i < r + PRODUCT_ROWS; i++) {
    tile_range own = i / PRODUCT_COLUMNS == first ? a : b;
    for (int32_t j = both.begin; j < own.begin; j += PRODUCT_UNIT)
      tile->scores[j * TILE_STEP + i] = 0;
    for (int32_t j = own.end; j < both.end; j += PRODUCT_UNIT) tile->scores[j * TILE_STEP + i] = 0;
  }
  return both;
}

/* Rows whose scores (18 KB) stay in L1 beside a panel of values (6 KB) that they share. */
enum { GROUPS_AT_ONCE = 48 / PRODUCT_ROWS };

/* Groups of rows from r on, GROUPS_AT_ONCE at most. */
static void add_values_to_groups(attention_tile *tile, int64_t r) {
  product_tile groups[GROUPS_AT_ONCE];
  int count = 0;
  for (; count < GROUPS_AT_ONCE && r < tile->rows; count++, r += PRODUCT_ROWS) {
    tile_range keys = keys_of_group(tile, r);
    groups[count] = (product_tile){
        .a = tile->scores + (int64_t)keys.begin * TILE_STEP + r,
        .b = tile->values + (int64_t)keys.begin / PRODUCT_UNIT * PRODUCT_COLUMNS,
        .c = tile->sums + r * tile->padded_values,
        .a_depth = PRODUCT_UNIT * TILE_STEP,
        .c_row = tile->padded_values,
        .depth = (keys.end - keys.begin) / PRODUCT_UNIT,
        .keep = tile->keep + r,
    };
  }
  for (int64_t d = 0; d < tile->padded_values; d += PRODUCT_COLUMNS)
    for (int i = 0; i < count; i++) {
      product_packed(&groups[i]);
      groups[i].b += (int64_t)TILE_KEYS / PRODUCT_UNIT * PRODUCT_COLUMNS;
      groups[i].c += PRODUCT_COLUMNS;
    }
}

/* The same where the values hold infinities or NaN: keys that a mask hides from a row have p = 0
 * and must not reach it as 0 * inf. */
static void add_values_guarded(attention_tile *tile) {
  for (int64_t r = 0; r < tile->rows; r++)
    for (int64_t d = 0; d < tile->padded_values; d += PRODUCT_COLUMNS) {
      float block[PRODUCT_COLUMNS] = {0}, value[PRODUCT_COLUMNS];
      for (int64_t j = tile->row_begin[r]; j < tile->row_end[r]; j++) {
        float weight = tile_weight(tile, j, r);
        if (weight == 0) continue;
        tile_unpack_values(tile, j, d, value);
        for (int64_t i = 0; i < PRODUCT_COLUMNS; i++) block[i] += weight * value[i];
      }
      float *sums = tile->sums + r * tile->padded_values + d;
      for (int64_t i = 0; i < PRODUCT_COLUMNS; i++) sums[i] = tile->keep[r] * sums[i] + block[i];
    }
}

void tile_add_values(attention_tile *tile) {
  tile_load_values(tile);
  if (!tile->values_finite) {
    add_values_guarded(tile);
    return;
  }
  for (int64_t r = 0; r < tile->rows; r += GROUPS_AT_ONCE * PRODUCT_ROWS)
    add_values_to_groups(tile, r);
}

/* ---- the end of a row ------------------------------------------------------------------------ */

/* Lets the sink into the row's statistics. */
static void add_sink(attention_tile *tile, int64_t r) {
  const seqmix_attention_problem *p = tile->problem;
  float sink = seqmix_load(p->sinks.data, p->sinks.dtype, tile_head(tile, r) * p->sinks.stride[0]);
  float largest = sink > tile->largest[r] ? sink : tile->largest[r];
  float shift = largest == -INFINITY ? 0 : largest;
  float keep = expf(tile->largest[r] - shift);
  tile->denominators[r] = keep * tile->denominators[r] + expf(sink - shift);
  for (int64_t d = 0; d < p->value_dim; d++) tile->sums[r * tile->padded_values + d] *= keep;
  tile->largest[r] = largest;
}

void tile_finish_row(attention_tile *tile, int64_t r) {
  const seqmix_attention_problem *p = tile->problem;
  const seqmix_sequence *s = &tile->sequence;
  int64_t i = tile_query(tile, r), h = tile_head(tile, r);
  if (p->sinks.dtype && i < s->q_live) add_sink(tile, r);
  float denominator = tile->denominators[r];
  float factor = denominator == 0 ? 0 : 1 / denominator; /* NaN stays NaN */
  store_row(tile_element(&p->out, seqmix_row_at(&p->out, s, i, h)), p->out.dtype,
            tile->sums + r * tile->padded_values, factor, p->value_dim);
  if (p->lse.dtype)
    ((float *)p->lse.data)[seqmix_lse_at(&p->lse, s, i, h)] = tile->largest[r] + logf(denominator);
}
