/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of channels: rows of tokens, four at a time, so that a weight is loaded once for them.
 * All sums begin with the bias and take the oldest token first, here and with vectors of time: a
 * token's bits are the same however it is computed. */
#include <string.h>

#include "cpu/scan/causal_conv1d.h"
#include "cpu/simd/each.h"

enum { TOKENS = 4 };

/* ---- scratch ---------------------------------------------------------------------------------
 */

/* All are rows as wide as a task has channels. */
typedef struct channel_rows {
  float *weights; /* one per tap */
  float *bias;
  float *zeros;
  float *before;     /* the W-1 before a piece */
  float *staged[2];  /* those computed, in turns: the others are then the ones before */
  float *out;        /* of those computed */
  const float **all; /* pointers to the W-1 before and to those computed */
} channel_rows;

double conv_channels_floats(const seqmix_causal_conv1d_problem *problem, const conv_plan *plan) {
  double taps = (double)problem->width, staged = (double)plan->staged;
  return (2 * taps + 1 + 3 * staged) * (double)scan_width(plan->channels) + 2 * (taps + staged);
}

static channel_rows lay_out(const seqmix_causal_conv1d_problem *p, const conv_plan *plan,
                            float *at) {
  int64_t width = scan_width(plan->channels);
  channel_rows rows;
  rows.weights = at;
  rows.bias = rows.weights + p->width * width;
  rows.zeros = rows.bias + width;
  rows.before = rows.zeros + width;
  rows.staged[0] = rows.before + (p->width - 1) * width;
  rows.staged[1] = rows.staged[0] + plan->staged * width;
  rows.out = rows.staged[1] + plan->staged * width;
  rows.all = (const float **)(rows.out + plan->staged * width);
  return rows;
}

/* `rows` has room for them; where they are memory they are not copied to it. */
static scan_rows fetch(const scan_plane *plane, int64_t t, int64_t tokens, const conv_piece *piece,
                       float *rows) {
  scan_block block = {.t = t, .tokens = tokens, .c = piece->c, .channels = piece->channels};
  return scan_fetch(plane, &block, rows);
}

void conv_channels_begin(conv_piece *piece, float *scratch) {
  const seqmix_causal_conv1d_problem *p = piece->problem;
  channel_rows rows = lay_out(p, piece->plan, scratch);
  scan_plane weight = {.data = p->weight.data,
                       .time = p->weight.stride[1],
                       .channel = p->weight.stride[0],
                       .dtype = p->weight.dtype};
  scan_plane bias = {.data = p->bias.data, .channel = p->bias.stride[0], .dtype = p->bias.dtype};
  memset(rows.zeros, 0, (size_t)scan_width(piece->channels) * sizeof(float));
  piece->weights = fetch(&weight, 0, p->width, piece, rows.weights);
  piece->bias = bias.dtype ? fetch(&bias, 0, 1, piece, rows.bias).at : rows.zeros;
}

/* ---- sums ------------------------------------------------------------------------------------
 */

typedef struct channel_sums {
  const float *const *in; /* rows of the W-1 tokens before, and of those computed */
  scan_rows weights;      /* of taps */
  const float *bias;
  int64_t width, taps;
  float *out;
  int64_t step;
  int is_silu, streams;
} channel_sums;

/* Tokens t .. t+count-1; `count` is a constant, and `taps` is one up to CONV_TAPS_FAST. */
SEQMIX_INLINE void sum_tokens(const channel_sums *s, int64_t taps, int count, int64_t t) {
  const float *near[CONV_TAPS_FAST - 1 + TOKENS];
  const float *const *in = s->in + t;
  if (taps <= CONV_TAPS_FAST) {
    memcpy(near, in, (size_t)(taps - 1 + count) * sizeof *near);
    in = near;
  }
  for (int64_t c = 0; c < s->width; c += LANES) {
    vec sum[TOKENS];
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) sum[i] = vec_load(s->bias + c);
#pragma GCC unroll 8
    for (int64_t k = 0; k < taps; k++) {
      vec weight = vec_load(s->weights.at + k * s->weights.step + c);
#pragma GCC unroll 4
      for (int i = 0; i < count; i++) sum[i] = weight * vec_load(in[i + k] + c) + sum[i];
    }
    if (s->is_silu) vec_silu_each(sum, count);
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) {
      float *to = s->out + (t + i) * s->step + c;
      if (s->streams)
        vec_stream(to, sum[i]);
      else
        vec_store(to, sum[i]);
    }
  }
}

SEQMIX_INLINE void sum_all(const channel_sums *s, int64_t taps, int64_t tokens) {
  int64_t t = 0;
  for (; t + TOKENS <= tokens; t += TOKENS) sum_tokens(s, taps, TOKENS, t);
  for (; t < tokens; t++) sum_tokens(s, taps, 1, t);
}

static void sum_any(const channel_sums *s, int64_t tokens) {
  switch (s->taps) {
    case 1: sum_all(s, 1, tokens); break;
    case 2: sum_all(s, 2, tokens); break;
    case 3: sum_all(s, 3, tokens); break;
    case 4: sum_all(s, 4, tokens); break;
    case 5: sum_all(s, 5, tokens); break;
    case 6: sum_all(s, 6, tokens); break;
    case 7: sum_all(s, 7, tokens); break;
    case 8: sum_all(s, 8, tokens); break;
    default: sum_all(s, s->taps, tokens); break;
  }
}

/* ---- pieces ----------------------------------------------------------------------------------
 */

static void point(const float **to, scan_rows rows, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = rows.at + i * rows.step;
}

static void point_before(const conv_piece *piece, const channel_rows *rows) {
  int64_t count = piece->problem->width - 1;
  scan_rows before = {rows->zeros, 0};
  if (piece->from > 0)
    before = fetch(&piece->x, piece->from - count, count, piece, rows->before);
  else if (piece->past.dtype)
    before = fetch(&piece->past, 0, count, piece, rows->before);
  point(rows->all, before, count);
}

/* Whether rows of out begin where whole vectors do. */
static int is_aligned(scan_rows out) {
  return (uintptr_t)out.at % SEQMIX_VECTOR_BYTES == 0 && out.step % LANES == 0;
}

void conv_channels(const conv_piece *piece, float *scratch) {
  const seqmix_causal_conv1d_problem *p = piece->problem;
  channel_rows rows = lay_out(p, piece->plan, scratch);
  channel_sums sums = {.in = rows.all, .weights = piece->weights, .bias = piece->bias};
  sums.width = scan_width(piece->channels);
  sums.taps = p->width;
  sums.is_silu = p->activation == SEQMIX_ACTIVATION_SILU;
  int64_t before = p->width - 1, most = piece->plan->staged;
  point_before(piece, &rows);
  for (int64_t t = piece->from, turn = 0; t < piece->to; t += most, turn ^= 1) {
    int64_t count = piece->to - t < most ? piece->to - t : most;
    scan_block block = {.t = t, .tokens = count, .c = piece->c, .channels = piece->channels};
    point(rows.all + before, scan_fetch(&piece->x, &block, rows.staged[turn]), count);
    scan_rows out = scan_target(&piece->out, &block, rows.out);
    sums.out = out.at;
    sums.step = out.step;
    sums.streams = piece->plan->streams && out.at != rows.out && is_aligned(out);
    sum_any(&sums, count);
    scan_deliver(&piece->out, &block, rows.out);
    for (int64_t i = 0; i < before; i++) rows.all[i] = rows.all[count + i];
  }
}
