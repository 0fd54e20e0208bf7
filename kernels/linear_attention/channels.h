/* SPDX-License-Identifier: Apache-2.0 */
/* Weights where decay is per key channel: reader_t . (P(s, t) writer_s), P a vector.
 *
 * The chunk is cut into tiles of tokens. Within a tile p = P(s, t) writer_s is carried from token
 * to token by one multiplication, and the reader takes its dot product with it. Between tiles the
 * decay is split at the later tile's beginning b,
 *
 *     reader_t . P(s, t) writer_s = (P(b, t) reader_t) . (P(s, b) writer_s),
 *
 * which is a matrix product of rows multiplied by decays alone, never divided by them. The writers
 * of earlier tiles are kept turned and multiplied by the decay of each tile that passes. */
#include "linear_attention/weights.h"

DEVICE lane alpha_at(const weigher *w, int64_t t, int64_t d) {
  return lane_from_array(w->alphas + t * w->c->dims + d);
}

/* Of a token of the tile at t for the later ones, and for itself unless readers are early ones. */
DEVICE void weigh_token(const weigher *w, int64_t reader, int32_t writer, int64_t t, int64_t s) {
  const linear_call *c = w->c;
  const GLOBAL float *rows = reader_rows(w, reader), *from = writer_rows(&w->k, writer);
  GLOBAL float *weights = weights_of(w, reader, writer);
  int is_early = is_early_reader(w, reader);
  tile_sums sums = no_sums();
  for (int64_t d = 0; d < c->dims; d += LANES) {
    lane p = lane_from_array(from + s * c->dims + d);
    UNROLL for (int32_t i = 0; i < TILE; i++) {
      if (t + i < s) continue;
      lane before = p;
      if (t + i > s) p = p * alpha_at(w, t + i, d);
      sums.at[i] = lane_multiply_add(is_early ? before : p,
                                     lane_from_array(rows + (t + i) * c->dims + d), sums.at[i]);
    }
  }
  UNROLL for (int32_t i = 0; i < TILE; i++) if (t + i >= s + is_early)
      weights[(t + i) * CHUNK + s] = lane_sum(sums.at[i]);
}

/* The tile's reader rows times P(b, t). */
DEVICE void decay_reader_tile(const weigher *w, int64_t reader, int64_t t, int64_t d) {
  lane product = lane_of(1.0f);
  UNROLL for (int32_t i = 0; i < TILE; i++) {
    GLOBAL float *at = reader_rows(w, reader) + (t + i) * w->c->dims + d;
    lane before = product;
    product = within_f32(product * alpha_at(w, t + i, d));
    lane_to_array(at, grown(lane_from_array(at), is_early_reader(w, reader) ? before : product));
  }
}

/* Its weights for all writers of earlier tiles. */
DEVICE void weigh_earlier(const weigher *w, int64_t reader, int32_t writer, int64_t t, int64_t s) {
  const linear_call *c = w->c;
  tile_sums sums = no_sums();
  add_product(&sums, reader_rows(w, reader) + t * c->dims, c->dims, 1, turned_rows(w, writer) + s,
              CHUNK, c->head_dim);
  store_tile_before(&sums, weights_of(w, reader, writer) + t * CHUNK, CHUNK, s, t);
}

/* Its rows times P(0, b), which is in `prefix`. */
DEVICE void decay_reader_before(const weigher *w, int64_t reader, int64_t t, int64_t d) {
  lane factor = lane_from_array(w->prefix + d);
  UNROLL for (int32_t i = 0; i < TILE; i++) {
    GLOBAL float *at = reader_rows(w, reader) + (t + i) * w->c->dims + d;
    lane_to_array(at, grown(lane_from_array(at), factor));
  }
}

/* Writers times P(s, end of the tile): those of earlier tiles, which are turned already, and then
 * the tile's own. An item has channels from d on. */
DEVICE void pass_tile(const weigher *w, int32_t writer, int64_t t, int64_t d) {
  const linear_call *c = w->c;
  lane product = lane_of(1.0f);
  float factors[LANES];
  UNROLL for (int32_t i = TILE - 1; i >= 0; i--) {
    float numbers[LANES];
    lane_to_array(numbers,
                  product * lane_from_array(writer_rows(&w->k, writer) + (t + i) * c->dims + d));
    for (int32_t j = 0; j < LANES; j++)
      turned_rows(w, writer)[(d + j) * CHUNK + t + i] = numbers[j];
    product = within_f32(product * alpha_at(w, t + i, d));
  }
  lane_to_array(factors, product);
  for (int32_t j = 0; j < LANES; j++)
    for (int64_t s = 0; s < t; s += LANES) {
      GLOBAL float *at = turned_rows(w, writer) + (d + j) * CHUNK + s;
      lane x = lane_from_array(at) * lane_of(factors[j]);
      if (s + LANES <= t)
        lane_to_array(at, x);
      else
        for (int64_t i = s; i < t; i++) at[i - s] = number_of(x, i - s);
    }
}

DEVICE void multiply_prefix(const weigher *w, int64_t t, int64_t d) {
  lane product = t == 0 ? lane_of(1.0f) : lane_from_array(w->prefix + d);
  UNROLL for (int32_t i = 0; i < TILE; i++) product = within_f32(product * alpha_at(w, t + i, d));
  lane_to_array(w->prefix + d, product);
}

DEVICE void clear_turned(const weigher *w) {
  FOR_ITEMS(i, w->c->writers * w->c->dims * (CHUNK / LANES)) {
    lane_to_array(w->turned + i * LANES, lane_of(0.0f));
  }
}

/* Barriers are between steps that need what others have left: all items come here. */
DEVICE void weigh_channels(const weigher *w) {
  const linear_call *c = w->c;
  int64_t across = c->dims / LANES, first = first_reader(w), readers = end_of_readers(w) - first;
  for (int64_t t = 0; t < w->rows; t += TILE) {
    FOR_ITEMS(i, readers * c->writers * TILE) {
      weigh_token(w, first + i / TILE / c->writers, (int32_t)(i / TILE % c->writers), t,
                  t + i % TILE);
    }
    group_join();
    FOR_ITEMS(i, readers * across) {
      decay_reader_tile(w, first + i / across, t, i % across * LANES);
    }
    group_join();
    int64_t parts = (t + LANES - 1) / LANES;
    FOR_ITEMS(i, readers * c->writers * parts) {
      weigh_earlier(w, first + i / parts / c->writers, (int32_t)(i / parts % c->writers), t,
                    i % parts * LANES);
    }
    group_join();
    FOR_ITEMS(i, t > 0 ? readers * across : 0) {
      decay_reader_before(w, first + i / across, t, i % across * LANES);
    }
    group_join();
    FOR_ITEMS(i, across) { multiply_prefix(w, t, i * LANES); }
    FOR_ITEMS(i, across * c->writers) {
      pass_tile(w, (int32_t)(i / across), t, i % across * LANES);
    }
    group_join();
  }
}

/* Rows of writers times P(s, end of the chunk): they are turned already. */
DEVICE void decay_writers(const weigher *w) {
  const linear_call *c = w->c;
  int64_t across = c->dims / LANES;
  FOR_ITEMS(i, across * c->writers) {
    int64_t d = i % across * LANES;
    lane product = lane_of(1.0f);
    for (int64_t t = w->rows - 1; t >= 0; t--) {
      GLOBAL float *at = writer_rows(&w->k, (int32_t)(i / across)) + t * c->dims + d;
      lane_to_array(at, product * lane_from_array(at));
      product = within_f32(product * alpha_at(w, t, d));
    }
  }
}
