/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention on the device under test against the reference. */
#include "test_attention.h"

void suite_linear_attention(Suite *suite) {
  TCase *cases = tcase_create("linear_attention");
  suite_add_tcase(suite, cases);
}
