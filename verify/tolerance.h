/* SPDX-License-Identifier: Apache-2.0 */
/* How far an output may be from the reference: the table of docs/operators.md. */
#ifndef SEQMIX_VERIFY_TOLERANCE_H
#define SEQMIX_VERIFY_TOLERANCE_H

#include <stdint.h>

#include <seqmix/backend.h>

typedef struct test_bound {
  double norm;    /* ||out - ref|| / ||ref|| */
  double largest; /* max |out - ref| / max |ref| */
  double floor;   /* sizes of ref below this count as this */
  double step;    /* what each element may be off besides: numbers below the normal ones */
} test_bound;

/* The bound of an operator's main output.
 * type        of the inputs
 * out_type    of the output
 * elements    of the output: a few may each be off by a few roundings
 * value_size  typical magnitude of the values summed: a few elements may cancel to almost nothing
 * score_limit largest |score|: above 8 the exponentials magnify the rounding of the scores */
test_bound tolerance_bound(seqmix_operator op, int32_t type, int32_t out_type, int64_t elements,
                           double value_size, double score_limit);

/* The bound of lse and other logarithms: f32 whatever the inputs, and absolute below 1, because
 * an error of a score is an error of the logarithm. */
test_bound tolerance_log_bound(seqmix_operator op, double score_limit);

#endif
