/* SPDX-License-Identifier: Apache-2.0 */
/* States, between memory and items. */
#include "scan/selective_item.h"

/* How many of the states from `first` on an item holds. */
DEVICE int32_t held_states(const selective_arguments *s, int64_t first) {
  return (int32_t)least(s->states - first, STATES);
}

/* The line from its element `i` on. */
DEVICE line line_from(line l, int32_t i) {
  l.at += i * l.time;
  return l;
}

/* `count` states of any tensor; im is that of complex ones. */
DEVICE void load_states(const GLOBAL uint8_t *data, int32_t dtype, const walk *w, line l,
                        int32_t count, lane *re, lane *im) {
  UNROLL for (int32_t i = 0; i < STATES; i += TILE) if (i < count) {
    line from = line_from(l, i);
    int32_t some = (int32_t)least(count - i, TILE);
#if COMPLEX
    load_tile_pairs(data, dtype, from, w->lanes, some, 0.0f, re + i, im + i);
#else
    load_tile(data, dtype, from, w->lanes, some, 0.0f, re + i);
#endif
  }
}

DEVICE void load_rates(const selective_arguments *s, const selective_memory *m, walk *w,
                       int64_t first) {
  int32_t count = held_states(s, first);
  load_states(m->A, type_of(s->A.dtype), w, states_line(&s->A, w, 0, first), count, w->A[0],
              w->A[COMPLEX]);
  lane_int grows = lane_int_of(0);
  EACH_STATE (i, count) grows |= w->A[0][i] > lane_of(0.0f);
  w->is_careful |= lane_any(grows != lane_int_of(0));
}

/* The caller's past, or zeros. */
DEVICE void load_past(const selective_arguments *s, const selective_memory *m, walk *w,
                      int64_t first) {
  int32_t count = held_states(s, first);
  UNROLL for (int32_t f = 0; f < FLOATS; f++) {
    EACH_STATE (i, count) w->held[f][i] = lane_of(0.0f);
  }
  if (!s->past.dtype || s->summarizes) return;
  load_states(m->past, s->past.dtype, w, states_line(&s->past, w, w->of.from, first), count,
              w->held[0], w->held[2 * COMPLEX]);
}

DEVICE void store_present(const selective_arguments *s, const selective_memory *m, walk *w,
                          int64_t first) {
  if (!s->present.dtype || w->of.to < 0) return;
  line l = states_line(&s->present, w, w->of.to, first);
  int32_t count = held_states(s, first), dtype = s->present.dtype;
  UNROLL for (int32_t f = 0; f < FLOATS; f += 2) {
    EACH_STATE (i, count) w->held[f][i] = two_value(two_make(w->held[f][i], w->held[f + 1][i]));
  }
  UNROLL for (int32_t i = 0; i < STATES; i += TILE) if (i < count) {
    line to = line_from(l, i);
    int32_t some = (int32_t)least(count - i, TILE);
#if COMPLEX
    store_tile_pairs(m->present, dtype, to, w->lanes, some, w->held[0] + i, w->held[2] + i);
#else
    store_tile(m->present, dtype, to, w->lanes, some, w->held[0] + i);
#endif
  }
}

DEVICE void unpark(const selective_arguments *s, const selective_memory *m, walk *w,
                   int64_t first) {
  UNROLL for (int32_t f = 0; f < FLOATS; f++) {
    EACH_STATE (i, held_states(s, first))
      w->held[f][i] = load_work(s, m, w, f * s->states + first + i);
  }
}

DEVICE void park(const selective_arguments *s, const selective_memory *m, const walk *w,
                 int64_t first) {
  UNROLL for (int32_t f = 0; f < FLOATS; f++) {
    EACH_STATE (i, held_states(s, first))
      store_work(s, m, w, f * s->states + first + i, w->held[f][i]);
  }
}

/* Held states before a piece's first token. */
DEVICE void begin_states(const selective_arguments *s, const selective_memory *m, walk *w,
                         int64_t first) {
  if (s->pieces > 1 && !s->summarizes)
    unpark(s, m, w, first);
  else
    load_past(s, m, w, first);
  lane_int is_bad = lane_int_of(0);
  UNROLL for (int32_t f = 0; f < FLOATS; f += 2) {
    EACH_STATE (i, held_states(s, first)) is_bad |= !(lane_abs(w->held[f][i]) <= lane_of(LARGEST));
  }
  w->is_careful |= lane_any(is_bad != lane_int_of(0));
}

/* And after its last. */
DEVICE void end_states(const selective_arguments *s, const selective_memory *m, walk *w,
                       int64_t first) {
  if (s->summarizes)
    park(s, m, w, first);
  else if (s->pieces == 1)
    store_present(s, m, w, first);
}
