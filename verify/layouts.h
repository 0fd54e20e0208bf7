/* SPDX-License-Identifier: Apache-2.0 */
/* How tensors of [batch, time, heads, dim] lie in memory. */
#ifndef SEQMIX_VERIFY_LAYOUTS_H
#define SEQMIX_VERIFY_LAYOUTS_H

#include "verify/tensors.h"

/* How q, k, v and the outputs lie in memory. */
typedef enum case_layout {
  LAYOUT_BTHD,         /* contiguous */
  LAYOUT_BHTD,         /* heads outside time (paged: outside the slots) */
  LAYOUT_PADDED,       /* gaps after every axis, outputs and lse too */
  LAYOUT_REVERSED,     /* negative strides but for the last axis; outputs padded */
  LAYOUT_PACKED_QKV,   /* views of one [B, T, all heads, D] tensor: needs one length, Dv == D */
  LAYOUT_SHARED_BATCH, /* inputs with stride 0 along the batch (paged: all pages are one) */
  LAYOUT_SHARED_HEADS, /* inputs with stride 0 along the heads */
  LAYOUTS
} case_layout;

/* The strides of a tensor of 4 axes (PACKED_QKV: contiguous). */
void layout_strides(const int64_t shape[4], case_layout layout, int64_t stride[4]);

/* A tensor of these strides. */
test_tensor *layout_tensor(const char *name, int32_t dtype, const int64_t shape[4],
                           case_layout layout, int skew);

/* How outputs lie beside inputs: with neither negative nor zero strides. */
case_layout layout_of_outputs(case_layout inputs);

#endif
