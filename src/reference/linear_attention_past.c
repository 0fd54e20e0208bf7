/* SPDX-License-Identifier: Apache-2.0 */
/* States where the caller keeps them. */
#include <math.h>

#include "core/element.h"
#include "reference/linear_attention_state.h"

/* Element (d, j) of row `row` of a state tensor. */
static int64_t state_at(const linear_state *state, const seqmix_view *view, int64_t row, int64_t d,
                        int64_t j) {
  return row * view->stride[0] + state->head * view->stride[1] + d * view->stride[2] +
         j * view->stride[3];
}

void seqmix_linear_state_clear(linear_state *state) {
  for (int64_t i = 0; i < state->problem->head_dim * state->columns; i++) state->matrix[i] = 0;
  state->stabilizer = state->problem->input_gate.dtype ? -INFINITY : 0;
}

/* The tensor and its column that column j of S is kept in. */
static const seqmix_view *view_of(const linear_state *state, const seqmix_view *matrix,
                                  const seqmix_view *normalizer, int64_t *j) {
  if (*j < state->problem->value_dim) return matrix;
  *j = 0;
  return normalizer;
}

void seqmix_linear_state_begin(linear_state *state, int64_t row) {
  const seqmix_linear_attention_problem *p = state->problem;
  seqmix_linear_state_clear(state);
  if (!p->past_state.dtype) return;
  for (int64_t d = 0; d < p->head_dim; d++) {
    for (int64_t column = 0; column < state->columns; column++) {
      int64_t j = column;
      const seqmix_view *from = view_of(state, &p->past_state, &p->past_normalizer, &j);
      state->matrix[d * state->columns + column] =
          (double)seqmix_load(from->data, from->dtype, state_at(state, from, row, d, j));
    }
  }
  const seqmix_view *m = &p->past_stabilizer;
  if (m->dtype)
    state->stabilizer = (double)seqmix_load(m->data, m->dtype, state_at(state, m, row, 0, 0));
}

void seqmix_linear_state_end(const linear_state *state, int64_t row) {
  const seqmix_linear_attention_problem *p = state->problem;
  if (!p->present_state.dtype) return;
  /* m is kept in f32: S is that of the m which the caller will read. */
  float stabilizer = (float)state->stabilizer;
  double factor = isfinite(stabilizer) ? exp(state->stabilizer - (double)stabilizer) : 1;
  for (int64_t d = 0; d < p->head_dim; d++) {
    for (int64_t column = 0; column < state->columns; column++) {
      int64_t j = column;
      const seqmix_view *to = view_of(state, &p->present_state, &p->present_normalizer, &j);
      seqmix_store(to->data, to->dtype, state_at(state, to, row, d, j),
                   (float)(factor * state->matrix[d * state->columns + column]));
    }
  }
  const seqmix_view *m = &p->present_stabilizer;
  if (m->dtype) seqmix_store(m->data, m->dtype, state_at(state, m, row, 0, 0), stabilizer);
}
