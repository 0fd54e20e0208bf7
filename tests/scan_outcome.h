/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of linear_recurrence, selective_scan and causal_conv1d on the device under test, and what
 * other runs say they should give: for tests of properties. */
#ifndef SEQMIX_TESTS_SCAN_OUTCOME_H
#define SEQMIX_TESTS_SCAN_OUTCOME_H

#include <check.h>

#include "verify/scan_check.h"

/* A case of one of the operators. */
typedef struct scan_property {
  const scan_operator *of;
  scan_case spec;
} scan_property;

#define RECURRENCE &linear_recurrence_operator
#define SELECTIVE &selective_scan_operator
#define CONVOLUTION &causal_conv1d_operator

/* A run of one case. */
typedef struct scan_outcome {
  scan_data data;
  operator_call call;
  call_result result;
} scan_outcome;

/* Computes run->data, by a variant or, if that one refuses it, by the device's own choice. Returns
 * whether the variant took it. */
int scan_compute(test_report *report, scan_outcome *run, const char *variant);
void scan_outcome_release(scan_outcome *run);

/* Compares a whole, computed by `variant` (NULL: the device's own choice), with what else there is
 * to compute. */
typedef void (*scan_property_check)(test_report *report, const scan_outcome *whole,
                                    const char *variant);

/* Draws and computes the case by the device's own choice and by every variant that takes it;
 * fails the test that is running if any check reports faults. */
void scan_property_holds(const scan_property *property, scan_property_check check);

/* Adds a test of each of these cases that SEQMIX_TEST_CASE lets run. */
void scan_properties_add(TCase *tcase, const TTest *test, const scan_property *properties,
                         int count);

/* ---- inputs from other inputs ---------------------------------------------------------------- */

/* A token, in all tensors that have tokens. */
void scan_copy_token(scan_data *to, int64_t n, int64_t i, const scan_data *from, int64_t from_n,
                     int64_t from_i);

/* What is constant in time. */
void scan_copy_constants(scan_data *to, const scan_data *from);

/* Row `row` of the past from a row of another's past, or of what a run left as present. */
void scan_copy_past(scan_data *to, int64_t row, const scan_data *from, int64_t from_row);
void scan_copy_present(scan_data *to, int64_t row, const scan_outcome *from, int64_t from_row);

/* ---- outputs from other outputs -------------------------------------------------------------- */

/* Outputs of `whole` as other runs have them. */
typedef struct scan_expectation {
  const scan_outcome *whole;
  test_tensor *own[SCAN_SLOTS];
} scan_expectation;

scan_expectation scan_expect(const scan_outcome *whole);

/* Token i of sequence n of the whole is one of another run; or zeros. */
void scan_expect_token(scan_expectation *e, int64_t n, int64_t i, const scan_outcome *from,
                       int64_t from_n, int64_t from_i);
void scan_expect_zeros(scan_expectation *e, int64_t n, int64_t i);

/* So is a row of the present. */
void scan_expect_present(scan_expectation *e, int64_t row, const scan_outcome *from,
                         int64_t from_row);

/* Compares and releases it. Both sides may be off by the bound. */
void scan_compare(test_report *report, scan_expectation *e, const char *variant);

#endif
