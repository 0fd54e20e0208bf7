/* SPDX-License-Identifier: Apache-2.0 */
/* The scans and the causal convolution against values worked out by hand: see values/. */
#include "values/values.h"

Suite *suite_make(void) {
  Suite *suite = suite_create("scan_values");
  suite_add_tcase(suite, values_linear_recurrence());
  suite_add_tcase(suite, values_selective_scan());
  suite_add_tcase(suite, values_prefix_scan());
  suite_add_tcase(suite, values_causal_conv1d());
  return suite;
}
