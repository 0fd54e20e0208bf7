/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of channels: a row of sums is a token's. */
#include <string.h>

#include "cpu/scan/causal_conv1d.h"

/* A row of so many tokens later is asked for: it begins on another page, which processors do not
 * guess. */
enum { ROWS_AHEAD = 2 };

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

/* What is read after the rows of a block: those of a later block if they are copied, else rows two
 * tokens on, which begin on another page. Processors do not guess that. */
static void ask_for(conv_sums *sums, const scan_plane *x, const scan_block *block, int is_copied) {
  int64_t bytes = x->dtype == SEQMIX_F32 ? 4 : 2;
  scan_block later = *block;
  later.t += is_copied ? block->tokens : ROWS_AHEAD;
  sums->soon = x->data + scan_offset(x, &later) * bytes;
  sums->soon_step = x->time * bytes;
  sums->soon_size = x->channel == 1 ? (int32_t)bytes : 0;
}

void conv_channels(const conv_piece *piece, float *scratch) {
  const seqmix_causal_conv1d_problem *p = piece->problem;
  channel_rows rows = lay_out(p, piece->plan, scratch);
  conv_sums sums = {.in = rows.all, .weights = piece->weights, .bias = piece->bias};
  sums.taps = p->width;
  sums.count = scan_width(piece->channels);
  sums.is_silu = p->activation == SEQMIX_ACTIVATION_SILU;
  int64_t before = p->width - 1, most = piece->plan->staged;
  point_before(piece, &rows);
  for (int64_t t = piece->from, turn = 0; t < piece->to; t += most, turn ^= 1) {
    int64_t count = piece->to - t < most ? piece->to - t : most;
    scan_block block = {.t = t, .tokens = count, .c = piece->c, .channels = piece->channels};
    scan_rows in = scan_fetch(&piece->x, &block, rows.staged[turn]);
    point(rows.all + before, in, count);
    sums.out = scan_target(&piece->out, &block, rows.out);
    sums.rows = count;
    ask_for(&sums, &piece->x, &block, in.at == rows.staged[turn]);
    sums.streams = sums.out.at != rows.out && conv_may_stream(piece->plan, sums.out);
    conv_sum(&sums);
    scan_deliver(&piece->out, &block, rows.out);
    for (int64_t i = 0; i < before; i++) rows.all[i] = rows.all[count + i];
  }
}
