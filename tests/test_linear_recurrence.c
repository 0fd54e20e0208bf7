/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence on the device under test against the reference: the named cases and random
 * ones. */
#include "test_attention.h"

/* SEQMIX_TEST_CASES changes it: fewer under sanitizers, more for a long search. */
#define RANDOM_CASES 25

void suite_linear_recurrence(Suite *suite) {
  TCase *cases = tcase_create("linear_recurrence");
  operator_suite_add(cases, SEQMIX_OP_LINEAR_RECURRENCE, suite_case_count(RANDOM_CASES));
  suite_add_tcase(suite, cases);
  /* What it shares with selective_scan and causal_conv1d is tested of all three. */
  suite_scan_split(suite);
  suite_scan_sequences(suite);
  suite_scan_identities(suite);
}
