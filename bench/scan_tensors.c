/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/scan.h"

scan_layout scan_dense(int32_t dtype, int rank, const int64_t *extent) {
  scan_layout layout = {dtype, rank, {0}, {0}, -1, -1, -1, -1};
  int64_t stride = 1;
  for (int i = rank - 1; i >= 0; i--) {
    layout.extent[i] = extent[i];
    layout.stride[i] = stride;
    stride *= extent[i];
  }
  return layout;
}

scan_layout scan_over_tokens(const scan_shape *s, int32_t dtype) {
  int64_t extent[] = {s->b, s->t, s->c, 2}, pair = s->is_complex ? 2 : 1;
  scan_layout layout = scan_dense(dtype, s->is_complex ? 4 : 3, extent);
  layout.sequences = 0;
  layout.tokens = 1;
  layout.channels = 2;
  if (s->is_time_inside) {
    layout.stride[1] = pair;
    layout.stride[2] = s->t * pair;
  }
  return layout;
}

scan_layout scan_over_channels(int32_t dtype, int64_t channels, int64_t inner) {
  int64_t extent[] = {channels, inner};
  scan_layout layout = scan_dense(dtype, inner ? 2 : 1, extent);
  layout.channels = 0;
  return layout;
}

int64_t scan_elements(const scan_layout *layout) {
  int64_t elements = layout->rank > 0;
  for (int i = 0; i < layout->rank; i++) elements *= layout->extent[i];
  return elements;
}

double scan_bytes(const scan_layout *layout) {
  if (!layout->rank) return 0;
  return (double)scan_elements(layout) * (double)seqmix_dtype_size(layout->dtype);
}

seqmix_tensor scan_tensor(const scan_layout *layout, void *data) {
  return seqmix_tensor_nd(data, layout->dtype, layout->rank, layout->extent, layout->stride);
}

/* Item `i` alone of an axis; nothing where there is no such axis. */
static void narrow(scan_layout *layout, int axis, int64_t i, int64_t *offset) {
  if (axis < 0) return;
  *offset += i * layout->stride[axis];
  layout->extent[axis] = 1;
}

scan_layout scan_lane(const scan_layout *layout, const scan_shape *shape, int64_t sequence,
                      int64_t channel, int64_t *offset) {
  scan_layout lane = *layout;
  *offset = 0;
  narrow(&lane, lane.sequences, sequence, offset);
  narrow(&lane, lane.channels, channel, offset);
  if (shape->groups) narrow(&lane, lane.groups, channel / (shape->c / shape->groups), offset);
  return lane;
}
