/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of causal_conv1d.c take: read by them and by the host. */
#ifndef SEQMIX_KERNELS_SCAN_CAUSAL_CONV1D_ARGUMENTS_H
#define SEQMIX_KERNELS_SCAN_CAUSAL_CONV1D_ARGUMENTS_H

#include "shared/arguments.h"

/** Tokens [sequence, time, channel], or states [row, k, channel], in elements. */
typedef struct conv_plane {
  int64_t at;                 /* the first */
  int64_t row, time, channel; /* strides */
  int32_t dtype;              /* 0: absent */
  int32_t reserved;
} conv_plane;

/** A call. Tokens are counted over all sequences; an item takes `item_tokens` of them, of
 * `item_channels` channels. */
typedef struct conv_arguments {
  sequences_argument at;
  conv_plane x, out, past, present;
  conv_plane weight, bias; /* `time` is the way from tap to tap */
  int64_t channels, width;
  int64_t tokens;
  int64_t item_tokens, item_channels;
  int64_t token_items, channel_items; /* how many that are */
  int32_t lanes_are_time;             /* of one channel; otherwise channels of one token */
  int32_t is_silu;
} conv_arguments;

#endif
