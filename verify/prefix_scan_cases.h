/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of prefix_scan as small values: shapes and options, from which prefix_scan_data.h draws
 * tensors. */
#ifndef SEQMIX_VERIFY_PREFIX_SCAN_CASES_H
#define SEQMIX_VERIFY_PREFIX_SCAN_CASES_H

#include <stdint.h>

#include <seqmix/prefix_scan.h>

#include "verify/random.h"

typedef enum prefix_layout {
  PREFIX_CONTIGUOUS,
  PREFIX_TURNED,       /* axes in memory in the other order */
  PREFIX_AXIS_INSIDE,  /* the scanned axis innermost, whichever it is */
  PREFIX_PADDED,       /* gaps after every axis, of out too */
  PREFIX_SPREAD,       /* no axis side by side, of out neither */
  PREFIX_BACKWARDS,    /* x with negative strides */
  PREFIX_SHARED_AXIS,  /* x with stride 0 along the scanned axis */
  PREFIX_SHARED_OTHER, /* and along the first of the others */
  PREFIX_LAYOUTS
} prefix_layout;

/* What is drawn. */
typedef enum prefix_values {
  VALUES_USUAL, /* normal deviates; of products numbers of either sign that stay around 1 */
  VALUES_ONES,
  VALUES_POSITIVE,      /* 0 to 1 */
  VALUES_LARGE,         /* deviates of 1e4; of integers all there are */
  VALUES_SOME_ZERO,     /* one in ten */
  VALUES_SOME_NAN,      /* one in twenty */
  VALUES_SOME_INFINITE, /* the same, of both signs */
  VALUES_SOME_LOST,     /* every third is -inf, the first among them */
  VALUES_ALL_LOST,      /* all of them */
  VALUES_DIP,           /* tiny ones, then their inverses: products come back to 1 */
  VALUES_SWING,         /* the inverses first */
  VALUES
} prefix_values;

/* Zero stands for the default everywhere. */
typedef struct prefix_case {
  const char *name;
  int32_t dtype; /* of x; 0: f32 */
  int32_t op;    /* a seqmix_scan_op */
  int rank, axis;
  int64_t shape[SEQMIX_MAX_DIMS]; /* with segments: along the axis the bound of their lengths */
  int exclusive, reverse;
  int segmented, empty_ends, hints; /* cu_seqlens; the first and last empty; max_seqlen given */
  int64_t segments;
  int wide_indices, strided_indices; /* int64; stride 3 */
  prefix_layout layout;
  prefix_values values;
  int out_f32; /* f32 output beside 16-bit x */
  int skew;    /* elements all tensors are moved away from 64-byte alignment */
} prefix_case;

typedef struct prefix_table {
  const prefix_case *cases;
  int count;
} prefix_table;

extern const prefix_table prefix_scan_table;

/* A random case. `name` must live as long as it. */
prefix_case prefix_case_random(random_state *random, const char *name);

#endif
