/* SPDX-License-Identifier: Apache-2.0 */
/* The causal convolution as its definition has it: for a row of outputs, one multiply-add per tap.
 * A row is a token's channels or, where time is inside, a channel's tokens. Compiled once per
 * level. */
#include <string.h>

#include "bench/level.h"
#include "bench/level_rows.h"
#include "cpu/simd/level.h"

void LEVEL(bench_convolve)(const scan_loop *loop);

/* Weights of a tap lie as the row's elements do, or one serves the whole row. */
typedef struct taps {
  int64_t width, count;      /* of the row */
  const float *const *from;  /* what each tap reads */
  const float *weight;       /* of tap k: from k * weight_step on */
  int64_t weight_step, each; /* each: 1, or 0 if one serves all */
  const float *bias;         /* NULL: none */
  int has_silu;
} taps;

SEQMIX_INLINE void convolve_row(const taps *row, float *out) {
  for (int64_t i = 0; i < row->count; i += LANES) {
    int64_t left = row->count - i, lanes = left < LANES ? left : LANES;
    vec sum = vec_of(0);
    if (row->bias) sum = row->each ? load_lanes(row->bias + i, lanes) : vec_of(*row->bias);
    for (int64_t k = 0; k < row->width; k++) {
      const float *weight = row->weight + k * row->weight_step;
      vec x = load_lanes(row->from[k] + i, lanes);
      sum += x * (row->each ? load_lanes(weight + i, lanes) : vec_of(*weight));
    }
    store_lanes(out + i, row->has_silu ? silu(sum) : sum, lanes);
  }
}

/* Row t of the sequence; before its beginning one of the state, or zeros. */
static const float *row_at(const scan_loop *l, const float *zeros, int64_t t) {
  const float *state = l->part[SCAN_STATE];
  if (t >= 0) return l->part[SCAN_X] + t * l->step[SCAN_X];
  if (!state || l->shape->states != SCAN_STATES_UPDATE) return zeros;
  return state + (t + l->shape->width - 1) * l->step[SCAN_STATE];
}

static void find_taps(const scan_loop *l, const float *zeros, int64_t t, const float **from) {
  int64_t width = l->shape->width;
  for (int64_t k = 0; k < width; k++) from[k] = row_at(l, zeros, t - width + 1 + k);
}

/* The last tokens; those that were there already move up. */
static void keep_last(const scan_loop *l, const float *zeros) {
  for (int64_t k = 0; l->part[SCAN_STATE] && k < l->shape->width - 1; k++) {
    const float *from = row_at(l, zeros, l->shape->t - l->shape->width + 1 + k);
    float *to = l->part[SCAN_STATE] + k * l->step[SCAN_STATE];
    memmove(to, from, (size_t)l->columns * sizeof *to);
  }
}

/* Weights by taps, as rows of channels are multiplied by them. */
static void turn_weights(const scan_loop *l, float *to) {
  for (int64_t k = 0; k < l->shape->width; k++)
    for (int64_t c = 0; c < l->columns; c++)
      to[k * l->columns + c] = l->part[SCAN_WEIGHT][c * l->shape->width + k];
}

void LEVEL(bench_convolve)(const scan_loop *l) {
  const scan_shape *s = l->shape;
  const float *from[SCAN_WIDTHS];
  float *weights = l->scratch, *zeros = weights + s->width * l->columns;
  int is_along_time = l->columns == 1 && l->step[SCAN_X] == 1;
  int64_t one_by_one = is_along_time && s->width - 1 < s->t ? s->width - 1 : s->t;
  taps row = {.width = s->width,
              .count = l->columns,
              .from = from,
              .weight = weights,
              .weight_step = l->columns,
              .each = !is_along_time,
              .bias = l->part[SCAN_BIAS],
              .has_silu = s->has_silu};
  turn_weights(l, weights);
  for (int64_t t = 0; t < one_by_one; t++) {
    find_taps(l, zeros, t, from);
    convolve_row(&row, l->part[SCAN_OUT] + t * l->step[SCAN_OUT]);
  }
  row.count = s->t - one_by_one;
  find_taps(l, zeros, one_by_one, from);
  if (row.count > 0) convolve_row(&row, l->part[SCAN_OUT] + one_by_one * l->step[SCAN_OUT]);
  keep_last(l, zeros);
}
