/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/scan_layouts.h"

#include <seqmix/types.h>

/* Gaps of different odd sizes, so that mixing two strides up is seen. */
void ordered_strides(const int64_t *shape, const int *order, int axes, int64_t step, int64_t gap,
                     int64_t *stride) {
  int64_t next = step;
  for (int i = 0; i < axes; i++) {
    stride[order[i]] = next;
    next = next * shape[order[i]] + (gap ? gap + 2 * i : 0);
  }
}

/* Innermost first. Time, or of constants the first axis, is innermost if `time_inside`. */
static void order_axes(int axes, int has_tokens, int time_inside, int *order) {
  int at = 0, first = has_tokens ? 1 : 0;
  if (time_inside && axes > first) order[at++] = first;
  for (int axis = axes - 1; axis >= 0; axis--) {
    if (!time_inside || axis != first) order[at++] = axis;
  }
}

/* The axis inputs share, or -1. */
static int shared_axis(const scan_strides_of *what) {
  switch (what->layout) {
    case SCAN_SHARED_BATCH: return what->has_tokens ? 0 : -1;
    case SCAN_SHARED_TIME: return what->has_tokens ? 1 : -1;
    case SCAN_SHARED_CHANNELS: return what->has_tokens ? 2 : 0;
    default: return -1;
  }
}

void scan_strides(const scan_strides_of *what, const int64_t *shape, int axes, int64_t *stride) {
  int plain = what->is_complex ? axes - 1 : axes, order[SEQMIX_MAX_DIMS];
  int time_inside = what->layout == SCAN_TIME || what->layout == SCAN_TIME_PADDED;
  int spread = what->layout == SCAN_SPREAD;
  int padded = spread || what->layout == SCAN_CHANNELS_PADDED || what->layout == SCAN_TIME_PADDED;
  int64_t step = what->is_complex ? 2 : 1;
  order_axes(plain, what->has_tokens, time_inside, order);
  ordered_strides(shape, order, plain, spread ? 2 * step : step, padded ? 3 : 0, stride);
  if (what->is_complex) stride[plain] = 1;
  if (what->is_output) return;
  for (int axis = 0; axis < plain && what->layout == SCAN_BACKWARDS; axis++) {
    stride[axis] = -stride[axis];
  }
  if (shared_axis(what) >= 0) stride[shared_axis(what)] = 0;
}
