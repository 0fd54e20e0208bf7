/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor arguments whose axes are those of their view, in order, and which may hold complex
 * numbers. */
#ifndef SEQMIX_API_ARGUMENT_H
#define SEQMIX_API_ARGUMENT_H

#include "api/check.h"

/** What such an argument must be. */
typedef struct seqmix_argument {
  const char *name;
  const char *symbols; /* of its axes: "B, T, C" */
  uint32_t dtypes;     /* bits */
  int32_t rank;        /* number of symbols */
  int64_t shape[4];    /* -1: any */
  int32_t is_complex;  /* one more axis, of length 2 and stride 1, which the view does not have */
  int32_t is_output;   /* its elements are distinct */
} seqmix_argument;

/** Checks an argument that is given (refuses one that is not) and gives its view. */
seqmix_status seqmix_take_argument(const seqmix_checker *checker, const seqmix_argument *must,
                                   const seqmix_tensor *tensor, seqmix_view *view);

/** The same of one that may be absent. */
seqmix_status seqmix_take_optional(const seqmix_checker *checker, const seqmix_argument *must,
                                   const seqmix_tensor *tensor, seqmix_view *view);

#endif
