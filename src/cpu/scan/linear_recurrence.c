/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence: h[t] = a[t] h[t-1] + b[t]. */
#include "core/element.h"
#include "core/sequence.h"
#include "cpu/cpu.h"
#include "cpu/scan/walk.h"

typedef seqmix_linear_recurrence_problem recurrence;

static int uses(const recurrence *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

static scan_stream open_stream(const seqmix_problem *problem, int64_t n) {
  const recurrence *p = (const recurrence *)problem;
  const seqmix_sequence at = seqmix_sequence_at(&p->at, n);
  int reverse = uses(p, SEQMIX_LINEAR_RECURRENCE_REVERSE);
  scan_stream s = {
      .a = scan_plane_of(&p->a, n, at.first, at.length, reverse),
      .x = scan_plane_of(&p->b, n, at.first, at.length, reverse),
      .out = scan_plane_of(&p->out, n, at.first, at.length, reverse),
      .tokens = at.length,
      .is_void = at.from < 0,
  };
  s.a.is_complex = s.x.is_complex = s.out.is_complex = uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX);
  return s;
}

static scan_value past_of(const seqmix_problem *problem, int64_t n, int64_t channel) {
  const recurrence *p = (const recurrence *)problem;
  const seqmix_view *past = &p->past_state;
  int64_t at = seqmix_sequence_at(&p->at, n).from * past->stride[0] + channel * past->stride[1];
  scan_value value = {(double)seqmix_load(past->data, past->dtype, at), 0};
  if (uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX))
    value.second = (double)seqmix_load(past->data, past->dtype, at + 1);
  return value;
}

static void keep_present(const seqmix_problem *problem, int64_t n, int64_t channel,
                         scan_value state) {
  const recurrence *p = (const recurrence *)problem;
  const seqmix_view *present = &p->present_state;
  int64_t row = seqmix_sequence_at(&p->at, n).to;
  int64_t at = row * present->stride[0] + channel * present->stride[1];
  if (row < 0) return;
  seqmix_store(present->data, present->dtype, at, (float)state.first);
  if (uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX))
    seqmix_store(present->data, present->dtype, at + 1, (float)state.second);
}

static scan_plan plan_of(const seqmix_problem *problem, int32_t workers) {
  const recurrence *p = (const recurrence *)problem;
  int is_complex = uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX);
  const scan_shape shape = {
      .streams = p->at.count,
      .channels = p->channels,
      .longest = p->at.length,
      .elements = p->at.total * p->channels * (p->at.cu_seqlens.bits ? 1 : p->at.count),
      .is_complex = is_complex,
      .is_turned = p->b.stride[2] != 1 + is_complex,
  };
  return seqmix_scan_plan(&shape, workers);
}

uint64_t LEVEL(linear_recurrence_workspace)(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers) {
  (void)device;
  scan_plan plan = plan_of(problem, workers);
  return scan_walk_workspace(&plan, workers);
}

seqmix_status VARIANT(linear_recurrence, blocked)(const seqmix_call *call,
                                                  const seqmix_problem *problem) {
  const recurrence *p = (const recurrence *)problem;
  const scan_job job = {
      .kind = uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX) ? SCAN_COMPLEX : SCAN_RECURRENCE,
      .plan = plan_of(problem, call->workers),
      .channels = p->channels,
      .problem = problem,
      .open = open_stream,
      .past = p->past_state.dtype ? past_of : NULL,
      .present = p->present_state.dtype ? keep_present : NULL,
  };
  scan_walk(call, &job);
  return SEQMIX_OK;
}
