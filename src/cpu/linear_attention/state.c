/* SPDX-License-Identifier: Apache-2.0 */
/* States from the past tensors and to the present ones. */
#include <math.h>
#include <string.h>

#include "core/element.h"
#include "cpu/linear_attention/stream.h"
#include "cpu/simd/convert.h"

static int64_t index_or(const seqmix_index_view *indices, int64_t n) {
  return indices->bits ? seqmix_index_at(indices, n, 0) : n;
}

/* A row of a panel: PRODUCT_COLUMNS columns, those beyond the block's are zeros. */
static void load_part(float *to, const seqmix_view *view, int64_t at, int64_t count) {
  if (view->stride[3] == 1 && count == PRODUCT_COLUMNS) {
    const char *from = stream_address(view, at);
    for (int j = 0; j < PRODUCT_COLUMNS; j += LANES)
      vec_store(to + j, load_vector(from + j * stream_element_bytes(view), view->dtype));
    return;
  }
  for (int64_t j = 0; j < count; j++)
    to[j] = seqmix_load(view->data, view->dtype, at + j * view->stride[3]);
  for (int64_t j = count; j < PRODUCT_COLUMNS; j++) to[j] = 0;
}

static void store_part(const float *from, const seqmix_view *view, int64_t at, int64_t count) {
  if (view->stride[3] == 1 && count == PRODUCT_COLUMNS) {
    char *to = stream_address(view, at);
    for (int j = 0; j < PRODUCT_COLUMNS; j += LANES)
      store_vector(to + j * stream_element_bytes(view), view->dtype, vec_load(from + j));
    return;
  }
  for (int64_t j = 0; j < count; j++)
    seqmix_store(view->data, view->dtype, at + j * view->stride[3], from[j]);
}

/* Columns of the block in a panel. */
static int64_t columns_in(const linear_stream *s, int64_t panel) {
  int64_t left = s->columns - panel * PRODUCT_COLUMNS;
  return left < PRODUCT_COLUMNS ? left : PRODUCT_COLUMNS;
}

/* Element (row, head, d, first column of the panel). */
static int64_t state_at(const linear_stream *s, const seqmix_view *view, int64_t row, int64_t d,
                        int64_t panel) {
  int64_t column = s->first_column + panel * PRODUCT_COLUMNS;
  return row * view->stride[0] + s->head * view->stride[1] + d * view->stride[2] +
         column * view->stride[3];
}

void stream_load_state(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  memset(s->state, 0, (size_t)(s->panels * s->dims * PRODUCT_COLUMNS) * sizeof(float));
  if (!p->past_state.dtype) return;
  int64_t row = index_or(&p->state_indices, s->n);
  for (int64_t panel = 0; panel < s->panels; panel++) {
    float *to = stream_state(s, panel);
    for (int64_t d = 0; d < p->head_dim; d++, to += PRODUCT_COLUMNS)
      load_part(to, &p->past_state, state_at(s, &p->past_state, row, d, panel),
                columns_in(s, panel));
  }
}

void stream_load_rest(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  const seqmix_view *z = &p->past_normalizer, *m = &p->past_stabilizer;
  memset(s->normalizer, 0, (size_t)s->dims * sizeof(float));
  s->stabilizer = -(double)INFINITY;
  if (!p->past_state.dtype) return;
  int64_t row = index_or(&p->state_indices, s->n);
  for (int64_t d = 0; d < p->head_dim && z->dtype; d++)
    s->normalizer[d] = seqmix_load(z->data, z->dtype,
                                   row * z->stride[0] + s->head * z->stride[1] + d * z->stride[2]);
  if (m->dtype)
    s->stabilizer = ((const float *)m->data)[row * m->stride[0] + s->head * m->stride[1]];
}

/* The row of the present tensors to write, or -1. */
static int64_t present_row(const linear_stream *s) {
  if (!s->problem->present_state.dtype) return -1;
  return index_or(&s->problem->state_out_indices, s->n);
}

void stream_store_state(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  int64_t row = present_row(s);
  if (row < 0) return;
  for (int64_t panel = 0; panel < s->panels; panel++) {
    const float *from = stream_state(s, panel);
    for (int64_t d = 0; d < p->head_dim; d++, from += PRODUCT_COLUMNS)
      store_part(from, &p->present_state, state_at(s, &p->present_state, row, d, panel),
                 columns_in(s, panel));
  }
}

void stream_store_rest(const linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  const seqmix_view *z = &p->present_normalizer, *m = &p->present_stabilizer;
  int64_t row = present_row(s);
  if (row < 0 || !s->owns_rest) return;
  for (int64_t d = 0; d < p->head_dim && z->dtype; d++)
    seqmix_store(z->data, z->dtype, row * z->stride[0] + s->head * z->stride[1] + d * z->stride[2],
                 s->normalizer[d]);
  if (m->dtype)
    ((float *)m->data)[row * m->stride[0] + s->head * m->stride[1]] = (float)s->stabilizer;
}

/* ---- where they lie -------------------------------------------------------------------------- */

static int has_rows(const seqmix_view *view) {
  return view->dtype == SEQMIX_F32 && view->stride[3] == 1;
}

int stream_find_rows(linear_stream *s) {
  const seqmix_linear_attention_problem *p = s->problem;
  const uint64_t two_passes =
      SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL | SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL;
  int64_t row = present_row(s);
  if (s->tokens != 1 || p->header.features & two_passes || !has_rows(&p->past_state)) return 0;
  if (row >= 0 && !has_rows(&p->present_state)) return 0;
  int64_t from = state_at(s, &p->past_state, index_or(&p->state_indices, s->n), 0, 0);
  s->present->past_rows = (const float *)p->past_state.data + from;
  s->present->present_rows =
      row < 0 ? NULL : (float *)p->present_state.data + state_at(s, &p->present_state, row, 0, 0);
  s->past_step = p->past_state.stride[2];
  s->present_step = p->present_state.stride[2];
  return 1;
}

/* ---- no state -------------------------------------------------------------------------------- */

void stream_skip(linear_stream *s) {
  const seqmix_view *out = &s->problem->out;
  for (int64_t g = 0; g < s->queries; g++)
    for (int64_t t = 0; t < s->tokens; t++)
      memset(
          stream_row(s, out, t, s->readers[g].head) + s->first_column * stream_element_bytes(out),
          0, (size_t)(s->columns * stream_element_bytes(out)));
}
