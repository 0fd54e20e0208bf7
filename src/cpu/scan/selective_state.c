/* SPDX-License-Identifier: Apache-2.0 */
/* What channels have of their own, A and states, between memory and vectors of channels. */
#include <string.h>

#include "cpu/scan/selective.h"
#include "cpu/simd/wide.h"

/* A part of [c, s], whose strides are given, as "tokens" s of channels c. Stretches are all of one
 * channel. */
static scan_plane turned_plane(const selective_channels *s, const seqmix_view *view, int64_t row,
                               int channel_axis, int part) {
  int64_t bytes = view->dtype == SEQMIX_F32 ? 4 : 2;
  int64_t at = (channel_axis ? row * view->stride[0] : 0) + s->c * view->stride[channel_axis];
  return (scan_plane){.data = (char *)view->data + (at + part) * bytes,
                      .time = view->stride[channel_axis + 1],
                      .channel = s->is_cut ? 0 : view->stride[channel_axis],
                      .dtype = view->dtype};
}

/* The channels of a vector, as such a block. */
static scan_block vector_block(const selective_channels *s, int64_t vector) {
  int64_t left = s->channels - vector * LANES;
  return (scan_block){0, s->states, vector * LANES, left < LANES ? left : LANES};
}

/* A vector's [s][LANES] from a plane. */
static void load_turned(const selective_channels *s, const scan_plane *plane, int64_t vector,
                        float *to) {
  const scan_block block = vector_block(s, vector);
  scan_rows rows = scan_fetch(plane, &block, s->turned);
  for (int64_t i = 0; i < s->states; i++)
    vec_store(to + i * LANES, vec_load(rows.at + i * rows.step));
}

static void store_turned(const selective_channels *s, const scan_plane *plane, int64_t vector,
                         float *from) {
  const scan_block block = vector_block(s, vector);
  scan_rows rows = scan_target(plane, &block, from);
  for (int64_t i = 0; i < s->states && rows.at != from; i++)
    vec_store(rows.at + i * rows.step, vec_load(from + i * LANES));
  scan_deliver(plane, &block, from);
}

static int some_is_positive(const float *x, int64_t count) {
  ivec any = ivec_of(0);
  for (int64_t i = 0; i < count; i += LANES) any |= vec_load(x + i) > 0.0f;
  for (int lane = 0; lane < LANES; lane++)
    if (any[lane]) return 1;
  return 0;
}

void selective_load_A(selective_channels *s) {
  const seqmix_view *A = &s->problem->A;
  size_t bytes = (size_t)(s->vectors * s->states * LANES) * sizeof *s->state;
  s->grows = 0;
  s->is_wide = s->parts == 2 ? UINT64_MAX : 0;
  memset(s->state, 0, bytes);
  memset(s->rest, 0, bytes);
  for (int i = 0; i < s->parts; i++) memset(s->wide[i], 0, 2 * bytes);
  for (int64_t v = 0; v < s->vectors; v++)
    for (int i = 0; i < s->parts; i++) {
      const scan_plane plane = turned_plane(s, A, 0, 0, i);
      load_turned(s, &plane, v, s->A[i] + selective_at(s, v));
    }
  for (int64_t v = 0; v < s->vectors; v++)
    if (some_is_positive(s->A[0] + selective_at(s, v), s->states * LANES))
      s->grows |= UINT64_C(1) << v;
}

static void widen_numbers(double *to, const float *from, int64_t count) {
  for (int64_t i = 0; i < count; i += LANES) wide_store(to + i, wide_from_memory(from + i));
}

void selective_load_states(selective_channels *s) {
  const seqmix_view *past = &s->problem->past_state;
  int64_t count = s->states * LANES;
  if (!past->dtype) return;
  for (int64_t v = 0; v < s->vectors; v++) {
    for (int i = 0; i < s->parts; i++) {
      float *to = (i ? s->rest : s->state) + selective_at(s, v);
      const scan_plane plane = turned_plane(s, past, s->sequence.from, 1, i);
      load_turned(s, &plane, v, to);
      if (s->is_wide >> v & 1) widen_numbers(s->wide[i] + selective_at(s, v), to, count);
    }
  }
}

void selective_widen(selective_channels *s, int64_t vector) {
  int64_t at = selective_at(s, vector);
  s->is_wide |= UINT64_C(1) << vector;
  for (int64_t i = at; i < at + s->states * LANES; i++)
    s->wide[0][i] = (double)s->earlier_state[i] + s->earlier_rest[i];
}

/* A part of a vector's states in f32. */
static float *rounded(const selective_channels *s, int64_t vector, int part) {
  int64_t at = selective_at(s, vector);
  if (!(s->is_wide >> vector & 1)) return s->state + at;
  for (int64_t i = 0; i < s->states * LANES; i += LANES)
    vec_store(s->turned + i, vec_from_wide(wide_load(s->wide[part] + at + i)));
  return s->turned;
}

void selective_store_states(selective_channels *s) {
  const seqmix_view *present = &s->problem->present_state;
  if (!present->dtype || s->sequence.to < 0) return;
  for (int64_t v = 0; v < s->vectors; v++)
    for (int i = 0; i < s->parts; i++) {
      const scan_plane plane = turned_plane(s, present, s->sequence.to, 1, i);
      store_turned(s, &plane, v, rounded(s, v, i));
    }
}
