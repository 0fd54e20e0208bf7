/* SPDX-License-Identifier: Apache-2.0 */
/* How tensors of scans lie in memory. */
#ifndef SEQMIX_VERIFY_SCAN_LAYOUTS_H
#define SEQMIX_VERIFY_SCAN_LAYOUTS_H

#include <stdint.h>

/* Of tensors [B, T, C]; further axes go with C, and constants follow where they can. */
typedef enum scan_layout {
  SCAN_CHANNELS,        /* contiguous */
  SCAN_TIME,            /* [B, C, T] in memory */
  SCAN_CHANNELS_PADDED, /* gaps after every axis, outputs too; channels still side by side */
  SCAN_TIME_PADDED,     /* the same with [B, C, T] */
  SCAN_SPREAD,          /* neither time nor channels side by side, outputs neither */
  SCAN_BACKWARDS,       /* inputs with negative strides */
  SCAN_SHARED_BATCH,    /* inputs with stride 0 along the batch, */
  SCAN_SHARED_TIME,     /* along time, */
  SCAN_SHARED_CHANNELS, /* along channels (of B and C of selective_scan: groups) */
  SCAN_LAYOUTS
} scan_layout;

typedef struct scan_strides_of {
  scan_layout layout;
  int is_output;
  int has_tokens; /* axes begin with [B, T]; otherwise it is constant in time */
  int is_complex; /* the last axis is a pair, which stays side by side */
} scan_strides_of;

/* The strides of a tensor of these axes. */
void scan_strides(const scan_strides_of *what, const int64_t *shape, int axes, int64_t *stride);

/* Strides of axes that lie in memory in this order, innermost first: `step` elements from one index
 * of the innermost to the next, gaps after every axis if `gap` is not 0. */
void ordered_strides(const int64_t *shape, const int *order, int axes, int64_t step, int64_t gap,
                     int64_t *stride);

#endif
