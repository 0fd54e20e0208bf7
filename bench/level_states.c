/* SPDX-License-Identifier: Apache-2.0 */
/* The selective scan as its definition has it: token by token, channel by channel, on vectors of a
 * channel's states. Compiled once per level. */
#include "bench/level.h"
#include "bench/level_rows.h"
#include "cpu/simd/level.h"

void LEVEL(bench_scan_states)(const scan_loop *loop);

/* Channels of a token whose steps and gates are computed at once. */
#define RUN ((int64_t)4 * LANES)

/* Some channels of a token: numbers of each of them side by side. */
typedef struct channel_run {
  float step[RUN], input[RUN], y[RUN];
} channel_run;

SEQMIX_INLINE const float *at(const scan_loop *l, scan_part part, int64_t t, int64_t c) {
  return l->part[part] ? l->part[part] + t * l->step[part] + c * l->apart[part] : NULL;
}

/* Steps, and what they let in of the inputs. */
static void begin_run(const scan_loop *l, int64_t t, int64_t first, int64_t count,
                      channel_run *run) {
  const float *delta = at(l, SCAN_DELTA, t, first), *u = at(l, SCAN_X, t, first);
  const float *bias = at(l, SCAN_BIAS, t, first);
  for (int64_t i = 0; i < count; i += LANES) {
    int64_t lanes = count - i < LANES ? count - i : LANES;
    vec step = load_lanes(delta + i, lanes);
    if (bias) step += load_lanes(bias + i, lanes);
    if (l->shape->has_softplus) step = softplus(step);
    vec_store(run->step + i, step);
    vec_store(run->input + i, step * load_lanes(u + i, lanes));
  }
}

/* One channel's states; returns what C reads of them. */
SEQMIX_INLINE float take_token(int64_t states, float step, float input, const float *A,
                               const float *B, const float *C, float *h) {
  vec sum = {0};
  for (int64_t s = 0; s < states; s += LANES) {
    int64_t lanes = states - s < LANES ? states - s : LANES;
    vec state = load_lanes(h + s, lanes) * vec_exp(load_lanes(A + s, lanes) * step) +
                load_lanes(B + s, lanes) * input;
    sum += state * load_lanes(C + s, lanes);
    store_lanes(h + s, state, lanes);
  }
  return vec_sum(sum);
}

static void end_run(const scan_loop *l, int64_t t, int64_t first, int64_t count,
                    const channel_run *run) {
  const float *u = at(l, SCAN_X, t, first), *D = at(l, SCAN_D, t, first);
  const float *z = at(l, SCAN_Z, t, first);
  float *out = l->part[SCAN_OUT] + t * l->step[SCAN_OUT] + first * l->apart[SCAN_OUT];
  for (int64_t i = 0; i < count; i += LANES) {
    int64_t lanes = count - i < LANES ? count - i : LANES;
    vec y = vec_load(run->y + i);
    if (D) y += load_lanes(D + i, lanes) * load_lanes(u + i, lanes);
    if (z) y *= silu(load_lanes(z + i, lanes));
    store_lanes(out + i, y, lanes);
  }
}

void LEVEL(bench_scan_states)(const scan_loop *l) {
  const scan_shape *s = l->shape;
  channel_run run = {{0}, {0}, {0}};
  for (int64_t t = 0; t < s->t; t++) {
    for (int64_t first = 0; first < l->columns; first += RUN) {
      int64_t count = l->columns - first < RUN ? l->columns - first : RUN;
      begin_run(l, t, first, count, &run);
      for (int64_t i = 0; i < count; i++) {
        int64_t c = first + i, group = (l->first + c) / (s->c / s->groups) * s->s;
        run.y[i] = take_token(s->s, run.step[i], run.input[i], at(l, SCAN_A, t, c),
                              at(l, SCAN_B, t, 0) + group, at(l, SCAN_C, t, 0) + group,
                              l->part[SCAN_STATE] + c * s->s);
      }
      end_run(l, t, first, count, &run);
    }
  }
}
