/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of time: one channel after the other, whose tokens are contiguous. Nothing is turned
 * around: a tap's inputs are those of the tap before, one element further on. */
#include <string.h>

#include "core/element.h"
#include "cpu/scan/causal_conv1d.h"
#include "cpu/simd/convert.h"

/* From a token that is computed to one that is asked for: a page of memory. */
enum { BYTES_AHEAD = 4096 };

/* ---- scratch ---------------------------------------------------------------------------------
 */

typedef struct time_row {
  float *out;
  float *in;          /* W-1 tokens before and those computed */
  float *weights;     /* W and the bias */
  const float **taps; /* where the inputs of each begin */
} time_row;

double conv_time_floats(const seqmix_causal_conv1d_problem *problem, const conv_plan *plan) {
  return 4 * (double)problem->width + 2 * (double)plan->staged;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): what it begins is written. */
static time_row lay_out(const seqmix_causal_conv1d_problem *p, const conv_plan *plan, float *at) {
  time_row row;
  row.out = at;
  row.in = at + plan->staged;
  row.weights = row.in + p->width - 1 + plan->staged;
  row.taps = (const float **)(row.weights + p->width + 1);
  return row;
}

static void load_weights(const seqmix_causal_conv1d_problem *p, int64_t c, float *to) {
  const seqmix_view *w = &p->weight, *b = &p->bias;
  for (int64_t k = 0; k < p->width; k++)
    to[k] = seqmix_load(w->data, w->dtype, c * w->stride[0] + k * w->stride[1]);
  to[p->width] = b->dtype ? seqmix_load(b->data, b->dtype, c * b->stride[0]) : 0;
}

/* ---- pieces ----------------------------------------------------------------------------------
 */

static const char *address(const scan_plane *plane, int64_t t, int64_t c) {
  return plane->data +
         (t * plane->time + c * plane->channel) * (plane->dtype == SEQMIX_F32 ? 4 : 2);
}

static void copy_tokens(float *to, const scan_plane *x, int64_t t, int64_t c, int64_t count) {
  const float *from = load_row(to, address(x, t, c), x->dtype, count);
  if (from != to) memcpy(to, from, (size_t)count * sizeof *to);
}

/* The W-1 tokens before the first of a sequence. */
static void copy_past(float *to, const conv_piece *piece, int64_t c) {
  const scan_plane *past = &piece->past;
  for (int64_t k = 0; k < piece->problem->width - 1; k++)
    to[k] = past->dtype ? seqmix_load(address(past, k, c), past->dtype, 0) : 0;
}

/* Inputs of tokens t .. t+count-1, from the W-1 tokens before them on. */
static const float *inputs(const conv_piece *piece, int64_t c, int64_t t, int64_t count,
                           float *row) {
  int64_t before = piece->problem->width - 1;
  if (t >= before && count % LANES == 0 && piece->x.dtype == SEQMIX_F32)
    return (const float *)address(&piece->x, t - before, c);
  if (t >= before) {
    copy_tokens(row, &piece->x, t - before, c, before + count);
  } else {
    copy_past(row, piece, c);
    copy_tokens(row + before, &piece->x, 0, c, count);
  }
  for (int64_t i = count; i < scan_width(count); i++) row[before + i] = 0;
  return row;
}

/* Tokens until inputs need no past and outputs begin a line of memory. */
static int64_t first_tokens(const conv_piece *piece, int64_t c) {
  int64_t first = piece->from > 0 ? 0 : piece->problem->width - 1;
  if (piece->out.dtype != SEQMIX_F32) return first;
  uintptr_t out = (uintptr_t)address(&piece->out, piece->from + first, c);
  return first + (int64_t)(-out % CONV_LINE / sizeof(float));
}

static void compute(const conv_piece *piece, int64_t c, int64_t t, int64_t count,
                    const time_row *row) {
  const seqmix_causal_conv1d_problem *p = piece->problem;
  /* To deliver a row of time it takes a plane whose channels are time. */
  scan_plane turned = {
      .data = piece->out.data, .time = piece->out.channel, .channel = 1, .dtype = piece->out.dtype};
  scan_block block = {.t = c, .tokens = 1, .c = t, .channels = count};
  const float *in = inputs(piece, c, t, count, row->in);
  conv_sums sums = {.in = row->taps, .weights = {row->weights, 1}, .is_uniform = 1};
  for (int64_t k = 0; k < p->width; k++) row->taps[k] = in + k;
  sums.bias = row->weights + p->width;
  sums.out = (scan_rows){scan_target(&turned, &block, row->out).at, 0};
  sums.taps = p->width;
  sums.rows = 1;
  sums.count = scan_width(count);
  sums.soon = address(&piece->x, t, c) + BYTES_AHEAD;
  sums.soon_size = piece->x.dtype == SEQMIX_F32 ? 4 : 2;
  sums.is_silu = p->activation == SEQMIX_ACTIVATION_SILU;
  sums.streams = sums.out.at != row->out && conv_may_stream(piece->plan, sums.out);
  conv_sum(&sums);
  scan_deliver(&turned, &block, row->out);
}

/* First those for which inputs() needs the past, then whole vectors, then the rest. */
static int64_t next_tokens(const conv_piece *piece, int64_t c, int64_t t) {
  int64_t left = piece->to - t, whole = left / LANES * LANES;
  int64_t first = t == piece->from ? first_tokens(piece, c) : 0;
  if (first > 0) return first < left ? first : left;
  if (piece->x.dtype != SEQMIX_F32 && whole > piece->plan->staged) return piece->plan->staged;
  return whole > 0 ? whole : left;
}

void conv_time(const conv_piece *piece, float *scratch) {
  time_row row = lay_out(piece->problem, piece->plan, scratch);
  for (int64_t c = piece->c; c < piece->c + piece->channels; c++) {
    load_weights(piece->problem, c, row.weights);
    for (int64_t t = piece->from, count; t < piece->to; t += count) {
      count = next_tokens(piece, c, t);
      compute(piece, c, t, count, &row);
    }
  }
}
