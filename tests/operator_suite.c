/* SPDX-License-Identifier: Apache-2.0 */
/* The tests every operator has: its cases (verify/operator_cases.h) one by one, and that each of
 * the device's variants took some of them. */
#include "support/accepted.h"
#include "test_attention.h"
#include "verify/operator_cases.h"

/* A loop's number says which operator, and which of its cases. */
#define CASES_OF_ONE 1000000

/* Counts survive from test to test. */
static check_record *record_of(seqmix_operator op) {
  _Static_assert(sizeof(check_record[SEQMIX_OPERATOR_COUNT]) <= SUITE_MEMORY, "too many counts");
  return (check_record *)suite_memory() + op;
}

void open_devices(void) {
  devices_open();
  ck_assert_msg(!devices_failure(), "%s", devices_failure());
}

START_TEST(operator_case_is_right) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  seqmix_operator op = (seqmix_operator)(_i / CASES_OF_ONE);
  test_report report = {0};
  check_record *record = record_of(op);
  int refused = record->own.refused;
  record->may_refuse = may_refuse();
  operator_cases_of(op)->check(&report, _i % CASES_OF_ONE, suite_base_seed(), record);
  report_assert(&report);
  if (record->own.refused > refused) suite_leave("%s", seqmix_last_error());
}
END_TEST

/* After the cases, whose acceptances it counts. */
START_TEST(operator_variants_are_used) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  if (suite_is_partial()) suite_skip("only part of the cases ran");
  test_report report = {0};
  check_variants_used(&report, (seqmix_operator)_i, record_of((seqmix_operator)_i));
  report_assert(&report);
}
END_TEST

/* Seeds derive from names. */
START_TEST(operator_case_names_differ) {
  const operator_cases *cases = operator_cases_of((seqmix_operator)_i);
  char name[CASE_NAME];
  for (int i = 0; i < cases->named() + (cases->full ? 20 : 0); i++) {
    cases->name(i, name);
    ck_assert_int_eq(operator_cases_find(cases, name), i);
  }
}
END_TEST

void operator_suite_add(TCase *tcase, seqmix_operator op, int random_cases) {
  const operator_cases *cases = operator_cases_of(op);
  char name[CASE_NAME];
  tcase_add_unchecked_fixture(tcase, open_devices, devices_close);
  suite_add_loop(tcase, operator_case_names_differ, (int)op, (int)op + 1);
  /* A test per case, so that each is counted, and one can be run alone. */
  for (int i = 0; i < cases->named() + random_cases; i++) {
    int number = (int)op * CASES_OF_ONE + i;
    cases->name(i, name);
    if (suite_wants_case(name)) suite_add_loop(tcase, operator_case_is_right, number, number + 1);
  }
  suite_add_loop(tcase, operator_variants_are_used, (int)op, (int)op + 1);
}
