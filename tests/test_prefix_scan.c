/* SPDX-License-Identifier: Apache-2.0 */
/* prefix_scan on the device under test against the reference: the named cases and random ones. */
#include "test_attention.h"

void suite_prefix_scan(Suite *suite) {
  TCase *cases = tcase_create("prefix_scan");
  suite_add_tcase(suite, cases);
}
