/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * What the arguments of several operators have in common.
 */
#ifndef SEQMIX_SHARING_H
#define SEQMIX_SHARING_H

#include <float.h>

/** An argument `scale`: 1/sqrt(D). */
#define SEQMIX_SCALE_DEFAULT (-DBL_MAX)

/** How heads of which there are more share heads of which there are fewer; `group` is how many
 * share one. */
typedef enum seqmix_head_sharing {
  SEQMIX_HEADS_INTERLEAVED = 0, /**< head h uses head h / group (the usual order) */
  SEQMIX_HEADS_TILED = 1        /**< head h uses head h % (number of the fewer) (ggml's repeat) */
} seqmix_head_sharing;

#endif
