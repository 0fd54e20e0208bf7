/* SPDX-License-Identifier: Apache-2.0 */
/* Some tokens at a time, of those the work-items of a group share B and C. */
#include "scan/selective_item.h"

/* Tokens of an item, between memory and states. */
typedef struct stage {
  lane step[STAGE], input[STAGE], y[STAGE];
#if COMPLEX
  lane step_low[STAGE];
#endif
} stage;

DEVICE two step_of(const selective_arguments *s, const walk *w, lane delta) {
#if COMPLEX
  two x = two_cleared(two_sum(delta, w->bias));
  return s->has_softplus ? two_softplus(x) : x;
#else
  lane x = delta + w->bias;
  return two_of(s->has_softplus ? lane_softplus(x) : x);
#endif
}

DEVICE void add_step(walk *w, two step) {
  w->steps = two_add_two(w->steps, step);
  w->least_step = lane_select(step.high < w->least_step, step.high, w->least_step);
  w->is_careful |= lane_any(step.high < lane_of(0.0f));
}

/* Steps and inputs of `count` tokens from t on; what D adds is where y begins, or half of it, as
 * complex states give half of their y. */
DEVICE void begin_stage(const selective_arguments *s, const selective_memory *m, walk *w, int64_t t,
                        int32_t count, stage *g) {
  lane u[TILE], delta[TILE];
  UNROLL for (int32_t j = 0; j < STAGE; j += TILE) if (j < count) {
    int32_t some = (int32_t)least(count - j, TILE);
    load_tile(m->u, TYPE, tokens_line(&s->u, w, t + j), w->lanes, some, 0.0f, u);
    load_tile(m->delta, type_of(s->delta.dtype), tokens_line(&s->delta, w, t + j), w->lanes, some,
              0.0f, delta);
    EACH_TOKEN (i, some) {
      two step = step_of(s, w, delta[i]);
      add_step(w, step);
      g->step[j + i] = step.high;
#if COMPLEX
      g->step_low[j + i] = step.low;
#endif
      g->input[j + i] = step.high * u[i];
      /* Without a D, not even an infinite u adds anything. */
      lane skipped = s->D.dtype ? w->D * u[i] : lane_of(0.0f);
      g->y[j + i] = COMPLEX ? skipped * lane_of(0.5f) : skipped;
    }
  }
}

DEVICE token token_of(const stage *g, int32_t j) {
  token k;
#if COMPLEX
  k.step = two_make(g->step[j], g->step_low[j]);
#else
  k.step = two_of(g->step[j]);
#endif
  k.input = g->input[j];
  return k;
}

/* Number i of B or C: imaginary parts lie behind the real ones of all tokens of a stage. */
DEVICE void parts_of(const LOCAL float *rows, int32_t i, lane *parts) {
  parts[0] = lane_of(rows[i]);
#if COMPLEX
  parts[1] = lane_of(rows[i + STAGE_FLOATS]);
#endif
}

DEVICE lane run_token(walk *w, const token *k, int32_t count, const LOCAL float *B,
                      const LOCAL float *C, lane y) {
  lane b[PARTS], c[PARTS];
  if (w->is_careful) {
    EACH_STATE (i, count) {
      parts_of(B, i, b);
      parts_of(C, i, c);
      y = step_careful(w, i, k, b, c, y);
    }
  } else {
    EACH_STATE (i, count) {
      parts_of(B, i, b);
      parts_of(C, i, c);
      y = step_fast(w, i, k, b, c, y);
    }
  }
  return y;
}

/* The held states through `tokens` tokens. B and C are a stage's, in local memory. */
DEVICE void run_stage(walk *w, stage *g, int32_t tokens, int32_t count, const LOCAL float *B,
                      const LOCAL float *C) {
  for (int32_t j = 0; j < tokens; j++, B += STATES, C += STATES) {
    token k = token_of(g, j);
    g->y[j] = run_token(w, &k, count, B, C, g->y[j]);
    /* Of a state that is not finite, y is not. */
    w->is_careful |= lane_any(!(lane_abs(g->y[j]) <= lane_of(LARGEST)));
  }
}

DEVICE void end_stage(const selective_arguments *s, const selective_memory *m, const walk *w,
                      int64_t t, int32_t count, stage *g) {
  lane z[TILE];
  UNROLL for (int32_t j = 0; j < STAGE; j += TILE) if (j < count) {
    int32_t some = (int32_t)least(count - j, TILE);
    for (int32_t i = 0; COMPLEX && i < some; i++) g->y[j + i] += g->y[j + i];
    if (s->z.dtype) {
      load_tile(m->z, type_of(s->z.dtype), tokens_line(&s->z, w, t + j), w->lanes, some, 0.0f, z);
      EACH_TOKEN (i, some) g->y[j + i] *= lane_silu(z[i]);
    }
    store_tile(m->out, type_of(s->out.dtype), tokens_line(&s->out, w, t + j), w->lanes, some,
               g->y + j);
  }
}

/* Of a sequence without a state. */
DEVICE void write_zeros(const selective_arguments *s, const selective_memory *m, const walk *w) {
  for (int64_t t = w->from; t < w->to; t++) {
    line l = tokens_line(&s->out, w, t);
    store_lanes(m->out, type_of(s->out.dtype), l.at, l.lane, w->lanes, lane_of(0.0f));
  }
}

/* ---- B and C --------------------------------------------------------------------------------- */

/* `count` states from `first` on of `tokens` tokens from t on, read by the whole group. */
DEVICE void share_rows(const selective_group *of, const GLOBAL uint8_t *data, const walk *w,
                       int64_t t, int32_t tokens, int64_t first, int32_t count, LOCAL float *rows) {
  int32_t chunks = (count + LANES - 1) / LANES, dtype = type_of(of->dtype);
  int64_t start = of->at + w->number * of->row + (w->of.first + t) * of->time +
                  w->group * of->group + first * of->state;
  for (int32_t i = (int32_t)item_number(); i < tokens * chunks; i += ITEMS) {
    int32_t j = i / chunks, chunk = (i - j * chunks) * LANES;
    int32_t some = (int32_t)least(count - chunk, LANES);
    LOCAL float *to = rows + j * STATES + chunk;
    int64_t at = start + j * of->time + chunk * of->state;
#if COMPLEX
    lane re, im;
    load_pairs(data, dtype, at, of->state, some, 0.0f, &re, &im);
    lane_to_array(to, re);
    lane_to_array(to + STAGE_FLOATS, im);
#else
    lane_to_array(to, load_lanes(data, dtype, at, of->state, some, 0.0f));
#endif
  }
}
