/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan in blocks of tokens: tasks, and a task's way through its sequence. */
#include <string.h>

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
  int64_t states = s->states;
  int64_t group = s->is_cut ? states * SELECTIVE_STRETCHES : scan_width(states);
  for (int i = 0; i < s->parts; i++) {
    s->A[i] = take_floats(plan, states, s->width);
    s->wide[i] = take(plan, states, s->width, sizeof(double));
    s->transfers[i] = s->is_cut ? take(plan, states, s->width, sizeof(double)) : NULL;
    s->B_buffer[i] = take_floats(plan, SELECTIVE_TOKENS, group);
    s->C_buffer[i] = take_floats(plan, SELECTIVE_TOKENS, group);
  }
  s->state = take_floats(plan, states, s->width);
  s->rest = take_floats(plan, states, s->width);
  s->earlier_state = take_floats(plan, states, s->width);
  s->earlier_rest = take_floats(plan, states, s->width);
  s->turned = take_floats(plan, states, s->is_cut ? SELECTIVE_STRETCHES : LANES);
  float **rows[] = {&s->steps, &s->inputs, &s->y, &s->u_buffer, &s->delta_buffer, &s->z_buffer};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    *rows[i] = take_floats(plan, SELECTIVE_TOKENS, s->width);
  s->least = take_floats(plan, 1, s->width);
  s->bias = take_floats(plan, 1, s->width);
  s->D = take_floats(plan, 1, s->width);
}

static void set_sizes(selective_channels *s, const seqmix_selective_scan_problem *problem,
                      int64_t width, int is_cut) {
  s->problem = problem;
  s->states = problem->states;
  s->parts = selective_has(problem, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? 2 : 1;
  s->is_cut = is_cut;
  s->width = width;
  s->vectors = width / LANES;
}

uint64_t selective_bytes(const seqmix_selective_scan_problem *problem, int64_t width, int is_cut) {
  /* All sums below are then within 64 bits. */
  if (problem->states > INT64_C(1) << 40) return UINT64_MAX;
  selective_channels s;
  scratch_plan plan = {0};
  set_sizes(&s, problem, width, is_cut);
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

/* From the first of the channels on, or its stretches. */
static scan_plane channel_plane(const selective_channels *s, const seqmix_view *view) {
  scan_plane plane = scan_plane_of(view, s->sequence.number, s->sequence.first, 0, 0);
  if (!view->dtype) return plane;
  plane.data += s->c * plane.channel * (view->dtype == SEQMIX_F32 ? 4 : 2);
  if (s->is_cut) plane.channel = s->sequence.length * plane.time;
  return plane;
}

/* One number per channel; NULL if there are none. */
static float *load_channels(const selective_channels *s, const seqmix_view *view, float *to) {
  if (!view->dtype) return NULL;
  int64_t stride = s->is_cut ? 0 : view->stride[0], first = s->c * view->stride[0];
  if (view->dtype == SEQMIX_F32 && stride == 1)
    memcpy(to, (const float *)view->data + first, (size_t)s->channels * sizeof *to);
  else
    for (int64_t i = 0; i < s->channels; i++)
      to[i] = seqmix_load(view->data, view->dtype, first + i * stride);
  for (int64_t i = s->channels; i < s->width; i++) to[i] = 0;
  return to;
}

selective_place selective_place_of(const selective_cut *cut, int64_t task) {
  const seqmix_selective_scan_problem *p = cut->problem;
  int64_t of_group = p->channels / p->groups, of_sequence = p->groups * cut->per_group;
  int64_t group = task % of_sequence / cut->per_group;
  int64_t c = task % cut->per_group * cut->width, left = of_group - c;
  return (selective_place){.problem = p,
                           .sequence = seqmix_sequence_at(&p->at, task / of_sequence),
                           .c = group * of_group + c,
                           .channels = left < cut->width ? left : cut->width};
}

/* NOLINTNEXTLINE(readability-non-const-parameter): what it begins is written. */
void selective_open(selective_channels *s, const selective_place *place, char *scratch) {
  const seqmix_selective_scan_problem *p = place->problem;
  scratch_plan plan = {.at = scratch};
  s->channels = place->is_cut ? SELECTIVE_STRETCHES : place->channels;
  s->c = place->c;
  s->sequence = place->sequence;
  set_sizes(s, p, scan_width(s->channels), place->is_cut);
  lay_out(s, &plan);
  s->u = channel_plane(s, &p->u);
  s->delta = channel_plane(s, &p->delta);
  s->z = channel_plane(s, &p->z);
  s->out = channel_plane(s, &p->out);
  int64_t group = place->c / (p->channels / p->groups);
  for (int i = 0; i < s->parts; i++) {
    s->B[i] = group_plane(s, &p->B, group, i);
    s->C[i] = group_plane(s, &p->C, group, i);
  }
  s->bias = load_channels(s, &p->delta_bias, s->bias);
  s->D = load_channels(s, &p->D, s->D);
  s->t = 0;
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

void selective_run_block(selective_channels *s) {
  swap(&s->state, &s->earlier_state);
  swap(&s->rest, &s->earlier_rest);
  for (int64_t v = 0; v < s->vectors; v++) run_vector(s, v);
}

void selective_run_tokens(selective_channels *s) {
  for (s->t = 0; s->t < s->sequence.length; s->t += SELECTIVE_TOKENS) {
    int64_t left = s->sequence.length - s->t;
    s->tokens = left < SELECTIVE_TOKENS ? left : SELECTIVE_TOKENS;
    selective_begin_block(s);
    selective_run_block(s);
    selective_end_block(s);
  }
}

void selective_write_zeros(const selective_channels *s) {
  if (!s->out.data) return;
  for (int64_t t = 0; t < s->sequence.length; t++)
    for (int64_t i = 0; i < s->channels; i++)
      seqmix_store(s->out.data, s->out.dtype, t * s->out.time + i * s->out.channel, 0);
}

void selective_run(selective_channels *s) {
  if (s->sequence.from < 0) {
    selective_write_zeros(s);
    return;
  }
  selective_load_A(s);
  selective_load_states(s);
  selective_run_tokens(s);
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
  work.bytes = selective_bytes(p, work.cut.width, 0);
  return work;
}

static void run_task(void *arg, int64_t task, int32_t worker) {
  const selective_work *work = arg;
  const selective_place place = selective_place_of(&work->cut, task);
  selective_channels channels;
  selective_open(&channels, &place, work->scratch + (uint64_t)worker * work->bytes);
  selective_run(&channels);
}

uint64_t LEVEL(selective_scan_workspace)(const seqmix_problem *problem,
                                         const seqmix_device_properties *device, int32_t workers) {
  (void)device;
  const seqmix_selective_scan_problem *p = (const seqmix_selective_scan_problem *)problem;
  if (selective_pieces(p)) return selective_pieces_workspace(p, workers);
  uint64_t all;
  return __builtin_mul_overflow(plan_of(problem).bytes, (uint64_t)workers, &all) ? UINT64_MAX : all;
}

seqmix_status VARIANT(selective_scan, blocked)(const seqmix_call *call,
                                               const seqmix_problem *problem) {
  const seqmix_selective_scan_problem *p = (const seqmix_selective_scan_problem *)problem;
  if (selective_pieces(p)) {
    selective_run_pieces(call, p);
    return SEQMIX_OK;
  }
  selective_work work = plan_of(problem);
  work.scratch = call->workspace;
  seqmix_run_tasks(call, work.cut.tasks, run_task, &work);
  return SEQMIX_OK;
}
