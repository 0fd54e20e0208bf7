/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan in blocks of tokens: tasks, and a task's way through its sequence. */
#include "core/element.h"
#include "core/memory.h"
#include "core/work.h"
#include "cpu/cpu.h"
#include "cpu/scan/selective.h"

/* ---- scratch --------------------------------------------------------------------------------- */

/* Hands out pieces of scratch, or counts them. */
typedef struct scratch_plan {
  char *at; /* NULL: only counts */
  uint64_t used;
} scratch_plan;

static void *take(scratch_plan *plan, int64_t count, int64_t each, uint64_t bytes) {
  char *piece = plan->at ? plan->at + plan->used : NULL;
  plan->used += seqmix_memory_round((uint64_t)count * (uint64_t)each * bytes);
  return piece;
}

static float *take_floats(scratch_plan *plan, int64_t count, int64_t each) {
  return take(plan, count, each, sizeof(float));
}

/* Problem, width and parts are set. */
static void lay_out(selective_channels *s, scratch_plan *plan) {
  int64_t states = s->states, group = scan_width(states);
  for (int i = 0; i < s->parts; i++) {
    s->A[i] = take_floats(plan, states, s->width);
    s->wide[i] = take(plan, states, s->width, sizeof(double));
    s->B_buffer[i] = take_floats(plan, SELECTIVE_TOKENS, group);
    s->C_buffer[i] = take_floats(plan, SELECTIVE_TOKENS, group);
  }
  s->state = take_floats(plan, states, s->width);
  s->rest = take_floats(plan, states, s->width);
  s->earlier_state = take_floats(plan, states, s->width);
  s->earlier_rest = take_floats(plan, states, s->width);
  s->turned = take_floats(plan, states, LANES);
  float **rows[] = {&s->steps, &s->inputs, &s->y, &s->u_buffer, &s->delta_buffer, &s->z_buffer};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    *rows[i] = take_floats(plan, SELECTIVE_TOKENS, s->width);
  s->least = take_floats(plan, 1, s->width);
  s->bias = take_floats(plan, 1, s->width);
  s->D = take_floats(plan, 1, s->width);
}

static void set_sizes(selective_channels *s, const seqmix_selective_scan_problem *problem,
                      int64_t width) {
  s->problem = problem;
  s->states = problem->states;
  s->parts = selective_has(problem, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? 2 : 1;
  s->width = width;
  s->vectors = width / LANES;
}

uint64_t selective_bytes(const seqmix_selective_scan_problem *problem, int64_t width) {
  /* All sums below are then within 64 bits. */
  if (problem->states > INT64_C(1) << 48) return UINT64_MAX;
  selective_channels s;
  scratch_plan plan = {0};
  set_sizes(&s, problem, width);
  lay_out(&s, &plan);
  return plan.used;
}

/* ---- channels of a sequence ------------------------------------------------------------------ */

/* A part of B or C of a group: "channels" are states. */
static scan_plane group_plane(const selective_channels *s, const seqmix_view *view, int64_t group,
                              int part) {
  int64_t bytes = view->dtype == SEQMIX_F32 ? 4 : 2;
  int64_t at = s->sequence.number * view->stride[0] + s->sequence.first * view->stride[1] +
               group * view->stride[2] + part;
  return (scan_plane){.data = (char *)view->data + at * bytes,
                      .time = view->stride[1],
                      .channel = view->stride[3],
                      .dtype = view->dtype};
}

static scan_plane channel_plane(const selective_channels *s, const seqmix_view *view) {
  return scan_plane_of(view, s->sequence.number, s->sequence.first, s->sequence.length, 0);
}

/* One number per channel; NULL if there are none. */
static float *load_channels(const selective_channels *s, const seqmix_view *view, float *to) {
  if (!view->dtype) return NULL;
  for (int64_t i = 0; i < s->channels; i++)
    to[i] = seqmix_load(view->data, view->dtype, (s->c + i) * view->stride[0]);
  for (int64_t i = s->channels; i < s->width; i++) to[i] = 0;
  return to;
}

void selective_open(selective_channels *s, const seqmix_selective_scan_problem *problem, int64_t n,
                    int64_t c, int64_t channels, char *scratch) {
  scratch_plan plan = {.at = scratch};
  set_sizes(s, problem, scan_width(channels));
  lay_out(s, &plan);
  s->sequence = seqmix_sequence_at(&problem->at, n);
  s->c = c;
  s->channels = channels;
  s->u = channel_plane(s, &problem->u);
  s->delta = channel_plane(s, &problem->delta);
  s->z = channel_plane(s, &problem->z);
  s->out = channel_plane(s, &problem->out);
  int64_t group = c / (problem->channels / problem->groups);
  for (int i = 0; i < s->parts; i++) {
    s->B[i] = group_plane(s, &problem->B, group, i);
    s->C[i] = group_plane(s, &problem->C, group, i);
  }
  s->bias = load_channels(s, &problem->delta_bias, s->bias);
  s->D = load_channels(s, &problem->D, s->D);
}

static void swap(float **a, float **b) {
  float *was = *a;
  *a = *b;
  *b = was;
}

static int some_step_is_negative(const selective_channels *s, int64_t vector) {
  int any = 0;
  for (int i = 0; i < LANES; i++) any |= s->least[vector * LANES + i] < 0;
  return any;
}

static void run_vector(selective_channels *s, int64_t vector) {
  if (!(s->is_wide >> vector & 1)) {
    int may_grow = (s->grows >> vector & 1) || some_step_is_negative(s, vector);
    if (!may_grow && selective_run_fast(s, vector)) return;
    selective_widen(s, vector);
  }
  selective_run_wide(s, vector);
}

static void run_tokens(selective_channels *s) {
  for (s->t = 0; s->t < s->sequence.length; s->t += SELECTIVE_TOKENS) {
    int64_t left = s->sequence.length - s->t;
    s->tokens = left < SELECTIVE_TOKENS ? left : SELECTIVE_TOKENS;
    selective_begin_block(s);
    swap(&s->state, &s->earlier_state);
    swap(&s->rest, &s->earlier_rest);
    for (int64_t v = 0; v < s->vectors; v++) run_vector(s, v);
    selective_end_block(s);
  }
}

/* A sequence without a state. */
static void write_zeros(const selective_channels *s) {
  for (int64_t t = 0; t < s->sequence.length; t++)
    for (int64_t i = 0; i < s->channels; i++)
      seqmix_store(s->out.data, s->out.dtype, t * s->out.time + (s->c + i) * s->out.channel, 0);
}

void selective_run(selective_channels *s) {
  if (s->sequence.from < 0) {
    write_zeros(s);
    return;
  }
  selective_load_states(s);
  run_tokens(s);
  selective_store_states(s);
}

/* ---- the variant ----------------------------------------------------------------------------- */

/* Tasks that are many enough for any number of workers. */
enum { TASKS_ENOUGH = 64 };

typedef struct selective_work {
  const seqmix_selective_scan_problem *problem;
  int64_t width;     /* channels of a task, */
  int64_t per_group; /* how many such there are in a group, */
  int64_t group;     /* and the channels of that */
  char *scratch;
  uint64_t bytes; /* of it, per worker */
} selective_work;

static int64_t divided(int64_t value, int64_t by) { return value / by + (value % by != 0); }

/* A function of the shape alone: what shares a vector with a channel may decide whether it is
 * computed in f64. */
static selective_work plan_of(const seqmix_selective_scan_problem *p) {
  selective_work work = {.problem = p, .width = SELECTIVE_CHANNELS};
  work.group = p->channels / p->groups;
  while (work.width > LANES &&
         p->at.count * p->groups * divided(work.group, work.width) < TASKS_ENOUGH)
    work.width /= 2;
  while (work.width / 2 >= work.group && work.width > LANES) work.width /= 2;
  work.per_group = divided(work.group, work.width);
  work.bytes = selective_bytes(p, work.width);
  return work;
}

static void run_task(void *arg, int64_t task, int32_t worker) {
  const selective_work *work = arg;
  const seqmix_selective_scan_problem *p = work->problem;
  int64_t block = task % (p->groups * work->per_group), group = block / work->per_group;
  int64_t within = block % work->per_group * work->width, left = work->group - within;
  selective_channels channels;
  selective_open(&channels, p, task / (p->groups * work->per_group), group * work->group + within,
                 left < work->width ? left : work->width,
                 work->scratch + (uint64_t)worker * work->bytes);
  selective_run(&channels);
}

uint64_t LEVEL(selective_scan_workspace)(const seqmix_problem *problem,
                                         const seqmix_device_properties *device, int32_t workers) {
  (void)device;
  const selective_work work = plan_of((const seqmix_selective_scan_problem *)problem);
  uint64_t all;
  return __builtin_mul_overflow(work.bytes, (uint64_t)workers, &all) ? UINT64_MAX : all;
}

seqmix_status VARIANT(selective_scan, blocked)(const seqmix_call *call,
                                               const seqmix_problem *problem) {
  selective_work work = plan_of((const seqmix_selective_scan_problem *)problem);
  work.scratch = call->workspace;
  seqmix_run_tasks(call, work.problem->at.count * work.problem->groups * work.per_group, run_task,
                   &work);
  return SEQMIX_OK;
}
