/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk's rows of q, k, v and the vectors of the update rules, into a stream's scratch. Here the
 * models become one: whatever a rule multiplies its vectors by is in the rows afterwards. */
#include <string.h>

#include "core/element.h"
#include "cpu/linear_attention/stream.h"
#include "cpu/simd/convert.h"

/* ---- rows of floats -------------------------------------------------------------------------- */

/* to[i] = from[i] of contiguous elements; `dtype` is a constant wherever this is inlined. */
SEQMIX_INLINE void copy_floats(float *to, const char *from, int32_t dtype, int64_t count) {
  const int64_t size = dtype == SEQMIX_F32 ? 4 : 2;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES) vec_store(to + i, load_vector(from + i * size, dtype));
  for (; i < count; i++) to[i] = seqmix_load(from, dtype, i);
}

void stream_load_floats(float *to, const void *from, int32_t dtype, int64_t stride, int64_t count,
                        int64_t padded) {
  if (stride != 1) {
    for (int64_t i = 0; i < count; i++) to[i] = seqmix_load(from, dtype, i * stride);
  } else if (dtype == SEQMIX_F32) {
    copy_floats(to, from, SEQMIX_F32, count);
  } else if (dtype == SEQMIX_BF16) {
    copy_floats(to, from, SEQMIX_BF16, count);
  } else {
    copy_floats(to, from, SEQMIX_F16, count);
  }
  for (int64_t i = count; i < padded; i++) to[i] = 0;
}

SEQMIX_INLINE void multiply_row(float *row, float factor, int64_t dims) {
  for (int64_t d = 0; d < dims; d += LANES) vec_store(row + d, factor * vec_load(row + d));
}

/* Rows of the chunk's tokens; a tile that the chunk ends in gets rows of zeros. */
static void load_rows(const linear_stream *s, float *rows, const seqmix_view *view, int64_t head) {
  int64_t stride = view == &s->problem->q || view == &s->problem->k ? 1 : view->stride[3];
  for (int64_t t = 0; t < s->count; t++, rows += s->dims)
    stream_load_floats(rows, stream_row(s, view, s->at + t, head), view->dtype, stride,
                       s->problem->head_dim, s->dims);
  memset(rows, 0, (size_t)((stream_rows(s) - s->count) * s->dims) * sizeof *rows);
}

static void map_rows(const linear_stream *s, float *rows) {
  const seqmix_linear_attention_problem *p = s->problem;
  if (p->feature_map == SEQMIX_FEATURE_NONE) return;
  for (int64_t t = 0; t < s->count; t++)
    stream_map_features(p->feature_map, rows + t * s->dims, p->head_dim);
}

/* A number of token t: beta per head. */
static float number_at(const linear_stream *s, const seqmix_view *view, int64_t t) {
  return seqmix_load(stream_row(s, view, s->at + t, s->head), view->dtype, 0);
}

/* ---- readers --------------------------------------------------------------------------------- */

void stream_load_queries(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  for (int64_t g = 0; g < s->queries; g++) {
    float *rows = s->readers[g].rows;
    load_rows(s, rows, &p->q, s->readers[g].query_head);
    map_rows(s, rows);
    for (int64_t t = 0; t < s->count; t++)
      multiply_row(rows + t * s->dims, (float)p->scale, s->dims);
  }
}

/* What the eraser reads with is subtracted: its rows get the sign. beta per head is in them; one
 * per channel is multiplied later, and of an erase that was given none. */
static void load_eraser(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  float *rows = stream_eraser(s)->rows;
  if (s->writers == WRITERS) {
    load_rows(s, rows, &p->a, s->head);
    return;
  }
  if (p->erase.dtype)
    load_rows(s, rows, &p->erase, s->head);
  else
    memcpy(rows, s->writer_rows[WRITER_KEY], (size_t)(stream_rows(s) * s->dims) * sizeof *rows);
  int scales = p->beta.dtype && !p->erase.dtype && !s->has_channel_beta;
  for (int64_t t = 0; t < s->count; t++)
    multiply_row(rows + t * s->dims, scales ? -number_at(s, &p->beta, t) : -1.0f, s->dims);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Columns of the block in panel `panel`. */
static int64_t columns_in(const linear_stream *s, int64_t panel) {
  int64_t left = s->columns - panel * PRODUCT_COLUMNS;
  return left < PRODUCT_COLUMNS ? left : PRODUCT_COLUMNS;
}

SEQMIX_INLINE void load_values(linear_stream *s, int32_t dtype) {
  const seqmix_view *v = &s->problem->v;
  const int64_t size = dtype == SEQMIX_F32 ? 4 : 2, step = (int64_t)CHUNK_TOKENS * PRODUCT_COLUMNS;
  for (int64_t t = 0; t < s->count; t++) {
    const char *from = stream_row(s, v, s->at + t, s->head) + s->first_column * size;
    float *to = s->values[WRITER_KEY] + t * PRODUCT_COLUMNS;
    int64_t j = 0;
    for (; j + PRODUCT_COLUMNS <= s->columns; j += PRODUCT_COLUMNS, to += step)
#pragma GCC unroll 4
      for (int i = 0; i < PRODUCT_VECTORS; i++)
        vec_store(to + i * LANES, load_vector(from + (j + i * LANES) * size, dtype));
    for (int64_t i = 0; i < PRODUCT_COLUMNS && j < s->columns; i++)
      to[i] = j + i < s->columns ? seqmix_load(from, dtype, j + i) : 0;
  }
}

static void load_channel_betas(linear_stream *s) {
  const seqmix_view *beta = &s->problem->beta;
  float here[PRODUCT_COLUMNS];
  for (int64_t panel = 0; panel < s->panels; panel++)
    for (int64_t t = 0; t < s->count; t++) {
      int64_t at = (panel * CHUNK_TOKENS + t) * PRODUCT_COLUMNS;
      int64_t column = s->first_column + panel * PRODUCT_COLUMNS;
      float *to = s->has_channel_beta ? s->betas + at : here;
      const char *from = stream_row(s, beta, s->at + t, s->head) +
                         column * beta->stride[3] * stream_element_bytes(beta);
      stream_load_floats(to, from, beta->dtype, beta->stride[3], columns_in(s, panel),
                         PRODUCT_COLUMNS);
      float *value = s->values[WRITER_KEY] + at;
      for (int j = 0; j < PRODUCT_COLUMNS && !s->has_channel_beta; j++) value[j] *= here[j];
    }
}

static void multiply_values(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  if (p->header.features & SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA) {
    load_channel_betas(s);
    return;
  }
  for (int64_t t = 0; t < s->count && p->beta.dtype; t++) {
    float beta = number_at(s, &p->beta, t);
    for (int64_t panel = 0; panel < s->panels; panel++)
      multiply_row(stream_values(s, WRITER_KEY, panel) + t * PRODUCT_COLUMNS, beta,
                   PRODUCT_COLUMNS);
  }
}

/* Values of tokens beyond the chunk are never used, but what is computed from them is stored. */
static void clear_missing_values(linear_stream *s) {
  for (int64_t panel = 0; panel < s->panels && s->count < CHUNK_TOKENS; panel++)
    memset(stream_values(s, WRITER_KEY, panel) + s->count * PRODUCT_COLUMNS, 0,
           (size_t)(CHUNK_TOKENS - s->count) * PRODUCT_COLUMNS * sizeof(float));
}

void stream_load_values(linear_stream *s) {
  int32_t dtype = s->problem->v.dtype;
  if (dtype == SEQMIX_F32)
    load_values(s, SEQMIX_F32);
  else if (dtype == SEQMIX_BF16)
    load_values(s, SEQMIX_BF16);
  else
    load_values(s, SEQMIX_F16);
  clear_missing_values(s);
  multiply_values(s);
}

/* ---- all of a chunk -------------------------------------------------------------------------- */

void stream_load_tokens(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  float *keys = s->writer_rows[WRITER_KEY];
  load_rows(s, keys, &p->k, s->key_head);
  map_rows(s, keys);
  for (int64_t t = 0; t < s->count && s->is_gated; t++)
    multiply_row(keys + t * s->dims, s->gains[t], s->dims);
  if (s->has_eraser) load_eraser(s);
  if (s->writers == WRITERS) load_rows(s, s->writer_rows[WRITER_LOW_RANK], &p->b, s->head);
}
