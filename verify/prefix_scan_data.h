/* SPDX-License-Identifier: Apache-2.0 */
/* Random tensors for a prefix_case, and calls on them. Gaps between strided elements hold NaN. */
#ifndef SEQMIX_VERIFY_PREFIX_SCAN_DATA_H
#define SEQMIX_VERIFY_PREFIX_SCAN_DATA_H

#include "verify/harness.h"
#include "verify/prefix_scan_cases.h"
#include "verify/sequences.h"

typedef enum prefix_slot { PREFIX_X, PREFIX_CU_SEQLENS, PREFIX_OUT, PREFIX_SLOTS } prefix_slot;

typedef struct prefix_data {
  prefix_case spec;        /* its defaults filled in; the shape is that of x */
  test_sequences segments; /* of the axis; the whole is one */
  test_tensor *tensors[PREFIX_SLOTS];
} prefix_data;

/* Draws all tensors; the same spec and seed give the same. */
prefix_data prefix_draw(const prefix_case *spec, uint64_t seed);
void prefix_release(prefix_data *data);

/* The call on these tensors. It refers to `data`. */
operator_call prefix_call(const prefix_data *data);

/* The type the judge's output has: f32 of 16-bit numbers. */
int32_t prefix_judge_type(const prefix_data *data);

/* The bound for the output: none of integers and maxima, which are exact. */
test_bound prefix_bound(const prefix_data *data);

#endif
