/* SPDX-License-Identifier: Apache-2.0 */
/* attention on the device under test against the reference: the named cases and random ones. */
#include "test_attention.h"

/* SEQMIX_TEST_CASES changes it: fewer under sanitizers, more for a long search. */
#define RANDOM_CASES 400

void suite_attention(Suite *suite) {
  TCase *cases = tcase_create("attention");
  operator_suite_add(cases, SEQMIX_OP_ATTENTION, suite_case_count(RANDOM_CASES));
  suite_add_tcase(suite, cases);
  suite_attention_properties(suite);
  suite_attention_memory(suite);
}
