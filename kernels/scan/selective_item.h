/* SPDX-License-Identifier: Apache-2.0 */
/* What a work-item of selective_scan.c is at, and where its numbers lie. */
#include "scan/selective_arguments.h"
#include "shared/indices.h"
#include "shared/sequences.h"
#include "shared/two_functions.h"

#define STATES SELECTIVE_STATES
#define STAGE SELECTIVE_STAGE

/* A thread of a GPU waits once for a stage, and for as many states. */
#if LANES == 1
#define TILE STAGE
#endif
#include "shared/tiles.h"

#define FLOATS SELECTIVE_FLOATS(COMPLEX)

/* Of B or C, or a part of them, in local memory. */
#define STAGE_FLOATS (STAGE * STATES)

/* Real states of single lanes stay in registers: every one has code of its own. */
#if LANES == 1 && !COMPLEX
#define EACH_STATE(i, count) UNROLL for (int32_t i = 0; i < STATES; i++) if (i < (count))
#else
#define EACH_STATE(i, count) for (int32_t i = 0; i < (count); i++)
#endif

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
