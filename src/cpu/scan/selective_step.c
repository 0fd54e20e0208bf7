/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan of so few tokens that memory is all there is to it: lanes are states, which are
 * read and written where they lie. What rounding takes from a state has no place to stay here.
 *
 * What this form does not suit goes the other way, with the same channels: long sequences, states
 * that grow, complex ones. */
#include <float.h>
#include <string.h>

#include "core/work.h"
#include "cpu/cpu.h"
#include "cpu/scan/selective.h"
#include "cpu/scan/selective_decay.h"

/* ---- channels -------------------------------------------------------------------------------- */

/* Rows [channel][state] of the channels of a task. */
typedef struct step_rows {
  scan_rows A, past, present;
} step_rows;

/* A token's numbers of these channels. */
typedef struct step_token {
  const float *steps, *inputs; /* of the channels */
  const float *B, *C;          /* of the states */
  int64_t states;              /* how many there are; what fills up vectors is 0 */
  float *y;
} step_token;

static const int32_t lane_numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* A vector of states of each of `count` channels; that is a constant wherever this is inlined. */
SEQMIX_INLINE void step_states(const step_token *token, const step_rows *rows, int64_t c, int64_t s,
                               int count, vec sums[EACH_MOST]) {
  vec B = vec_load(token->B + s), C = vec_load(token->C + s);
  vec f[EACH_MOST], w[EACH_MOST], scale[EACH_MOST];
  /* An infinite input makes NaN of those that are none. */
  ivec is_state = ivec_load(lane_numbers) < (int32_t)(token->states - s);
  EACH(i, count) {
    vec A = vec_load(rows->A.at + (c + i) * rows->A.step + s);
    f[i] = decay_split(vec_of(token->steps[c + i]) * A, &scale[i]);
  }
  decay_powers(f, w, count);
  EACH(i, count) {
    vec past = vec_load(rows->past.at + (c + i) * rows->past.step + s);
    /* An infinite state stays infinite, however small its factor. */
    ivec is_finite = vec_from_bits(vec_bits(past) & 0x7fffffff) <= FLT_MAX;
    vec kept = vec_select(is_finite, scale[i] * past, past);
    vec finite = vec_max(vec_of(-FLT_MAX), vec_min(vec_of(FLT_MAX), kept));
    vec h = kept + (w[i] * finite + vec_of(token->inputs[c + i]) * B);
    h = vec_masked(is_state, h);
    vec_store(rows->present.at + (c + i) * rows->present.step + s, h);
    sums[i] += h * C;
  }
}

SEQMIX_INLINE void step_channels(const step_token *token, const step_rows *rows, int64_t c,
                                 int64_t states, int count) {
  vec sums[EACH_MOST];
  float y[EACH_MOST], *to = token->y + c;
  for (int i = 0; i < EACH_MOST; i++) sums[i] = vec_of(0);
  for (int64_t s = 0; s < states; s += LANES) step_states(token, rows, c, s, count, sums);
  vec_sums_of_four(sums, y);
  if (count == EACH_MOST)
    vec4_store(to, vec4_load(to) + vec4_load(y));
  else
    EACH(i, count) to[i] += y[i];
}

static void step_token_of(const selective_channels *s, int64_t t, const step_rows *rows) {
  int64_t at = t * s->width, c = 0, states = scan_width(s->states);
  const step_token token = {s->steps + at,
                            s->inputs + at,
                            s->B_rows[0].at + t * s->B_rows[0].step,
                            s->C_rows[0].at + t * s->C_rows[0].step,
                            s->states,
                            s->y + at};
  for (; c + EACH_MOST <= s->channels; c += EACH_MOST)
    step_channels(&token, rows, c, states, EACH_MOST);
  for (; c < s->channels; c++) step_channels(&token, rows, c, states, 1);
}

/* ---- a task ---------------------------------------------------------------------------------- */

/* What a worker keeps from task to task. */
typedef struct step_memory {
  int64_t c;             /* the channels of the last task begin here; -1: there was none */
  int32_t is_positive;   /* of these some A is */
  scan_rows A;           /* of these */
  float *A_buffer;       /* for rows that are not memory itself */
  float *past, *present; /* the same */
} step_memory;

/* Tasks of the same channels, for one sequence after the other, share A. */
static void remember_A(const selective_channels *s, step_memory *memory) {
  const seqmix_view *A = &s->problem->A;
  const scan_block block = {s->c, s->channels, 0, s->states};
  const scan_plane plane = {
      .data = A->data, .time = A->stride[0], .channel = A->stride[1], .dtype = A->dtype};
  if (memory->c == s->c) return;
  memory->c = s->c;
  memory->A = scan_fetch(&plane, &block, memory->A_buffer);
  ivec any = ivec_of(0);
  for (int64_t c = 0; c < s->channels; c++)
    for (int64_t i = 0; i < scan_width(s->states); i += LANES)
      any |= vec_load(memory->A.at + c * memory->A.step + i) > 0.0f;
  memory->is_positive = vec_any(any) != 0;
}

static int some_step_is_negative(const selective_channels *s) {
  ivec any = ivec_of(0);
  for (int64_t c = 0; c < s->width; c += LANES) any |= vec_load(s->least + c) < 0.0f;
  return vec_any(any) != 0;
}

/* The states of the task's channels in a row of a tensor of states, as "tokens"; absent without. */
static scan_plane state_plane(const seqmix_view *view, int64_t row) {
  if (!view->dtype || row < 0) return (scan_plane){0};
  int64_t bytes = view->dtype == SEQMIX_F32 ? 4 : 2;
  return (scan_plane){.data = (char *)view->data + row * view->stride[0] * bytes,
                      .time = view->stride[1],
                      .channel = view->stride[2],
                      .dtype = view->dtype};
}

static void step(selective_channels *s, step_memory *memory) {
  const seqmix_selective_scan_problem *p = s->problem;
  const scan_block block = {s->c, s->channels, 0, s->states};
  int64_t width = scan_width(s->states);
  step_rows rows = {{0}, {memory->past, width}, {memory->present, width}};
  const scan_plane past = state_plane(&p->past_state, s->sequence.from);
  const scan_plane present = state_plane(&p->present_state, s->sequence.to);
  if (past.dtype)
    rows.past = scan_fetch(&past, &block, memory->past);
  else
    memset(memory->past, 0, (size_t)(s->channels * width) * sizeof(float));
  s->t = 0;
  s->tokens = s->sequence.length;
  selective_begin_block(s);
  remember_A(s, memory);
  rows.A = memory->A;
  if (memory->is_positive || some_step_is_negative(s)) { /* some exp(step A) may be above 1 */
    selective_run(s);
    return;
  }
  if (present.dtype) rows.present = scan_target(&present, &block, memory->present);
  for (int64_t t = 0; t < s->tokens; t++) {
    step_token_of(s, t, &rows);
    rows.past = rows.present;
  }
  s->is_wide = 0;
  selective_end_block(s);
  if (present.dtype) scan_deliver(&present, &block, memory->present);
}

/* ---- the variant ----------------------------------------------------------------------------- */

/* Channels of a task: those of few sequences are fewer, so that there is work for more workers. */
enum { CHANNELS_MOST = 256, CHANNELS_LEAST = 128 };

typedef struct step_work {
  selective_cut cut;
  char *scratch;
  uint64_t buffer; /* bytes of a buffer of rows */
  uint64_t bytes;  /* of scratch, per worker */
} step_work;

enum { MEMORY_BYTES = 128 };
_Static_assert(sizeof(step_memory) <= MEMORY_BYTES, "it is to be a whole number of lines");

static step_work plan_of(const seqmix_selective_scan_problem *p) {
  step_work work = {.cut = selective_cut_of(p, CHANNELS_MOST, CHANNELS_LEAST)};
  work.bytes = selective_bytes(p, work.cut.width, 0);
  if (work.bytes == UINT64_MAX) return work;
  work.buffer = (uint64_t)(work.cut.width * scan_width(p->states)) * sizeof(float);
  work.bytes += 3 * work.buffer + MEMORY_BYTES;
  return work;
}

static char *scratch_of(const step_work *work, int32_t worker) {
  return work->scratch + (uint64_t)worker * work->bytes;
}

static void run_task(void *arg, int64_t task, int32_t worker) {
  const step_work *work = arg;
  const seqmix_selective_scan_problem *p = work->cut.problem;
  char *scratch = scratch_of(work, worker);
  /* One sequence after the other. */
  int64_t count = p->at.count, of_sequence = work->cut.tasks / count;
  const selective_place place =
      selective_place_of(&work->cut, task % count * of_sequence + task / count);
  selective_channels s;
  selective_open(&s, &place, scratch + MEMORY_BYTES + 3 * work->buffer);
  int is_few = s.sequence.length > 0 && s.sequence.length <= SELECTIVE_TOKENS;
  if (is_few && s.parts == 1 && s.sequence.from >= 0)
    step(&s, (step_memory *)scratch);
  else
    selective_run(&s);
}

/* Of each worker. */
static void prepare(const step_work *work, int32_t workers) {
  for (int32_t i = 0; i < workers; i++) {
    char *at = scratch_of(work, i);
    *(step_memory *)at = (step_memory){
        .c = -1,
        .A_buffer = (float *)(at + MEMORY_BYTES),
        .past = (float *)(at + MEMORY_BYTES + work->buffer),
        .present = (float *)(at + MEMORY_BYTES + 2 * work->buffer),
    };
  }
}

uint64_t LEVEL(selective_step_workspace)(const seqmix_problem *problem,
                                         const seqmix_device_properties *device, int32_t workers) {
  (void)device;
  const step_work work = plan_of((const seqmix_selective_scan_problem *)problem);
  uint64_t all;
  return __builtin_mul_overflow(work.bytes, (uint64_t)workers, &all) ? UINT64_MAX : all;
}

seqmix_status VARIANT(selective_scan, step)(const seqmix_call *call,
                                            const seqmix_problem *problem) {
  step_work work = plan_of((const seqmix_selective_scan_problem *)problem);
  work.scratch = call->workspace;
  prepare(&work, call->workers);
  seqmix_run_tasks(call, work.cut.tasks, run_task, &work);
  return SEQMIX_OK;
}
