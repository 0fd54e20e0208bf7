/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan: a work-item walks LANES channels through time, with their states; a work-group
 * takes neighbouring channels that read the same B and C, some tokens of which it shares at a time.
 *
 * Where there are few channels, sequences are cut into pieces of time:
 *
 *   selective_walk    summarizing: each piece from nothing, and the sum of its steps
 *   selective_carry   per channel, piece after piece: the states before each of them
 *   selective_walk    each piece from those states: its outputs
 *
 * An uncut sequence is one piece, and needs the last alone. A piece takes a state h to
 * exp(A sum of its steps) h, and adds its own. In workspace are, for each piece of each sequence,
 * rows of channels: the floats of all states, and those of the steps. Of more states than an item
 * holds, the others stay there, too, from stage to stage.
 *
 * Arithmetic bounds it: some 20 operations on each state for each token, if states decay. What does
 * not decay, and what has met an infinity, goes a more careful way.
 *
 * Constants: COMPLEX (0 or 1), TYPE (of u), LANES, ITEMS. */
#include "scan/selective_arguments.h"
#include "shared/indices.h"
#include "shared/lane.h"
#include "shared/sequences.h"
#include "shared/two_functions.h"

#define STATES SELECTIVE_STATES
#define STAGE SELECTIVE_STAGE
#define FLOATS SELECTIVE_FLOATS(COMPLEX)

/* Of B or C, or a part of them, in local memory. */
#define STAGE_FLOATS (STAGE * STATES)

#define LARGEST 0x1.fffffep127f

/* An item on its way through the tokens `from` to `to` of a sequence. */
typedef struct walk {
  sequence of;
  int64_t number, piece;
  int64_t group, channel; /* of the first lane */
  int64_t from, to;
  int32_t lanes;
  int32_t is_active;  /* it has states; of no sequence, and of no channels, it only waits */
  int32_t is_clear;   /* it has none, and its outputs are 0 */
  int32_t is_careful; /* some state does not decay, or is not finite */
  lane bias, D;
  lane A[1 + COMPLEX][STATES];
  lane held[FLOATS][STATES]; /* of states */
  two steps;                 /* their sum */
  lane least_step;           /* or 0 */
} walk;

typedef struct token {
  two step;
  lane input; /* step u */
} token;

#if COMPLEX
#include "scan/selective_complex.h"
#else
#include "scan/selective_real.h"
#endif

/* Tokens of an item, between memory and states. */
typedef struct stage {
  lane step[STAGE], input[STAGE], y[STAGE];
#if COMPLEX
  lane step_low[STAGE];
#endif
} stage;

/* The call's memory. */
typedef struct selective_memory {
  const GLOBAL uint8_t *u, *delta, *A, *B, *C, *D, *z, *bias, *past;
  GLOBAL uint8_t *out, *present;
  sequence_arrays arrays;
  GLOBAL uint8_t *work;
  GLOBAL int32_t *faults;
} selective_memory;

/* Of tensors whose type is u's or f32. */
DEVICE int32_t type_of(int32_t dtype) { return dtype == TYPE_F32 ? TYPE_F32 : TYPE; }

/* ---- where things lie ------------------------------------------------------------------------ */

DEVICE line tokens_line(const selective_tokens *of, const walk *w, int64_t t) {
  line l = {of->at + w->number * of->row + (w->of.first + t) * of->time + w->channel * of->channel,
            of->time, of->channel};
  return l;
}

/* States as "tokens" of their channels, from number `first` on. */
DEVICE line states_line(const selective_states *of, const walk *w, int64_t row, int64_t first) {
  line l = {of->at + row * of->row + w->channel * of->channel + first * of->state, of->state,
            of->channel};
  return l;
}

/* A row of workspace: float number `f` of the walk's piece. */
DEVICE int64_t work_at(const selective_arguments *s, const walk *w, int64_t f) {
  int64_t rows = FLOATS * s->states + SELECTIVE_STEP_FLOATS;
  return ((w->number * s->pieces + w->piece) * rows + f) * s->channels + w->channel;
}

DEVICE lane load_work(const selective_arguments *s, const selective_memory *m, const walk *w,
                      int64_t f) {
  return load_lanes(m->work, TYPE_F32, work_at(s, w, f), 1, w->lanes, 0.0f);
}

DEVICE void store_work(const selective_arguments *s, const selective_memory *m, const walk *w,
                       int64_t f, lane x) {
  store_lanes(m->work, TYPE_F32, work_at(s, w, f), 1, w->lanes, x);
}

DEVICE lane load_constant(const selective_constant *of, const GLOBAL uint8_t *data, const walk *w) {
  if (!of->dtype) return lane_of(0.0f);
  return load_lanes(data, type_of(of->dtype), of->at + w->channel * of->channel, of->channel,
                    w->lanes, 0.0f);
}

/* ---- states between memory and items --------------------------------------------------------- */

/* How many of the states from `first` on an item holds. */
DEVICE int32_t held_states(const selective_arguments *s, int64_t first) {
  return (int32_t)least(s->states - first, STATES);
}

/* `count` states of any tensor: parts follow each other in `to`, as floats do, `step` arrays apart.
 */
DEVICE void load_states(const selective_states *of, const GLOBAL uint8_t *data, int32_t dtype,
                        const walk *w, line l, int32_t count, lane *re, lane *im) {
  for (int32_t i = 0; i < count; i += LANES, l.at += LANES * l.time) {
    int32_t some = (int32_t)least(count - i, LANES);
#if COMPLEX
    load_tile_pairs(data, dtype, l, w->lanes, some, 0.0f, re + i, im + i);
#else
    load_tile(data, dtype, l, w->lanes, some, 0.0f, re + i);
#endif
  }
}

DEVICE void load_rates(const selective_arguments *s, const selective_memory *m, walk *w,
                       int64_t first) {
  int32_t count = held_states(s, first);
  load_states(&s->A, m->A, type_of(s->A.dtype), w, states_line(&s->A, w, 0, first), count, w->A[0],
              w->A[COMPLEX]);
  lane_int grows = lane_int_of(0);
  for (int32_t i = 0; i < count; i++) grows |= w->A[0][i] > lane_of(0.0f);
  w->is_careful |= lane_any(grows != lane_int_of(0));
}

/* The caller's past, or zeros. */
DEVICE void load_past(const selective_arguments *s, const selective_memory *m, walk *w,
                      int64_t first) {
  int32_t count = held_states(s, first);
  for (int32_t f = 0; f < FLOATS; f++)
    for (int32_t i = 0; i < count; i++) w->held[f][i] = lane_of(0.0f);
  if (!s->past.dtype || s->summarizes) return;
  load_states(&s->past, m->past, s->past.dtype, w, states_line(&s->past, w, w->of.from, first),
              count, w->held[0], w->held[2 * COMPLEX]);
}

DEVICE void store_present(const selective_arguments *s, const selective_memory *m, walk *w,
                          int64_t first) {
  if (!s->present.dtype || w->of.to < 0) return;
  line l = states_line(&s->present, w, w->of.to, first);
  int32_t count = held_states(s, first), dtype = s->present.dtype;
  for (int32_t f = 0; f < FLOATS; f += 2)
    for (int32_t i = 0; i < count; i++)
      w->held[f][i] = two_value(two_make(w->held[f][i], w->held[f + 1][i]));
  for (int32_t i = 0; i < count; i += LANES, l.at += LANES * l.time) {
    int32_t some = (int32_t)least(count - i, LANES);
#if COMPLEX
    store_tile_pairs(m->present, dtype, l, w->lanes, some, w->held[0] + i, w->held[2] + i);
#else
    store_tile(m->present, dtype, l, w->lanes, some, w->held[0] + i);
#endif
  }
}

DEVICE void unpark(const selective_arguments *s, const selective_memory *m, walk *w,
                   int64_t first) {
  for (int32_t f = 0; f < FLOATS; f++)
    for (int32_t i = 0; i < held_states(s, first); i++)
      w->held[f][i] = load_work(s, m, w, f * s->states + first + i);
}

DEVICE void park(const selective_arguments *s, const selective_memory *m, const walk *w,
                 int64_t first) {
  for (int32_t f = 0; f < FLOATS; f++)
    for (int32_t i = 0; i < held_states(s, first); i++)
      store_work(s, m, w, f * s->states + first + i, w->held[f][i]);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

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
  lane u[LANES], delta[LANES];
  for (int32_t j = 0; j < count; j += LANES) {
    int32_t some = (int32_t)least(count - j, LANES);
    load_tile(m->u, TYPE, tokens_line(&s->u, w, t + j), w->lanes, some, 0.0f, u);
    load_tile(m->delta, type_of(s->delta.dtype), tokens_line(&s->delta, w, t + j), w->lanes, some,
              0.0f, delta);
    for (int32_t i = 0; i < some; i++) {
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

/* The held states through `tokens` tokens. B and C are a stage's, in local memory. */
DEVICE void run_stage(walk *w, stage *g, int32_t tokens, int32_t count, const LOCAL float *B,
                      const LOCAL float *C) {
  for (int32_t j = 0; j < tokens; j++, B += STATES, C += STATES) {
    token k = token_of(g, j);
    lane y = g->y[j];
    if (w->is_careful)
      for (int32_t i = 0; i < count; i++) y = step_careful(w, i, &k, B, C, y);
    else
      for (int32_t i = 0; i < count; i++) y = step_fast(w, i, &k, B, C, y);
    g->y[j] = y;
    /* Of a state that is not finite, y is not. */
    w->is_careful |= lane_any(!(lane_abs(y) <= lane_of(LARGEST)));
  }
}

DEVICE void end_stage(const selective_arguments *s, const selective_memory *m, const walk *w,
                      int64_t t, int32_t count, stage *g) {
  lane z[LANES];
  for (int32_t j = 0; j < count; j += LANES) {
    int32_t some = (int32_t)least(count - j, LANES);
    for (int32_t i = 0; COMPLEX && i < some; i++) g->y[j + i] += g->y[j + i];
    if (s->z.dtype) {
      load_tile(m->z, type_of(s->z.dtype), tokens_line(&s->z, w, t + j), w->lanes, some, 0.0f, z);
      for (int32_t i = 0; i < some; i++) g->y[j + i] *= lane_silu(z[i]);
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

/* ---- walks ----------------------------------------------------------------------------------- */

/* Places a walk at lanes of channels of a group, and at a piece of a sequence. */
DEVICE void place_walk(const selective_arguments *s, const selective_memory *m, walk *w,
                       int64_t number, int64_t piece, int64_t group, int64_t channel) {
  int64_t left = s->group_channels - channel;
  w->of = sequence_at(&s->at, m->arrays, number, m->faults);
  w->number = number;
  w->piece = piece;
  w->group = group;
  w->channel = group * s->group_channels + channel;
  w->lanes = left > 0 ? (int32_t)least(left, LANES) : 0;
  w->from = piece * s->piece;
  w->to = w->of.is_bad ? 0 : least(w->of.length, w->from + s->piece);
  int is_there = !w->of.is_bad && w->lanes > 0 && (piece == 0 || w->from < w->to);
  w->is_active = is_there && w->of.from >= 0;
  w->is_clear = is_there && w->of.from < 0;
  w->is_careful = 0;
  w->bias = load_constant(&s->bias, m->bias, w);
  w->D = load_constant(&s->D, m->D, w);
  w->steps = two_of(lane_of(0.0f));
  w->least_step = lane_of(0.0f);
}

/* Held states before a piece's first token. */
DEVICE void begin_states(const selective_arguments *s, const selective_memory *m, walk *w,
                         int64_t first) {
  if (s->pieces > 1 && !s->summarizes)
    unpark(s, m, w, first);
  else
    load_past(s, m, w, first);
  lane_int is_bad = lane_int_of(0);
  for (int32_t f = 0; f < FLOATS; f += 2)
    for (int32_t i = 0; i < held_states(s, first); i++)
      is_bad |= !(lane_abs(w->held[f][i]) <= lane_of(LARGEST));
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

/* States from `first` on through a stage: at each end they are held, parked or the caller's. */
DEVICE void walk_stage(const selective_arguments *s, const selective_memory *m, walk *w, int64_t t,
                       int32_t tokens, int64_t first, stage *g, const LOCAL float *B,
                       const LOCAL float *C) {
  int is_first = t == w->from, is_last = t + STAGE >= w->to, stays = s->states <= STATES;
  if (is_first || !stays) load_rates(s, m, w, first);
  if (is_first)
    begin_states(s, m, w, first);
  else if (!stays)
    unpark(s, m, w, first);
  run_stage(w, g, tokens, held_states(s, first), B, C);
  if (is_last)
    end_states(s, m, w, first);
  else if (!stays)
    park(s, m, w, first);
}

DEVICE void keep_steps(const selective_arguments *s, const selective_memory *m, const walk *w) {
  int64_t row = FLOATS * s->states;
  store_work(s, m, w, row, w->steps.high);
  store_work(s, m, w, row + 1, w->steps.low);
  store_work(s, m, w, row + 2, w->least_step);
}

#define SELECTIVE_PARAMETERS                                                         \
  GLOBAL int32_t *faults, GLOBAL uint8_t *work, const GLOBAL uint8_t *u,             \
      const GLOBAL uint8_t *delta, const GLOBAL uint8_t *A, const GLOBAL uint8_t *B, \
      const GLOBAL uint8_t *C, const GLOBAL uint8_t *D, const GLOBAL uint8_t *z,     \
      const GLOBAL uint8_t *bias, GLOBAL uint8_t *out, const GLOBAL uint8_t *past,   \
      GLOBAL uint8_t *present, const GLOBAL uint8_t *cu_seqlens,                     \
      const GLOBAL uint8_t *state_indices, const GLOBAL uint8_t *state_out_indices,  \
      selective_arguments s
#define SELECTIVE_MEMORY                                             \
  {                                                                  \
    u, delta, A, B, C, D, z, bias, past, out, present,               \
        {cu_seqlens, state_indices, state_out_indices}, work, faults \
  }

KERNEL void selective_walk(SELECTIVE_PARAMETERS) {
  const selective_memory m = SELECTIVE_MEMORY;
  LOCAL_BLOCK(float, rows, 2 * PARTS * STAGE_FLOATS);
  LOCAL float *B_rows = rows, *C_rows = rows + PARTS * STAGE_FLOATS;
  int64_t number = group_number(), block = take_index(&number, s.group_blocks);
  int64_t group = take_index(&number, s.groups), piece = take_index(&number, s.pieces);
  walk w;
  stage g;
  place_walk(&s, &m, &w, number, piece, group, (block * ITEMS + item_number()) * LANES);
  if (w.is_clear && !s.summarizes) write_zeros(&s, &m, &w);
  /* The same for a whole group. Once for a sequence without tokens, too: for its state. */
  int64_t t = w.from, end = w.of.from < 0 ? t : w.to;
  do {
    int32_t tokens = t < end ? (int32_t)least(end - t, STAGE) : 0;
    if (w.is_active) begin_stage(&s, &m, &w, t, tokens, &g);
    for (int64_t first = 0; first < s.states; first += STATES) {
      int32_t count = held_states(&s, first);
      group_barrier();
      share_rows(&s.B, m.B, &w, t, tokens, first, count, B_rows);
      share_rows(&s.C, m.C, &w, t, tokens, first, count, C_rows);
      group_barrier();
      if (w.is_active) walk_stage(&s, &m, &w, t, tokens, first, &g, B_rows, C_rows);
    }
    if (w.is_active && !s.summarizes) end_stage(&s, &m, &w, t, tokens, &g);
    t += STAGE;
  } while (t < end);
  if (w.is_active && s.summarizes) keep_steps(&s, &m, &w);
}

/* ---- carries --------------------------------------------------------------------------------- */

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
    for (int32_t i = 0; i < held_states(s, first); i++, at += s->B.state) {
      two added[PARTS];
      for (int32_t part = 0; part < PARTS; part++)
        added[part] = two_of(input * lane_of(load_element(m->B, dtype, at + part)));
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
    for (int32_t f = 0; f < FLOATS; f += 2)
      is_unsteady |= !(lane_abs(w->held[f][i]) <= lane_of(LARGEST));
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
  for (int32_t f = 0; f < FLOATS; f++)
    for (int32_t i = 0; i < held_states(s, first); i++)
      w->held[f][i] = lane_select(is_unsteady, walked.held[f][i], w->held[f][i]);
}

/* An item is as many states as can be held, of LANES channels of a sequence. */
KERNEL void selective_carry(SELECTIVE_PARAMETERS) {
  const selective_memory m = SELECTIVE_MEMORY;
  int64_t number = group_number() * ITEMS + item_number();
  int64_t state_blocks = (s.states + STATES - 1) / STATES;
  int64_t blocks = (s.group_channels + LANES - 1) / LANES;
  int64_t first = take_index(&number, state_blocks) * STATES;
  int64_t channel = take_index(&number, blocks) * LANES, group = take_index(&number, s.groups);
  if (number >= s.at.count) return;
  walk w;
  place_walk(&s, &m, &w, number, 0, group, channel);
  if (!w.is_active) return;
  load_rates(&s, &m, &w, first);
  load_past(&s, &m, &w, first);
  for (; w.from < w.of.length; w.piece++, w.from = w.to) {
    w.to = least(w.of.length, w.from + s.piece);
    pass_piece(&s, &m, &w, first);
  }
  store_present(&s, &m, &w, first);
}
