/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on the device under test, by its own choice of variant and by each: for tests of
 * properties. */
#ifndef SEQMIX_TESTS_EVERY_VARIANT_H
#define SEQMIX_TESTS_EVERY_VARIANT_H

#include <seqmix/backend.h>

#include "verify/devices.h"
#include "verify/harness.h"

/* Runs the call by a variant or, if that one refuses it, by the device's own choice, which must
 * take it: otherwise the test that is running fails. Returns whether the variant took it. */
int run_by_variant(test_report *report, const operator_call *call, const char *variant,
                   call_result *result);

/* Checks something about a drawn case, computed by `variant` (NULL: the device's own choice). */
typedef void (*variant_check)(test_report *report, const void *what, const char *variant);

/* Checks it by the device's own choice and by every variant of the operator; fails the test that
 * is running if any check reports faults. */
void check_every_variant(seqmix_operator op, variant_check check, const void *what);

/* Compares output `t` of a call with what it should be, which is its storage's own image. Both
 * sides may be off by the bound. */
void compare_computed(test_report *report, const operator_call *call, int t,
                      const call_result *result, const test_tensor *expected, test_bound bound,
                      const char *variant);

#endif
