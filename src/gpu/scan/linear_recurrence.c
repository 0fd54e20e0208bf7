/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence as a scan: sequences that are not packed are the indices of one more axis. */
#include "gpu/backend.h"
#include "gpu/scan/scan.h"
#include "gpu/sequences.h"

typedef seqmix_linear_recurrence_problem recurrence;

static int uses(const recurrence *p, uint64_t feature) {
  return (p->header.features & feature) != 0;
}

static int32_t kind_of(const recurrence *p) {
  return uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX) ? KIND_COMPLEX : KIND_RECURRENCE;
}

static gpu_scan_shape shape_of(const recurrence *p) {
  return (gpu_scan_shape){
      .streams = p->at.count,
      .channels = p->channels,
      .longest = p->at.length,
      .is_turned = p->b.stride[2] != 1 + uses(p, SEQMIX_LINEAR_RECURRENCE_COMPLEX),
  };
}

static scan_plane plane_of(const seqmix_view *view) {
  return (scan_plane){
      .byte_offset = (int64_t)view->byte_offset,
      .time = view->stride[1],
      .channel = view->stride[2],
      .axes = {view->stride[0]},
  };
}

static scan_states states_of(const seqmix_view *view) {
  return (scan_states){
      .byte_offset = (int64_t)view->byte_offset,
      .row = view->stride[0],
      .channel = view->stride[1],
      .dtype = view->dtype,
  };
}

uint64_t seqmix_gpu_linear_recurrence_workspace(const seqmix_problem *problem,
                                                const seqmix_device_properties *device,
                                                int32_t workers) {
  (void)workers;
  const recurrence *p = (const recurrence *)problem;
  gpu_scan_shape shape = shape_of(p);
  return seqmix_gpu_scan_workspace(kind_of(p), &shape, device);
}

seqmix_status seqmix_gpu_linear_recurrence(const seqmix_call *call, const seqmix_problem *problem) {
  const recurrence *p = (const recurrence *)problem;
  int is_packed = p->at.cu_seqlens.bits != 0;
  const gpu_scan_shape shape = shape_of(p);
  gpu_scan_job job = {
      .kind = kind_of(p),
      .dtype = p->b.dtype,
      .arguments =
          {
              .at = seqmix_gpu_sequences(&p->at, p->header.op),
              .a = plane_of(&p->a),
              .x = plane_of(&p->b),
              .out = plane_of(&p->out),
              .past = states_of(&p->past_state),
              .present = states_of(&p->present_state),
              .sizes = {p->at.count},
              .axes = is_packed ? 0 : 1,
              .segments = is_packed ? p->at.count : 1,
              .a_is_f32 = p->a.dtype == SEQMIX_F32,
              .out_is_f32 = p->out.dtype == SEQMIX_F32,
              .is_reverse = uses(p, SEQMIX_LINEAR_RECURRENCE_REVERSE),
          },
      .a = &p->a,
      .x = &p->b,
      .out = &p->out,
      .past = &p->past_state,
      .present = &p->present_state,
      .at = &p->at,
  };
  return seqmix_gpu_scan(call, &shape, &job);
}
