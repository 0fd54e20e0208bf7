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
  if (problem->states > INT64_C(1) << 40) return UINT64_MAX;
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

/* NOLINTNEXTLINE(readability-non-const-parameter): what it begins is written. */
void selective_open(selective_channels *s, const selective_cut *cut, int64_t task, char *scratch) {
  const seqmix_selective_scan_problem *p = cut->problem;
  scratch_plan plan = {.at = scratch};
  int64_t of_group = p->channels / p->groups, of_sequence = p->groups * cut->per_group;
  int64_t group = task % of_sequence / cut->per_group;
  int64_t c = task % cut->per_group * cut->width, left = of_group - c;
  s->channels = left < cut->width ? left : cut->width;
  s->c = group * of_group + c;
  set_sizes(s, p, scan_width(s->channels));
  lay_out(s, &plan);
  s->sequence = seqmix_sequence_at(&p->at, task / of_sequence);
  s->u = channel_plane(s, &p->u);
  s->delta = channel_plane(s, &p->delta);
  s->z = channel_plane(s, &p->z);
  s->out = channel_plane(s, &p->out);
  for (int i = 0; i < s->parts; i++) {
    s->B[i] = group_plane(s, &p->B, group, i);
    s->C[i] = group_plane(s, &p->C, group, i);
  }
  s->bias = load_channels(s, &p->delta_bias, s->bias);
  s->D = load_channels(s, &p->D, s->D);
}

/* Tasks that are many enough for any number of workers. */
enum { TASKS_ENOUGH = 64 };

static int64_t divided(int64_t value, int64_t by) { return value / by + (value % by != 0); }

selective_cut selective_cut_of(const seqmix_selective_scan_problem *problem, int64_t most,
                               int64_t least) {
  int64_t group = problem->channels / problem->groups;
  int64_t groups = problem->at.count * problem->groups;
  selective_cut cut = {.problem = problem, .width = most};
  while (cut.width > least &&
         (cut.width / 2 >= group || groups * divided(group, cut.width) < TASKS_ENOUGH))
    cut.width /= 2;
  cut.per_group = divided(group, cut.width);
  cut.tasks = groups * cut.per_group;
  return cut;
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

enum { CHANNELS_MOST = 64 };

typedef struct selective_work {
  selective_cut cut;
  char *scratch;
  uint64_t bytes; /* of it, per worker */
} selective_work;

static selective_work plan_of(const seqmix_problem *problem) {
  const seqmix_selective_scan_problem *p = (const seqmix_selective_scan_problem *)problem;
  selective_work work = {.cut = selective_cut_of(p, CHANNELS_MOST, LANES)};
  work.bytes = selective_bytes(p, work.cut.width);
  return work;
}

static void run_task(void *arg, int64_t task, int32_t worker) {
  const selective_work *work = arg;
  selective_channels channels;
  selective_open(&channels, &work->cut, task, work->scratch + (uint64_t)worker * work->bytes);
  selective_run(&channels);
}

uint64_t LEVEL(selective_scan_workspace)(const seqmix_problem *problem,
                                         const seqmix_device_properties *device, int32_t workers) {
  (void)device;
  uint64_t all;
  return __builtin_mul_overflow(plan_of(problem).bytes, (uint64_t)workers, &all) ? UINT64_MAX : all;
}

seqmix_status VARIANT(selective_scan, blocked)(const seqmix_call *call,
                                               const seqmix_problem *problem) {
  selective_work work = plan_of(problem);
  work.scratch = call->workspace;
  seqmix_run_tasks(call, work.cut.tasks, run_task, &work);
  return SEQMIX_OK;
}
