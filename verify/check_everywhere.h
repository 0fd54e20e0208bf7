/* SPDX-License-Identifier: Apache-2.0 */
/* One call in every way the device under test can make it. */
#ifndef SEQMIX_VERIFY_CHECK_EVERYWHERE_H
#define SEQMIX_VERIFY_CHECK_EVERYWHERE_H

#include "verify/devices.h"
#include "verify/harness.h"

/* Variants of a device that can be counted. */
#define CHECK_VARIANTS 64

/* Input types that are counted apart: their bounds differ, and so does what rounding takes of them.
 */
typedef enum check_type { CHECK_F32, CHECK_F16, CHECK_BF16, CHECK_TYPES } check_type;

/* What became of the calls made in one way. */
typedef struct check_tally {
  int accepted; /* of those that had something to write */
  int refused;  /* with UNSUPPORTED */
  int missed;   /* with anything that was reported */
  struct {
    int accepted;
    double share; /* the largest error, as a share of what is allowed */
  } types[CHECK_TYPES];
} check_tally;

/* What became of all calls of an operator; zero at the start. */
typedef struct check_record {
  int may_refuse;  /* the device need not be whole: its own choice may be none */
  check_tally own; /* by the device's own choice of variant */
  check_tally variants[CHECK_VARIANTS];
} check_record;

/* Runs the call on the device under test:
 * - by its own choice of variant, which must accept it, against the reference device within
 *   bounds[t] of each output t;
 * - in every device_way, and with a caller's workspace: the same bits;
 * - with each variant forced: within the bounds, or UNSUPPORTED.
 * judge is the same call with outputs for the reference device. */
void check_everywhere(test_report *report, seqmix_operator op, const operator_call *call,
                      const operator_call *judge, const test_bound bounds[TEST_MAX_TENSORS],
                      check_record *record);

/* Whether "attention__any_avx2_blocked" and the like is a variant of the operator. */
int check_is_variant_of(seqmix_operator op, const char *variant);

/* Reports variants of the operator that have accepted no call according to the record. */
void check_variants_used(test_report *report, seqmix_operator op, const check_record *record);

#endif
