/* SPDX-License-Identifier: Apache-2.0 */
/* States from piece to piece. */
#include "scan/selective_stage.h"
#include "scan/selective_states.h"

/* Beyond this, what a piece adds may cancel the states it was given. */
#define GROWTH_MOST 20.0f

/* States through the walk's piece token by token, B as it lies. */
DEVICE void walk_tokens(const selective_arguments *s, const selective_memory *m, walk *w,
                        int64_t first) {
  int32_t dtype = type_of(s->B.dtype);
  for (int64_t t = w->from; t < w->to; t++) {
    line at_u = tokens_line(&s->u, w, t), at_delta = tokens_line(&s->delta, w, t);
    lane u = load_lanes(m->u, TYPE, at_u.at, at_u.lane, w->lanes, 0.0f);
    two step = step_of(
        s, w,
        load_lanes(m->delta, type_of(s->delta.dtype), at_delta.at, at_delta.lane, w->lanes, 0.0f));
    lane input = step.high * u;
    int64_t at = s->B.at + w->number * s->B.row + (w->of.first + t) * s->B.time +
                 w->group * s->B.group + first * s->B.state;
    for (int32_t i = 0; i < held_states(s, first); i++) {
      two added[PARTS];
      for (int32_t part = 0; part < PARTS; part++)
        added[part] =
            two_of(input * lane_of(load_element(m->B, dtype, at + i * s->B.state + part)));
      step_state(w, i, step, added);
    }
  }
}

/* Held states to those after the walk's piece at one go, and lanes where that is not to be trusted.
 */
DEVICE lane_int jump(const selective_arguments *s, const selective_memory *m, walk *w,
                     int64_t first) {
  int64_t row = FLOATS * s->states;
  two steps = two_make(load_work(s, m, w, row), load_work(s, m, w, row + 1));
  lane_int is_unsteady = load_work(s, m, w, row + 2) < lane_of(0.0f);
  for (int32_t i = 0; i < held_states(s, first); i++) {
    lane own[FLOATS];
    two added[PARTS];
    for (int32_t f = 0; f < FLOATS; f++) own[f] = load_work(s, m, w, f * s->states + first + i);
    for (int32_t part = 0; part < PARTS; part++)
      added[part] = two_make(own[2 * part], own[2 * part + 1]);
    UNROLL for (int32_t f = 0; f < FLOATS; f += 2) is_unsteady |=
        !(lane_abs(w->held[f][i]) <= lane_of(LARGEST));
    is_unsteady |= steps.high * w->A[0][i] > lane_of(GROWTH_MOST);
    step_state(w, i, two_cleared(steps), added);
  }
  return is_unsteady;
}

/* Held states, which are kept in the piece's rows, to those after it. */
DEVICE void pass_piece(const selective_arguments *s, const selective_memory *m, walk *w,
                       int64_t first) {
  walk walked = *w;
  lane_int is_unsteady = jump(s, m, w, first) != lane_int_of(0);
  park(s, m, &walked, first);
  if (!lane_any(is_unsteady)) return;
  walk_tokens(s, m, &walked, first);
  UNROLL for (int32_t f = 0; f < FLOATS; f++) for (int32_t i = 0; i < held_states(s, first); i++)
      w->held[f][i] = lane_select(is_unsteady, walked.held[f][i], w->held[f][i]);
}
