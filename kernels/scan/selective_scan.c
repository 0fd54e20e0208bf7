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
#include "scan/selective_item.h"

#if COMPLEX
#include "scan/selective_complex.h"
#else
#include "scan/selective_real.h"
#endif

#include "scan/selective_carry.h"
#include "scan/selective_stage.h"
#include "scan/selective_states.h"
#if !COMPLEX
#include "scan/selective_along.h"
#endif

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

/* States from `first` on through a stage: at each end they are held, parked or the caller's. */
DEVICE void walk_stage(const selective_arguments *s, const selective_memory *m, walk *w, int64_t t,
                       int32_t tokens, int64_t first, stage *g, const LOCAL float *B,
                       const LOCAL float *C) {
#if !COMPLEX
  if (s->is_along && tokens == 1) {
    step_along(s, m, w, first, held_states(s, first), g, B, C);
    return;
  }
#endif
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

KERNEL void selective_walk(SELECTIVE_PARAMETERS) {
  const selective_memory m = SELECTIVE_MEMORY;
  LOCAL_BLOCK(rows, 2 * PARTS * STAGE_FLOATS);
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
