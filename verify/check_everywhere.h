/* SPDX-License-Identifier: Apache-2.0 */
/* One call in every way the device under test can make it. */
#ifndef SEQMIX_VERIFY_CHECK_EVERYWHERE_H
#define SEQMIX_VERIFY_CHECK_EVERYWHERE_H

#include "verify/devices.h"
#include "verify/harness.h"

/* Variants of a device that can be counted. */
#define CHECK_VARIANTS 64

/* Runs the call on the device under test:
 * - by its own choice of variant, which must accept it, against the reference device within
 *   bounds[t] of each output t;
 * - in every device_way, and with a caller's workspace: the same bits;
 * - with each variant forced: within the bounds, or UNSUPPORTED.
 * judge is the same call with outputs for the reference device. accepted[i], of CHECK_VARIANTS, is
 * raised where variant i of the device accepts. */
void check_everywhere(test_report *report, seqmix_operator op, const operator_call *call,
                      const operator_call *judge, const test_bound bounds[TEST_MAX_TENSORS],
                      int *accepted);

/* Reports variants of the operator that have accepted no call according to `accepted`. */
void check_variants_used(test_report *report, seqmix_operator op, const int *accepted);

#endif
