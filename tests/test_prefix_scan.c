/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan on the device under test against the reference: the named cases and random
 * ones. */
#include "test_attention.h"

/* SEQMIX_TEST_CASES changes it: fewer under sanitizers, more for a long search. */
#define RANDOM_CASES 25

void suite_prefix_scan(Suite *suite) {
  TCase *cases = tcase_create("prefix_scan");
  operator_suite_add(cases, SEQMIX_OP_PREFIX_SCAN, suite_case_count(RANDOM_CASES));
  suite_add_tcase(suite, cases);
  suite_prefix_scan_properties(suite);
  suite_prefix_scan_values(suite);
}
