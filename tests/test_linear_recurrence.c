/* SPDX-License-Identifier: Apache-2.0 */
/* linear_recurrence on the device under test against the reference: the named cases and random ones. */
#include "test_attention.h"

void suite_linear_recurrence(Suite *suite) {
  TCase *cases = tcase_create("linear_recurrence");
  suite_add_tcase(suite, cases);
}
