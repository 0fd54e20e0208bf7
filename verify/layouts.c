/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/layouts.h"

/* Gaps of different odd sizes, so that mixing two strides up is seen. */
static void padded_strides(const int64_t shape[4], int64_t stride[4]) {
  stride[3] = 1;
  stride[2] = shape[3] + 3;
  stride[1] = shape[2] * stride[2] + 5;
  stride[0] = shape[1] * stride[1] + 7;
}

void layout_strides(const int64_t shape[4], case_layout layout, int64_t stride[4]) {
  stride[3] = 1;
  stride[2] = shape[3];
  stride[1] = shape[2] * shape[3];
  stride[0] = shape[1] * shape[2] * shape[3];
  switch (layout) {
    case LAYOUT_BHTD:
      stride[1] = shape[3];
      stride[2] = shape[1] * shape[3];
      break;
    case LAYOUT_PADDED: padded_strides(shape, stride); break;
    case LAYOUT_REVERSED:
      padded_strides(shape, stride);
      for (int axis = 0; axis < 3; axis++) stride[axis] = -stride[axis];
      break;
    case LAYOUT_SHARED_BATCH: stride[0] = 0; break;
    case LAYOUT_SHARED_HEADS:
      stride[0] = shape[1] * shape[3];
      stride[1] = shape[3];
      stride[2] = 0;
      break;
    default: break;
  }
}

test_tensor *layout_tensor(const char *name, int32_t dtype, const int64_t shape[4],
                           case_layout layout, int skew) {
  int64_t stride[4];
  layout_strides(shape, layout, stride);
  return tensor_new(name, dtype, 4, shape, stride, skew);
}

case_layout layout_of_outputs(case_layout inputs) {
  switch (inputs) {
    case LAYOUT_BHTD: return LAYOUT_BHTD;
    case LAYOUT_PADDED:
    case LAYOUT_REVERSED: return LAYOUT_PADDED;
    default: return LAYOUT_BTHD;
  }
}
