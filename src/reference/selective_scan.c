/* SPDX-License-Identifier: Apache-2.0 */
/* selective_scan, a token at a time in float64. A channel of a sequence is a task. */
#include <math.h>

#include "core/memory.h"
#include "core/work.h"
#include "reference/reference.h"
#include "reference/sequence.h"

typedef struct selective_work {
  const seqmix_selective_scan_problem *problem;
  double *scratch; /* of all workers */
} selective_work;

typedef struct selective_channel {
  const seqmix_selective_scan_problem *p;
  reference_sequence sequence;
  int64_t c;
  int64_t group; /* of B and C */
  double *h;     /* S states, (re, im) each; im stays unused unless they are complex */
} selective_channel;

static int has(const seqmix_selective_scan_problem *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

uint64_t selective_scan_reference_workspace(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers) {
  (void)device;
  const seqmix_selective_scan_problem *p = (const seqmix_selective_scan_problem *)problem;
  uint64_t bytes;
  if (__builtin_mul_overflow((uint64_t)p->states, 2 * sizeof(double) * (uint64_t)workers, &bytes))
    return UINT64_MAX;
  return seqmix_memory_round(bytes);
}

/* ---- elements ------------------------------------------------------------------------------- */

/* Of a tensor per token and channel. */
static double token(const selective_channel *channel, const seqmix_view *view, int64_t t) {
  return reference_load(view, reference_token_at(&channel->sequence, view, t, channel->c, 0));
}

/* Of a tensor per channel. */
static double constant(const selective_channel *channel, const seqmix_view *view) {
  return reference_load(view, channel->c * view->stride[0]);
}

/* Where the real part of B or C of token t stands; the imaginary one comes next. */
static int64_t group_at(const selective_channel *channel, const seqmix_view *view, int64_t t,
                        int64_t s) {
  return reference_token_at(&channel->sequence, view, t, channel->group, s);
}

static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

static double silu(double x) { return x / (1 + exp(-x)); }

/* ---- states --------------------------------------------------------------------------------- */

static int64_t state_at(const selective_channel *channel, const seqmix_view *view, int64_t row,
                        int64_t s) {
  return row * view->stride[0] + channel->c * view->stride[1] + s * view->stride[2];
}

static void begin(selective_channel *channel) {
  const seqmix_selective_scan_problem *p = channel->p;
  const seqmix_view *past = &p->past_state;
  int parts = has(p, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? 2 : 1;
  for (int64_t i = 0; i < 2 * p->states; i++) channel->h[i] = 0;
  if (!past->dtype) return;
  for (int64_t s = 0; s < p->states; s++)
    for (int part = 0; part < parts; part++)
      channel->h[2 * s + part] =
          reference_load(past, state_at(channel, past, channel->sequence.from, s) + part);
}

static void end(const selective_channel *channel) {
  const seqmix_selective_scan_problem *p = channel->p;
  const seqmix_view *present = &p->present_state;
  int parts = has(p, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? 2 : 1;
  if (channel->sequence.to < 0 || !present->dtype) return;
  for (int64_t s = 0; s < p->states; s++)
    for (int part = 0; part < parts; part++)
      reference_store(present, state_at(channel, present, channel->sequence.to, s) + part,
                      channel->h[2 * s + part]);
}

/* ---- tokens --------------------------------------------------------------------------------- */

static double step_of(const selective_channel *channel, int64_t t) {
  const seqmix_selective_scan_problem *p = channel->p;
  double delta = token(channel, &p->delta, t);
  if (p->delta_bias.dtype) delta += constant(channel, &p->delta_bias);
  return has(p, SEQMIX_SELECTIVE_SCAN_SOFTPLUS) ? softplus(delta) : delta;
}

/* State s after token t; returns what it adds to y. */
static double real_state(selective_channel *channel, int64_t t, int64_t s, double step, double u) {
  const seqmix_selective_scan_problem *p = channel->p;
  double *h = &channel->h[2 * s];
  double A = reference_load(&p->A, channel->c * p->A.stride[0] + s * p->A.stride[1]);
  double B = reference_load(&p->B, group_at(channel, &p->B, t, s));
  double C = reference_load(&p->C, group_at(channel, &p->C, t, s));
  *h = exp(step * A) * *h + step * B * u;
  return C * *h;
}

/* The same of complex numbers; returns 2 Re(C h). */
static double complex_state(selective_channel *channel, int64_t t, int64_t s, double step,
                            double u) {
  const seqmix_selective_scan_problem *p = channel->p;
  double *h = &channel->h[2 * s], re = h[0], im = h[1];
  int64_t A = channel->c * p->A.stride[0] + s * p->A.stride[1];
  int64_t B = group_at(channel, &p->B, t, s), C = group_at(channel, &p->C, t, s);
  double size = exp(step * reference_load(&p->A, A));
  double angle = step * reference_load(&p->A, A + 1);
  double a_re = size * cos(angle), a_im = size * sin(angle);
  h[0] = a_re * re - a_im * im + step * reference_load(&p->B, B) * u;
  h[1] = a_re * im + a_im * re + step * reference_load(&p->B, B + 1) * u;
  return 2 * (reference_load(&p->C, C) * h[0] - reference_load(&p->C, C + 1) * h[1]);
}

static double answer(selective_channel *channel, int64_t t) {
  const seqmix_selective_scan_problem *p = channel->p;
  double step = step_of(channel, t), u = token(channel, &p->u, t), y = 0;
  for (int64_t s = 0; s < p->states; s++)
    y += has(p, SEQMIX_SELECTIVE_SCAN_COMPLEX) ? complex_state(channel, t, s, step, u)
                                               : real_state(channel, t, s, step, u);
  if (p->D.dtype) y += constant(channel, &p->D) * u;
  if (p->z.dtype) y *= silu(token(channel, &p->z, t));
  return y;
}

static void scan(void *arg, int64_t task, int32_t worker) {
  const selective_work *work = arg;
  const seqmix_selective_scan_problem *p = work->problem;
  selective_channel channel = {
      .p = p,
      .sequence = reference_sequence_at(&p->at, task / p->channels),
      .c = task % p->channels,
      .h = work->scratch + worker * 2 * p->states,
  };
  channel.group = channel.c / (p->channels / p->groups);
  if (channel.sequence.from < 0) {
    reference_write_zeros(&channel.sequence, &p->out, channel.c, 1);
    return;
  }
  begin(&channel);
  for (int64_t t = 0; t < channel.sequence.length; t++)
    reference_store(&p->out, reference_token_at(&channel.sequence, &p->out, t, channel.c, 0),
                    answer(&channel, t));
  end(&channel);
}

seqmix_status selective_scan__any_reference_literal(const seqmix_call *call,
                                                    const seqmix_problem *problem) {
  selective_work work = {(const seqmix_selective_scan_problem *)problem, call->workspace};
  seqmix_run_tasks(call, work.problem->at.count * work.problem->channels, scan, &work);
  return SEQMIX_OK;
}
