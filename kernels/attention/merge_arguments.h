/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel of attention_merge takes: read by it and by the host. */
#ifndef SEQMIX_KERNELS_ATTENTION_MERGE_ARGUMENTS_H
#define SEQMIX_KERNELS_ATTENTION_MERGE_ARGUMENTS_H

#include "attention/arguments.h"

/** seqmix_attention_merge_problem. */
typedef struct merge_arguments {
  int64_t parts, batch, time, heads, value_dim;
  int64_t outs_part, lses_part; /* strides from part to part */
  attention_rows outs, out;     /* [n, t, h], d contiguous */
  attention_rows lses, lse;     /* [n, h, t] */
  attention_heads sinks;
} merge_arguments;

#endif
