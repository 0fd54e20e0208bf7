/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention on the device under test against the reference: the named cases and random
 * ones. */
#include "test_attention.h"

/* SEQMIX_TEST_CASES changes it: fewer under sanitizers, more for a long search. */
#define RANDOM_CASES 40

void suite_linear_attention(Suite *suite) {
  TCase *cases = tcase_create("linear_attention");
  operator_suite_add(cases, SEQMIX_OP_LINEAR_ATTENTION, suite_case_count(RANDOM_CASES));
  suite_add_tcase(suite, cases);
  suite_linear_attention_properties(suite);
  suite_linear_attention_identities(suite);
  suite_linear_attention_time(suite);
}
