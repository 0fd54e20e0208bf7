/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of selective_scan.c take: read by them and by the host. Places are counted in
 * elements; of complex numbers the imaginary part comes next. */
#ifndef SEQMIX_KERNELS_SCAN_SELECTIVE_ARGUMENTS_H
#define SEQMIX_KERNELS_SCAN_SELECTIVE_ARGUMENTS_H

#include "shared/arguments.h"

/* States that an item holds at a time, and tokens whose B and C a group reads at a time. */
#define SELECTIVE_STATES 16
#define SELECTIVE_STAGE 16

/* Floats that a state takes: of two floats, or of two such parts. */
#define SELECTIVE_FLOATS(is_complex) ((is_complex) ? 4 : 2)

/* Floats that a piece leaves for each channel, besides its states: the sum of its steps, in two
 * floats, and the least of them. */
#define SELECTIVE_STEP_FLOATS 3

/** [sequence, time, channel]. */
typedef struct selective_tokens {
  int64_t at;
  int64_t row, time, channel; /* strides */
  int32_t dtype;              /* 0: absent */
  int32_t reserved;
} selective_tokens;

/** B and C: [sequence, time, group, state]. */
typedef struct selective_group {
  int64_t at;
  int64_t row, time, group, state; /* strides */
  int32_t dtype;
  int32_t reserved;
} selective_group;

/** A and states: [row, channel, state]. */
typedef struct selective_states {
  int64_t at;
  int64_t row, channel, state; /* strides */
  int32_t dtype;               /* 0: absent */
  int32_t reserved;
} selective_states;

/** D and delta_bias: [channel]. */
typedef struct selective_constant {
  int64_t at;
  int64_t channel; /* stride */
  int32_t dtype;   /* 0: absent */
  int32_t reserved;
} selective_constant;

/** A call. */
typedef struct selective_arguments {
  sequences_argument at;
  selective_tokens u, delta, z, out;
  selective_group B, C;
  selective_states A, past, present;
  selective_constant D, bias;
  int64_t channels, states;
  int64_t groups;         /* of channels */
  int64_t group_channels; /* of each */
  int64_t group_blocks;   /* work-groups that share them */
  int64_t piece;          /* tokens of a piece of a sequence */
  int64_t pieces;         /* of the longest sequence; 1: none is cut */
  int32_t has_softplus;
  int32_t summarizes; /* pieces begin with nothing, and nothing is written of them but states */
  int32_t is_along;   /* no sequence has more than a token, and lanes may be states: see there */
  int32_t reserved;
} selective_arguments;

#endif
