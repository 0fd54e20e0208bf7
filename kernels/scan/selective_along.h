/* SPDX-License-Identifier: Apache-2.0 */
/* Single tokens of states that lie side by side, as most callers keep them: lanes are states of a
 * channel here, and need not be turned. */
#include "scan/selective_states.h"

/* LANES states of lane `c` of the walk's channels, in element 0 of what it holds. */
DEVICE void load_along(const selective_arguments *s, const selective_memory *m, walk *w, int32_t c,
                       int64_t first) {
  line rates = states_line(&s->A, w, 0, first), past = states_line(&s->past, w, w->of.from, first);
  w->A[0][0] = load_neighbours(m->A, type_of(s->A.dtype), rates.at + c * rates.lane);
  w->held[0][0] = w->held[1][0] = lane_of(0.0f);
  if (s->past.dtype)
    w->held[0][0] = load_neighbours(m->past, s->past.dtype, past.at + c * past.lane);
}

DEVICE void store_along(const selective_arguments *s, const selective_memory *m, const walk *w,
                        int32_t c, int64_t first) {
  line to = states_line(&s->present, w, w->of.to, first);
  if (s->present.dtype && w->of.to >= 0)
    store_neighbours(m->present, s->present.dtype, to.at + c * to.lane,
                     two_value(two_make(w->held[0][0], w->held[1][0])));
}

DEVICE int is_along_careful(const walk *w) {
  lane_int grows = w->A[0][0] > lane_of(0.0f);
  return lane_any(grows | !(lane_abs(w->held[0][0]) <= lane_of(LARGEST)));
}

/* `count` held states from `first` on of all the walk's channels through the stage's only token. */
DEVICE void step_along(const selective_arguments *s, const selective_memory *m, walk *w,
                       int64_t first, int32_t count, stage *g, const LOCAL float *B,
                       const LOCAL float *C) {
  float step[LANES], input[LANES], y[LANES];
  lane_to_array(step, g->step[0]);
  lane_to_array(input, g->input[0]);
  lane_to_array(y, g->y[0]);
  for (int32_t c = 0; c < w->lanes; c++) {
    token k = {two_of(lane_of(step[c])), lane_of(input[c])};
    lane sum = lane_of(0.0f);
    for (int32_t i = 0; i < count; i += LANES) {
      lane b = lane_load_local(B, i), e = lane_load_local(C, i);
      load_along(s, m, w, c, first + i);
      if (w->is_careful || is_along_careful(w))
        sum = step_careful(w, 0, &k, &b, &e, sum);
      else
        sum = step_fast(w, 0, &k, &b, &e, sum);
      store_along(s, m, w, c, first + i);
    }
    y[c] += lane_sum(sum);
  }
  g->y[0] = lane_from_array(y);
}
