/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of models share, whatever their operator. */
#ifndef SEQMIX_TESTS_MODELS_COMMON_H
#define SEQMIX_TESTS_MODELS_COMMON_H

#include "verify/tolerance.h"

double sigmoid(double x);
double softplus(double x);
double silu(double x);

/* How far a device may be from a model's formula. The reference adds nothing to what rounding
 * inputs and outputs to f32 costs. */
test_bound model_bound(seqmix_operator op, int is_reference, int count);

/* Fails the test that is running if a result is farther. */
void model_expect(const char *name, const double *want, const float *got, int count,
                  const test_bound *bound);

#endif
