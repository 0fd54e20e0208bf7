/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "verify/operator_cases.h"

static int named_count(void) { return 0; }
static void name_case(int index, char name[CASE_NAME]) {
  snprintf(name, CASE_NAME, "random_%d", index);
}
static void check_case(test_report *report, int index, uint64_t seed, check_record *record) {
  (void)report, (void)index, (void)seed, (void)record;
}

const operator_cases selective_scan_cases = {named_count, 0, 0, name_case, check_case};
