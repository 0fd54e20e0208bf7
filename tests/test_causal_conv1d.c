/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d on the device under test against the reference: the named cases and random ones. */
#include "test_attention.h"

/* SEQMIX_TEST_CASES changes it: fewer under sanitizers, more for a long search. */
#define RANDOM_CASES 25

void suite_causal_conv1d(Suite *suite) {
  TCase *cases = tcase_create("causal_conv1d");
  operator_suite_add(cases, SEQMIX_OP_CAUSAL_CONV1D, suite_case_count(RANDOM_CASES));
  suite_add_tcase(suite, cases);
}
