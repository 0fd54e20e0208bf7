/* SPDX-License-Identifier: Apache-2.0 */
/* attention_merge on the device under test against the reference. That merging the parts of an
 * attention gives the whole is tested in test_attention_split.c. */
#include "test_attention.h"

void suite_attention_merge(Suite *suite) {
  TCase *cases = tcase_create("attention_merge");
  operator_suite_add(cases, SEQMIX_OP_ATTENTION_MERGE, 0);
  suite_add_tcase(suite, cases);
  suite_attention_split(suite);
}
