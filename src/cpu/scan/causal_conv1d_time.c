/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of time: one channel after the other, whose tokens are contiguous. Nothing is turned
 * around: a tap's inputs are those of the tap before, one element further on. */
#include <string.h>

#include "core/element.h"
#include "cpu/scan/causal_conv1d.h"
#include "cpu/simd/convert.h"
#include "cpu/simd/each.h"

/* Vectors computed at a time: sums that do not wait for each other. */
enum { VECTORS = 2 };

/* ---- scratch ---------------------------------------------------------------------------------
 */

typedef struct time_row {
  float *out;
  float *in;      /* W-1 tokens before and those computed */
  float *weights; /* W and the bias */
} time_row;

double conv_time_floats(const seqmix_causal_conv1d_problem *problem, const conv_plan *plan) {
  return 2 * ((double)problem->width + (double)plan->staged);
}

static time_row lay_out(const seqmix_causal_conv1d_problem *p, const conv_plan *plan, float *at) {
  time_row row = {.out = at, .in = at + plan->staged};
  row.weights = row.in + p->width - 1 + plan->staged;
  return row;
}

static void load_weights(const seqmix_causal_conv1d_problem *p, int64_t c, float *to) {
  const seqmix_view *w = &p->weight, *b = &p->bias;
  for (int64_t k = 0; k < p->width; k++)
    to[k] = seqmix_load(w->data, w->dtype, c * w->stride[0] + k * w->stride[1]);
  to[p->width] = b->dtype ? seqmix_load(b->data, b->dtype, c * b->stride[0]) : 0;
}

/* ---- sums ------------------------------------------------------------------------------------
 */

typedef struct time_sums {
  const float *weights;
  const float *in; /* W-1 tokens before the first one computed */
  float *out;
  int64_t taps;
  int64_t count; /* whole vectors */
  int is_silu, streams;
} time_sums;

/* `taps` is a constant up to CONV_TAPS_FAST, `vectors` always. */
SEQMIX_INLINE void sum_vectors(const time_sums *s, int64_t taps, int vectors, int64_t t) {
  vec sum[VECTORS];
#pragma GCC unroll 2
  for (int i = 0; i < vectors; i++) sum[i] = vec_of(s->weights[taps]);
#pragma GCC unroll 8
  for (int64_t k = 0; k < taps; k++) {
    vec weight = vec_of(s->weights[k]);
#pragma GCC unroll 2
    for (int i = 0; i < vectors; i++)
      sum[i] = weight * vec_load(s->in + t + k + (int64_t)i * LANES) + sum[i];
  }
  if (s->is_silu) vec_silu_each(sum, vectors);
#pragma GCC unroll 2
  for (int i = 0; i < vectors; i++) {
    float *to = s->out + t + (int64_t)i * LANES;
    if (s->streams)
      vec_stream(to, sum[i]);
    else
      vec_store(to, sum[i]);
  }
}

SEQMIX_INLINE void sum_all(const time_sums *s, int64_t taps) {
  int64_t t = 0;
  for (; t + VECTORS * LANES <= s->count; t += VECTORS * LANES) sum_vectors(s, taps, VECTORS, t);
  for (; t < s->count; t += LANES) sum_vectors(s, taps, 1, t);
}

static void sum_any(const time_sums *s) {
  switch (s->taps) {
    case 1: sum_all(s, 1); break;
    case 2: sum_all(s, 2); break;
    case 3: sum_all(s, 3); break;
    case 4: sum_all(s, 4); break;
    case 5: sum_all(s, 5); break;
    case 6: sum_all(s, 6); break;
    case 7: sum_all(s, 7); break;
    case 8: sum_all(s, 8); break;
    default: sum_all(s, s->taps); break;
  }
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
  if (t > 0 && count % LANES == 0 && piece->x.dtype == SEQMIX_F32)
    return (const float *)address(&piece->x, t - before, c);
  if (t > 0) {
    copy_tokens(row, &piece->x, t - before, c, before + count);
  } else {
    copy_past(row, piece, c);
    copy_tokens(row + before, &piece->x, 0, c, count);
  }
  for (int64_t i = count; i < scan_width(count); i++) row[before + i] = 0;
  return row;
}

/* Tokens until inputs need no past and outputs begin where whole vectors do. */
static int64_t first_tokens(const conv_piece *piece, int64_t c) {
  int64_t first = piece->from > 0 ? 0 : piece->problem->width - 1;
  if (piece->out.dtype != SEQMIX_F32) return first;
  uintptr_t out = (uintptr_t)address(&piece->out, piece->from + first, c);
  return first + (int64_t)(-out % SEQMIX_VECTOR_BYTES / sizeof(float));
}

static void compute(const conv_piece *piece, int64_t c, int64_t t, int64_t count,
                    const time_row *row) {
  const seqmix_causal_conv1d_problem *p = piece->problem;
  /* To deliver a row of time it takes a plane whose channels are time. */
  scan_plane turned = {
      .data = piece->out.data, .time = piece->out.channel, .channel = 1, .dtype = piece->out.dtype};
  scan_block block = {.t = c, .tokens = 1, .c = t, .channels = count};
  time_sums sums = {.weights = row->weights, .taps = p->width, .count = scan_width(count)};
  sums.in = inputs(piece, c, t, count, row->in);
  sums.out = scan_target(&turned, &block, row->out).at;
  sums.is_silu = p->activation == SEQMIX_ACTIVATION_SILU;
  sums.streams = piece->plan->streams && sums.out != row->out &&
                 (uintptr_t)sums.out % SEQMIX_VECTOR_BYTES == 0;
  sum_any(&sums);
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
