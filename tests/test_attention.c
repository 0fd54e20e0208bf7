/* SPDX-License-Identifier: Apache-2.0 */
/* attention on the device under test against the reference: the named cases and random ones. */
#include "test_attention.h"

#include "verify/attention_check.h"
#include "verify/check_everywhere.h"

/* SEQMIX_TEST_CASES changes it: fewer under sanitizers, more for a long search. */
#define RANDOM_CASES 400

static void check_case(const attention_case *spec) {
  test_report report = {0};
  attention_check(&report, spec, suite_seed(spec->name), suite_counters());
  report_assert(&report);
}

START_TEST(attention_shapes) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  check_case(&attention_shape_cases[_i]);
}
END_TEST

START_TEST(attention_options) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  check_case(&attention_option_cases[_i]);
}
END_TEST

START_TEST(attention_random) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  char name[ATTENTION_CASE_NAME];
  attention_case_name(_i, name);
  random_state random = random_start(suite_seed(name) + 1);
  attention_case spec = attention_case_random(&random, name);
  check_case(&spec);
}
END_TEST

/* After the cases, whose acceptances it counts. */
START_TEST(attention_variants_used) {
  if (devices_missing()) suite_skip("%s", devices_missing());
  if (suite_is_partial()) suite_skip("only part of the cases ran");
  test_report report = {0};
  check_variants_used(&report, SEQMIX_OP_ATTENTION, suite_counters());
  report_assert(&report);
}
END_TEST

/* Adds one test per case, so that each is counted, and one can be run alone. */
static void add_cases(TCase *tcase, const TTest *test, const attention_case *cases, int count) {
  for (int i = 0; i < count; i++) {
    char name[ATTENTION_CASE_NAME];
    if (!cases) attention_case_name(i, name);
    if (suite_wants_case(cases ? cases[i].name : name)) suite_add_loop(tcase, test, i, i + 1);
  }
}

static const attention_case *named_case(int i) {
  return i < attention_shape_case_count ? &attention_shape_cases[i]
                                        : &attention_option_cases[i - attention_shape_case_count];
}

/* Seeds derive from names. */
START_TEST(attention_case_names_differ) {
  int count = attention_shape_case_count + attention_option_case_count;
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < i; j++) ck_assert_str_ne(named_case(i)->name, named_case(j)->name);
  }
}
END_TEST

void suite_attention(Suite *suite) {
  TCase *cases = tcase_create("attention");
  tcase_add_unchecked_fixture(cases, devices_open, devices_close);
  suite_add(cases, attention_case_names_differ);
  add_cases(cases, attention_shapes, attention_shape_cases, attention_shape_case_count);
  add_cases(cases, attention_options, attention_option_cases, attention_option_case_count);
  add_cases(cases, attention_random, NULL, suite_case_count(RANDOM_CASES));
  suite_add(cases, attention_variants_used);
  suite_add_tcase(suite, cases);
  suite_attention_properties(suite);
  suite_attention_memory(suite);
}
