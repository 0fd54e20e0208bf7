/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of values worked out by hand share. Even loop numbers are the reference, odd ones the
 * device under test. */
#ifndef SEQMIX_TESTS_VALUES_H
#define SEQMIX_TESTS_VALUES_H

#include <seqmix/seqmix.h>

#include "tests/support/suite.h"

/* The device of a loop number; NULL if the one under test is absent. */
seqmix_context *values_open(int which);

#define OPEN_DEVICE_OR_SKIP(context)         \
  seqmix_context *context = values_open(_i); \
  if (!context) suite_skip("no device named %s", suite_device())

/* Whether the device could, which the reference must; any other failure is the test's. */
int values_computed(int which, seqmix_status status);

#define COMPUTE_OR_SKIP(context, call)     \
  if (!values_computed(_i, call)) {        \
    seqmix_context_destroy(context);       \
    suite_skip("%s", seqmix_last_error()); \
  }

/* Compares numbers within a few roundings of their type, integers and f16 exactly. What follows
 * them must still be what it was filled with. */
void values_expect(const char *what, const void *got, int32_t dtype, int count, const double *want);

/* Fills what a call is to write: NaN, or of integers a number no test expects. */
void values_poison(void *data, int32_t dtype, int count);

/* ---- the operators' tests ---------------------------------------------------------------------
 */

TCase *values_linear_recurrence(void);
TCase *values_selective_scan(void);
TCase *values_prefix_scan(void);
TCase *values_causal_conv1d(void);

#define VALUES_DTYPE(array)       \
  _Generic(*(array), float        \
           : SEQMIX_F32, double   \
           : SEQMIX_F64, int32_t  \
           : SEQMIX_I32, uint16_t \
           : SEQMIX_F16)

#define POISON(array) \
  values_poison(array, VALUES_DTYPE(array), (int)(sizeof(array) / sizeof *(array)))

/* Compares the array's first numbers; it has at least one more. */
#define EXPECT(array, ...)                                                                       \
  do {                                                                                           \
    const double wanted_[] = {__VA_ARGS__};                                                      \
    values_expect(#array, array, VALUES_DTYPE(array), (int)(sizeof wanted_ / sizeof wanted_[0]), \
                  wanted_);                                                                      \
  } while (0)

#endif
