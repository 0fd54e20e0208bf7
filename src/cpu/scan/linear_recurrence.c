/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence: h[t] = a[t] h[t-1] + b[t]. */
#include "core/sequence.h"
#include "cpu/cpu.h"
#include "cpu/scan/walk.h"

typedef seqmix_linear_recurrence_problem recurrence;

static int uses(const recurrence *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

/* A row of states; absent if there is none. */
static scan_plane state_plane(const seqmix_view *view, int64_t row) {
  if (!view->dtype || row < 0) return (scan_plane){0};
  int64_t bytes = view->dtype == SEQMIX_F32 ? 4 : 2;
  return (scan_plane){.data = (char *)view->data + row * view->stride[0] * bytes,
                      .channel = view->stride[1],
                      .dtype = view->dtype};
}

static scan_stream open_stream(const seqmix_problem *problem, int64_t n) {
  const recurrence *p = (const recurrence *)problem;
  const seqmix_sequence at = seqmix_sequence_at(&p->at, n);
  int reverse = uses(p, SEQMIX_LINEAR_RECURRENCE_REVERSE);
  scan_stream s = {
      .a = scan_plane_of(&p->a, n, at.first, at.length, reverse),
      .x = scan_plane_of(&p->b, n, at.first, at.length, reverse),
      .out = scan_plane_of(&p->out, n, at.first, at.length, reverse),
      .past = state_plane(&p->past_state, at.from),
      .present = state_plane(&p->present_state, at.to),
      .tokens = at.length,
      .is_void = at.from < 0,
  };
  s.a.is_complex = s.x.is_complex = s.out.is_complex = uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX);
  s.past.is_complex = s.present.is_complex = s.x.is_complex;
  return s;
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
  };
  scan_walk(call, &job);
  return SEQMIX_OK;
}
