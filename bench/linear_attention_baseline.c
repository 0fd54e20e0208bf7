/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention as its definition has it, a token at a time, in f32 on the level's vectors: what
 * a program does that does not take tokens in chunks. Inputs have been converted, feature maps
 * applied and decays made factors beforehand. Each task is some columns of one state, which go
 * through all tokens within the innermost cache. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/level.h"
#include "bench/linear_attention.h"

typedef struct baseline {
  linear_attention_instance *in;
  const bench_level *level;
  float *parts[LINEAR_PARTS]; /* contiguous, as the shape has them; NULL: none */
  float *scratch;             /* of one block of columns per worker */
  int64_t columns, blocks;    /* of a task; tasks of one state */
} baseline;

/* ---- feature maps -------------------------------------------------------------------------- */

static float map_of(int32_t map, float x) {
  switch (map) {
    case SEQMIX_FEATURE_ELU1: return x > 0 ? x + 1 : expf(x);
    case SEQMIX_FEATURE_RELU: return x > 0 ? x : 0;
    case SEQMIX_FEATURE_RELU2: return x > 0 ? x * x : 0;
    case SEQMIX_FEATURE_EXP:
    case SEQMIX_FEATURE_SOFTMAX: return expf(x);
    case SEQMIX_FEATURE_SILU: return x / (1 + expf(-x));
    default: return x;
  }
}

/* What a whole row is divided by. Inputs are normal deviates: no exponential overflows. */
static float divisor_of(int32_t map, const float *row, int64_t dim) {
  double sum = 0, squares = 0;
  for (int64_t d = 0; d < dim; d++) {
    sum += (double)row[d];
    squares += (double)row[d] * (double)row[d];
  }
  if (map == SEQMIX_FEATURE_SOFTMAX) return (float)sum;
  return map == SEQMIX_FEATURE_L2NORM ? (float)sqrt(squares + 1e-6) : 1;
}

static void apply_map(int32_t map, float *x, uint64_t rows, int64_t dim) {
  for (uint64_t r = 0; r < rows; r++, x += dim) {
    for (int64_t d = 0; d < dim; d++) x[d] = map_of(map, x[d]);
    float divisor = divisor_of(map, x, dim);
    for (int64_t d = 0; d < dim; d++) x[d] /= divisor;
  }
}

/* ---- opening and closing ------------------------------------------------------------------- */

static int convert_part(baseline *base, linear_attention_part part) {
  const linear_attention_instance *in = base->in;
  linear_attention_layout layout = linear_attention_layout_of(&in->shape, in->dtype, part);
  uint64_t count = linear_attention_elements(&layout);
  if (!layout.rank || part == LINEAR_STARTS) return 1;
  float *to = base->parts[part] = calloc((size_t)count, sizeof *to);
  if (!to) return 0;
  if (in->images[part].data) image_to_f32(to, layout.dtype, in->images[part].data, count);
  if (part == LINEAR_Q || part == LINEAR_K)
    apply_map(in->shape.map, to, count / (uint64_t)in->shape.d, in->shape.d);
  for (uint64_t i = 0; part == LINEAR_DECAY && i < count; i++) to[i] = expf(to[i]);
  return 1;
}

static void close_baseline(void *pointer) {
  baseline *base = pointer;
  if (!base) return;
  for (int part = 0; part < LINEAR_PARTS; part++) free(base->parts[part]);
  free(base->scratch);
  free(base);
}

static void *open_baseline(void *instance, char *error) {
  linear_attention_instance *in = instance;
  const linear_attention_shape *s = &in->shape;
  if (s->hq > s->h) {
    snprintf(error, BENCH_TEXT, "several queries read a state, which the loop does not do");
    return NULL;
  }
  baseline *base = calloc(1, sizeof *base);
  int done = base != NULL;
  if (done) {
    base->in = in;
    base->level = level_best();
    base->columns = base->level->recurrence_columns();
    base->blocks = (s->dv + base->columns - 1) / base->columns;
    size_t block = (size_t)(s->d * base->columns) * sizeof *base->scratch;
    base->scratch = aligned_alloc(64, (block * (size_t)team_size(in->world->team) + 63) / 64 * 64);
    done = base->scratch != NULL;
  }
  for (int part = 0; done && part < LINEAR_PARTS; part++) done = convert_part(base, part);
  if (done) return base;
  snprintf(error, BENCH_TEXT, "not enough memory");
  close_baseline(base);
  return NULL;
}

/* ---- calls --------------------------------------------------------------------------------- */

/* The columns from `first` on of a sequence's state, without its memory. */
static recurrence recurrence_of(const baseline *base, int64_t b, int64_t h, int64_t first) {
  const linear_attention_shape *s = &base->in->shape;
  float *const *parts = base->parts;
  int64_t token = b * s->t, left = s->dv - first;
  int64_t per_row = s->decay == DECAY_CHANNEL ? s->d : 1;
  int64_t per_column = s->beta == BETA_CHANNEL ? s->dv : 1;
  int64_t at = token * s->h + h;
  recurrence r = {
      .tokens = s->t,
      .dim = s->d,
      .columns = left < base->columns ? left : base->columns,
      .q = parts[LINEAR_Q] + (token * s->hq + h / (s->h / s->hq)) * s->d,
      .k = parts[LINEAR_K] + (token * s->hk + h / (s->h / s->hk)) * s->d,
      .v = parts[LINEAR_V] + at * s->dv + first,
      .out = parts[LINEAR_OUT] + at * s->dv + first,
      .q_step = s->hq * s->d,
      .k_step = s->hk * s->d,
      .v_step = s->h * s->dv,
      .out_step = s->h * s->dv,
      .factor_per_row = s->decay == DECAY_CHANNEL,
      .is_delta = linear_attention_is_delta(s),
      .beta_per_column = s->beta == BETA_CHANNEL,
      .scale = (float)(1 / sqrt((double)s->d)),
  };
  if (s->decay != DECAY_NONE)
    r.factor = parts[LINEAR_DECAY] + (s->decay == DECAY_CONSTANT ? h : at * per_row);
  if (s->decay != DECAY_CONSTANT) r.factor_step = s->h * per_row;
  if (s->beta != BETA_NONE)
    r.beta = parts[LINEAR_BETA] + at * per_column + (s->beta == BETA_CHANNEL ? first : 0);
  r.beta_step = s->h * per_column;
  if (parts[LINEAR_A]) r.a = parts[LINEAR_A] + at * s->d, r.b = parts[LINEAR_B] + at * s->d;
  r.ab_step = s->h * s->d;
  if (parts[LINEAR_BONUS]) r.bonus = parts[LINEAR_BONUS] + h * s->d;
  return r;
}

static void run_block(void *pointer, int32_t worker, int64_t task) {
  const baseline *base = pointer;
  const linear_attention_shape *s = &base->in->shape;
  int64_t state = task / base->blocks, first = task % base->blocks * base->columns;
  recurrence r = recurrence_of(base, state / s->h, state % s->h, first);
  float *memory = base->parts[LINEAR_STATE];
  float *columns = memory ? memory + state * s->d * s->dv + first : NULL;
  size_t row = (size_t)r.columns * sizeof *columns;
  r.state = base->scratch + worker * s->d * base->columns;
  memset(r.state, 0, (size_t)(s->d * base->columns) * sizeof *r.state);
  for (int64_t d = 0; columns && s->states == STATES_UPDATE && d < s->d; d++)
    memcpy(r.state + d * base->columns, columns + d * s->dv, row);
  base->level->recur(&r);
  for (int64_t d = 0; columns && d < s->d; d++)
    memcpy(columns + d * s->dv, r.state + d * base->columns, row);
}

static seqmix_status run_baseline(void *pointer, int64_t call) {
  baseline *base = pointer;
  const linear_attention_shape *s = &base->in->shape;
  (void)call;
  team_tasks(base->in->world->team, s->b * s->h * base->blocks, run_block, base);
  return SEQMIX_OK;
}

static const char *how_baseline(const void *pointer) {
  const baseline *base = pointer;
  return team_size(base->in->world->team) == 1 ? "one thread" : "some columns of a state per task";
}

static int verify_baseline(void *pointer, bench_check *check, char *error) {
  baseline *base = pointer;
  linear_attention_instance *in = base->in;
  const linear_attention_shape *s = &in->shape;
  if (!linear_attention_expect(in, error)) return 0;
  memset(base->parts[LINEAR_OUT], 0xff,
         (size_t)(s->b * s->t * s->h * s->dv) * sizeof *base->parts[LINEAR_OUT]);
  run_baseline(base, 0);
  *check = linear_attention_compare(in, base->parts[LINEAR_OUT], SEQMIX_F32,
                                    base->parts[LINEAR_STATE], SEQMIX_F32);
  return 1;
}

const bench_means linear_attention_baseline = {
    .what = "a plain loop over tokens, in f32",
    .open = open_baseline,
    .close = close_baseline,
    .run = run_baseline,
    .verify = verify_baseline,
    .how = how_baseline,
};
