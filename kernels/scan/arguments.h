/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of scan.c take: read by them and by the host. */
#ifndef SEQMIX_KERNELS_SCAN_ARGUMENTS_H
#define SEQMIX_KERNELS_SCAN_ARGUMENTS_H

#include "shared/arguments.h"

/* KIND, a constant of the program: what is carried from token to token. */
#define KIND_RECURRENCE 0 /* h = a h + x */
#define KIND_COMPLEX 1    /* the same of complex numbers */
#define KIND_SUM 2
#define KIND_PRODUCT 3
#define KIND_MAX 4
#define KIND_LOGSUMEXP 5
#define KIND_SUM_I32 6 /* of integers, as the bits of floats; TYPE is f32 */
#define KIND_PRODUCT_I32 7
#define KIND_MAX_I32 8

/* Axes of a tensor that are neither time nor channels. */
enum { SCAN_AXES_MOST = 7 };

/** A tensor of tokens, in elements; of complex numbers the imaginary part comes next. */
typedef struct scan_plane {
  int64_t byte_offset;
  int64_t time, channel; /* strides */
  int64_t axes[SCAN_AXES_MOST];
} scan_plane;

/** States [row, channel]. */
typedef struct scan_states {
  int64_t byte_offset;
  int64_t row, channel; /* strides */
  int32_t dtype;        /* 0: absent */
  int32_t reserved;
} scan_states;

/** A call. Streams are sequences, for each index of the other axes: sequence s of the axes' index i
 * is number i * segments + s. */
typedef struct scan_arguments {
  sequences_argument at;
  scan_plane a, x, out;
  scan_states past, present;
  int64_t sizes[SCAN_AXES_MOST]; /* of the other axes */
  int64_t segments;              /* sequences of each of their indices */
  int64_t streams;
  int64_t channels;
  int64_t piece;  /* tokens of a piece of a sequence */
  int64_t pieces; /* of the longest sequence; 1: none is cut */
  int32_t axes;
  int32_t a_is_f32, out_is_f32; /* or TYPE, as x is */
  int32_t is_reverse;
  int32_t is_exclusive;
  int32_t lanes_are_pieces; /* of one channel; otherwise channels of one piece */
  int32_t width;            /* vectors of lanes that an item takes, up to WIDTH */
  int32_t reserved;
} scan_arguments;

#endif
