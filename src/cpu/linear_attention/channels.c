/* SPDX-License-Identifier: Apache-2.0 */
/* The weights where decay is per key channel: reader_t . (P(s, t) writer_s), P a vector.
 *
 * For a writer s, p = P(s, t) writer_s is carried from token to token by one multiplication, and
 * each reader takes its dot product with it. That is one multiplication and one multiply-add per
 * reader, channel and pair of tokens: with chunks this short a twentieth of the whole, and unlike
 * products of matrices scaled by exp(+-sums), safe for every decay. */
#include "cpu/linear_attention/stream.h"

/* Channels taken at once: their products p stay in registers. */
enum { BLOCK_VECTORS = 4, BLOCK = BLOCK_VECTORS * LANES };

/* sums[t] (a vector each) += readers t . p over a block of channels, for tokens after s; `early`
 * readers take p before it decays. */
SEQMIX_INLINE void follow_writer(const linear_stream *s, const float *rows, int is_early,
                                 int vectors, int64_t writer, const float *from, int64_t d,
                                 float *sums) {
  vec p[BLOCK_VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) p[v] = vec_load(from + d + v * LANES);
  for (int64_t t = writer + 1; t < s->count; t++) {
    const float *alpha = s->alphas + t * s->dims + d, *row = rows + t * s->dims + d;
    vec sum = vec_load(sums + t * LANES);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      vec before = p[v];
      p[v] *= vec_load(alpha + v * LANES);
      sum += (is_early ? before : p[v]) * vec_load(row + v * LANES);
    }
    vec_store(sums + t * LANES, sum);
  }
}

/* Weights of one writer for one reader: a column below the diagonal. */
static void weigh_writer(linear_stream *s, const stream_reader *reader, int w, int64_t writer) {
  const float *from = s->writer_rows[w] + writer * s->dims;
  float *sums = s->spare;
  for (int64_t t = writer; t < s->count; t++) vec_store(sums + t * LANES, vec_of(0));
  vec own = vec_of(0);
  for (int64_t d = 0; d < s->dims; d += LANES)
    own += vec_load(from + d) * vec_load(reader->rows + writer * s->dims + d);
  vec_store(sums + writer * LANES, own);
  int64_t d = 0;
  for (; d + BLOCK <= s->dims; d += BLOCK)
    if (reader->is_early)
      follow_writer(s, reader->rows, 1, BLOCK_VECTORS, writer, from, d, sums);
    else
      follow_writer(s, reader->rows, 0, BLOCK_VECTORS, writer, from, d, sums);
  for (; d < s->dims; d += LANES)
    follow_writer(s, reader->rows, reader->is_early, 1, writer, from, d, sums);
  for (int64_t t = writer; t < s->count; t++)
    reader->weights[w][t * WEIGHT_STEP + writer] = vec_sum(vec_load(sums + t * LANES));
}

void stream_weigh_channels(linear_stream *s) {
  for (int w = 0; w < s->writers; w++)
    for (stream_reader *r = stream_first_reader(s); r < stream_end_of_readers(s); r++)
      for (int64_t writer = 0; writer < s->count; writer++) weigh_writer(s, r, w, writer);
}
