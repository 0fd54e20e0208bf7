/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence, a token at a time in float64. A channel of a sequence is a task. */
#include "core/work.h"
#include "reference/reference.h"
#include "reference/sequence.h"

typedef struct recurrence_number {
  double re, im; /* im is 0 unless numbers are complex */
} recurrence_number;

static int has(const seqmix_linear_recurrence_problem *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

static recurrence_number load(const seqmix_linear_recurrence_problem *p, const seqmix_view *view,
                              int64_t at) {
  int is_complex = has(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX);
  return (recurrence_number){reference_load(view, at),
                             is_complex ? reference_load(view, at + 1) : 0};
}

static void store(const seqmix_linear_recurrence_problem *p, const seqmix_view *view, int64_t at,
                  recurrence_number value) {
  reference_store(view, at, value.re);
  if (has(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX)) reference_store(view, at + 1, value.im);
}

/* Element (row, c) of a state. */
static int64_t state_at(const seqmix_view *view, int64_t row, int64_t c) {
  return row * view->stride[0] + c * view->stride[1];
}

/* a h + b. Real numbers do not take the way of complex ones, where an infinity times the missing
 * part would be NaN. */
static recurrence_number next(const seqmix_linear_recurrence_problem *p, recurrence_number a,
                              recurrence_number h, recurrence_number b) {
  if (!has(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX)) return (recurrence_number){a.re * h.re + b.re, 0};
  return (recurrence_number){a.re * h.re - a.im * h.im + b.re, a.re * h.im + a.im * h.re + b.im};
}

static void recur(void *arg, int64_t task, int32_t worker) {
  (void)worker;
  const seqmix_linear_recurrence_problem *p = *(const seqmix_linear_recurrence_problem **)arg;
  int64_t c = task % p->channels;
  reference_sequence s = reference_sequence_at(&p->at, task / p->channels);
  if (s.from < 0) {
    reference_write_zeros(&s, &p->out, c, has(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX) ? 2 : 1);
    return;
  }
  recurrence_number h = {0, 0};
  if (p->past_state.dtype) h = load(p, &p->past_state, state_at(&p->past_state, s.from, c));
  for (int64_t step = 0; step < s.length; step++) {
    int64_t t = has(p, SEQMIX_LINEAR_RECURRENCE_REVERSE) ? s.length - 1 - step : step;
    h = next(p, load(p, &p->a, reference_token_at(&s, &p->a, t, c, 0)), h,
             load(p, &p->b, reference_token_at(&s, &p->b, t, c, 0)));
    store(p, &p->out, reference_token_at(&s, &p->out, t, c, 0), h);
  }
  if (s.to >= 0 && p->present_state.dtype)
    store(p, &p->present_state, state_at(&p->present_state, s.to, c), h);
}

seqmix_status linear_recurrence__any_reference_literal(const seqmix_call *call,
                                                       const seqmix_problem *problem) {
  const seqmix_linear_recurrence_problem *p = (const seqmix_linear_recurrence_problem *)problem;
  seqmix_run_tasks(call, p->at.count * p->channels, recur, &p);
  return SEQMIX_OK;
}
