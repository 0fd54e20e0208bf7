/* SPDX-License-Identifier: Apache-2.0 */
/* Cases at random: any combination that the contract allows of what all scans have. */
#include "verify/scan_cases.h"

/* Numbers along the time axis of a random case, so that hundreds run in seconds. */
#define WORK_LIMIT 60000

#define PICK(state, list) \
  (list)[random_integer(state, 0, (int64_t)(sizeof(list) / sizeof((list)[0])) - 1)]

static void draw_sizes(scan_case *c, random_state *random) {
  static const int64_t lengths[] = {0, 1, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 129, 300, 1000};
  static const int64_t channels[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 257};
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  c->dtype = PICK(random, types);
  c->at.batch = random_one_in(random, 40) ? 0 : random_integer(random, 1, 6);
  c->at.t = random_one_in(random, 2) ? PICK(random, lengths) : random_integer(random, 1, 150);
  c->channels = random_one_in(random, 2) ? PICK(random, channels) : random_integer(random, 1, 80);
  while (c->at.batch * c->at.t * c->channels > WORK_LIMIT) {
    if (c->at.batch > 2) {
      c->at.batch = 2;
    } else {
      c->channels = c->channels / 2 + 1;
    }
  }
}

static void draw_memory(scan_case *c, random_state *random) {
  c->layout = (scan_layout)random_integer(random, 0, SCAN_LAYOUTS - 1);
  c->at.skew = (int)(random_one_in(random, 2) ? 0 : random_integer(random, 1, 9));
  c->out_f32 = random_one_in(random, 3);
  c->gates_own_type = random_one_in(random, 3);
  c->at.packed = random_one_in(random, 3);
  c->at.empty_ends = random_one_in(random, 4);
  c->hints = random_one_in(random, 2);
  c->at.wide_indices = random_one_in(random, 2);
  c->at.strided_indices = random_one_in(random, 3);
}

static void draw_states(scan_case *c, random_state *random) {
  static const int32_t types[] = {SEQMIX_F32, SEQMIX_F32, SEQMIX_F16, SEQMIX_BF16};
  c->states = (int)random_integer(random, 0, STATES_BOTH);
  c->state_dtype = PICK(random, types);
  if (random_one_in(random, 2)) c->present_dtype = PICK(random, types);
  c->state_layout = (state_layout)random_integer(random, 0, STATE_LAYOUTS - 1);
  if (c->states == STATES_BOTH) {
    c->at.in_place = random_one_in(random, 3) && c->state_layout < STATE_REVERSED;
    if (random_one_in(random, 3)) {
      c->at.pool = (state_pool)random_integer(random, POOL_SAME_ROWS, POOLS - 1);
      if (c->at.in_place && c->at.pool == POOL_OUT_ONLY) c->at.pool = POOL_OTHER_ROWS;
    }
  } else if (c->states == STATES_PAST && random_one_in(random, 3)) {
    c->at.pool = POOL_SAME_ROWS;
  }
  c->at.pool_absences = random_one_in(random, 2);
  c->at.pool_readers =
      random_one_in(random, 2) && (c->at.pool == POOL_OTHER_ROWS || c->states == STATES_PAST);
}

scan_case scan_case_random(random_state *random, const char *name) {
  scan_case c = {.name = name};
  draw_sizes(&c, random);
  draw_memory(&c, random);
  draw_states(&c, random);
  return c;
}
