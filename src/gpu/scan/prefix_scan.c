/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan as a scan: one of the other axes gives the channels, each index of the rest is a
 * stream, in each segment. */
#include "gpu/backend.h"
#include "gpu/scan/scan.h"
#include "gpu/sequences.h"

typedef seqmix_prefix_scan_problem prefix;

static int uses(const prefix *p, uint64_t feature) { return (p->header.features & feature) != 0; }

static int32_t kind_of(const prefix *p) {
  int is_whole = p->x.dtype == SEQMIX_I32;
  switch (p->scan_op) {
    case SEQMIX_SCAN_PRODUCT: return is_whole ? KIND_PRODUCT_I32 : KIND_PRODUCT;
    case SEQMIX_SCAN_MAX: return is_whole ? KIND_MAX_I32 : KIND_MAX;
    case SEQMIX_SCAN_LOGSUMEXP: return KIND_LOGSUMEXP;
    default: return is_whole ? KIND_SUM_I32 : KIND_SUM;
  }
}

/* The axis of channels: the one that is contiguous; if none is, the longest. */
static int32_t channel_axis(const prefix *p) {
  int32_t axis = 0;
  for (int32_t i = 1; i < p->axes && p->x_strides[axis] != 1; i++)
    if (p->x_strides[i] == 1 || p->sizes[i] > p->sizes[axis]) axis = i;
  return axis;
}

static gpu_scan_shape shape_of(const prefix *p) {
  int32_t channels = channel_axis(p);
  gpu_scan_shape shape = {
      .streams = p->segments,
      .channels = p->sizes[channels],
      .longest = p->longest,
      .is_turned = p->x_strides[channels] != 1,
  };
  for (int32_t i = 0; i < p->axes; i++)
    if (i != channels) shape.streams *= p->sizes[i];
  return shape;
}

static scan_plane plane_of(const prefix *p, const seqmix_view *view, int64_t step,
                           const int64_t *strides) {
  int32_t channels = channel_axis(p), axes = 0;
  scan_plane plane = {
      .byte_offset = (int64_t)view->byte_offset, .time = step, .channel = strides[channels]};
  for (int32_t i = 0; i < p->axes; i++)
    if (i != channels) plane.axes[axes++] = strides[i];
  return plane;
}

static seqmix_sequences sequences_of(const prefix *p) {
  return (seqmix_sequences){
      .count = p->segments,
      .length = p->longest,
      .total = p->length,
      .cu_seqlens = p->cu_seqlens,
  };
}

uint64_t seqmix_gpu_prefix_scan_workspace(const seqmix_problem *problem,
                                          const seqmix_device_properties *device, int32_t workers) {
  (void)workers;
  const prefix *p = (const prefix *)problem;
  gpu_scan_shape shape = shape_of(p);
  return seqmix_gpu_scan_workspace(kind_of(p), &shape, device);
}

seqmix_status seqmix_gpu_prefix_scan(const seqmix_call *call, const seqmix_problem *problem) {
  const prefix *p = (const prefix *)problem;
  const seqmix_sequences at = sequences_of(p);
  const gpu_scan_shape shape = shape_of(p);
  const seqmix_view absent = {0};
  gpu_scan_job job = {
      .kind = kind_of(p),
      /* Integers travel as the bits of floats. */
      .dtype = p->x.dtype == SEQMIX_I32 ? SEQMIX_F32 : p->x.dtype,
      .arguments =
          {
              .at = seqmix_gpu_sequences(&at, p->header.op),
              .x = plane_of(p, &p->x, p->x_step, p->x_strides),
              .out = plane_of(p, &p->out, p->out_step, p->out_strides),
              .axes = p->axes - 1,
              .segments = p->segments,
              .out_is_f32 = p->out.dtype == SEQMIX_F32,
              .is_reverse = uses(p, SEQMIX_PREFIX_SCAN_REVERSE),
              .is_exclusive = uses(p, SEQMIX_PREFIX_SCAN_EXCLUSIVE),
          },
      .a = &absent,
      .x = &p->x,
      .out = &p->out,
      .past = &absent,
      .present = &absent,
      .at = &at,
  };
  int32_t axes = 0;
  for (int32_t i = 0; i < p->axes; i++)
    if (i != channel_axis(p)) job.arguments.sizes[axes++] = p->sizes[i];
  return seqmix_gpu_scan(call, &shape, &job);
}
