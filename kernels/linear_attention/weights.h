/* SPDX-License-Identifier: Apache-2.0 */
/* What the making of weights shares, whether decays are per head or per channel.
 *
 * In scratch of a slot: exp of decays; rows that a step leaves for the next; P(s, t) of pairs of
 * tokens; the eraser's weights for each writer; writers turned, so that tokens are lanes; the
 * inverse of a triangle. */
#include "linear_attention/bonus.h"
#include "linear_attention/decay.h"
#include "linear_attention/tile.h"

typedef struct weigher {
  const linear_weights_arguments *a;
  const linear_call *c;
  chunk_place k;
  int64_t rows; /* tokens of the chunk, filled up to whole tiles */
  const GLOBAL uint8_t *bonus;
  GLOBAL float *alphas, *pairs, *turned, *erased, *inverse, *prefix, *passing;
} weigher;

/* Readers are queries, then the eraser. */
DEVICE int64_t first_reader(const weigher *w) { return w->c->reads ? 0 : w->c->queries; }
DEVICE int64_t end_of_readers(const weigher *w) { return w->c->queries + w->c->has_eraser; }

DEVICE GLOBAL float *reader_rows(const weigher *w, int64_t reader) {
  return reader < w->c->queries ? query_rows(&w->k, reader) : w->k.slot + w->c->eraser_at;
}

/* An early reader does not see its own token's decay and writing: queries with a bonus, dplr's
 * eraser. */
DEVICE int is_early_reader(const weigher *w, int64_t reader) {
  return reader < w->c->queries ? w->c->is_early : w->c->writers == 2;
}

/* [CHUNK, CHUNK]: of writer's token s for the reader's token t. */
DEVICE GLOBAL float *weights_of(const weigher *w, int64_t reader, int32_t writer) {
  if (reader == w->c->queries) return w->erased + writer * (CHUNK * CHUNK);
  return w->k.slot + w->c->weights_at + (reader * w->c->writers + writer) * (CHUNK * CHUNK);
}

DEVICE GLOBAL float *turned_rows(const weigher *w, int32_t writer) {
  return w->turned + writer * (CHUNK * w->c->dims);
}

DEVICE weigher find_weigher(const linear_weights_arguments *a, chunk_place k,
                            const GLOBAL uint8_t *bonus) {
  const linear_call *c = &a->call;
  weigher w = {a, c, k, (k.count + TILE - 1) / TILE * TILE, bonus, 0, 0, 0, 0, 0, 0, 0};
  w.alphas = k.slot + c->scratch_at;
  w.prefix = w.alphas + CHUNK * (c->decay_kind == DECAY_CHANNEL ? c->dims : 1);
  w.passing = w.prefix + c->dims + CHUNK;
  w.pairs = w.passing + c->dims + CHUNK;
  w.erased = w.pairs + CHUNK * CHUNK;
  w.turned = w.erased + c->writers * (CHUNK * CHUNK);
  w.inverse = w.turned + c->writers * (CHUNK * c->dims);
  if (a->solves_by_channel)
    w.erased = k.slot + c->solve_at;
  else if (c->writers == 1)
    w.inverse = k.slot + c->solve_at;
  return w;
}

/* Turns squares of rows of a writer: [tokens, dims] to [dims, tokens]. */
DEVICE void turn_writer(const weigher *w, int32_t writer) {
  const GLOBAL float *from = writer_rows(&w->k, writer);
  GLOBAL float *to = turned_rows(w, writer);
  int64_t across = w->c->dims / LANES;
  FOR_ITEMS(i, (CHUNK / LANES) * across) {
    int64_t t = i / across * LANES, d = i % across * LANES;
    lane square[LANES];
    UNROLL for (int32_t j = 0; j < LANES; j++) square[j] =
        lane_from_array(from + (t + j) * w->c->dims + d);
    turn(square);
    UNROLL for (int32_t j = 0; j < LANES; j++) lane_to_array(to + (d + j) * CHUNK + t, square[j]);
  }
}

/* Rows of a tile into a matrix, of `step` from row to row, at columns s to s + LANES - 1, those
 * before `end` only. */
DEVICE void store_tile_before(const tile_sums *sums, GLOBAL float *to, int64_t step, int64_t s,
                              int64_t end) {
  UNROLL for (int32_t i = 0; i < TILE; i++) {
    if (s + LANES <= end)
      lane_to_array(to + i * step + s, sums->at[i]);
    else
      for (int64_t j = s; j < end; j++) to[i * step + j] = number_of(sums->at[i], j - s);
  }
}
