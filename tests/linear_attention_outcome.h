/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of linear_attention on the device under test, and what other runs say they should give: for
 * tests of properties. */
#ifndef SEQMIX_TESTS_LINEAR_ATTENTION_OUTCOME_H
#define SEQMIX_TESTS_LINEAR_ATTENTION_OUTCOME_H

#include "verify/devices.h"
#include "verify/linear_attention_call.h"

/* A run of one case. */
typedef struct outcome {
  linear_attention_data data;
  operator_call call;
  call_result result;
} outcome;

/* Computes run->data, by a variant or, if that one refuses it, by the device's own choice. Returns
 * whether the variant took it. */
int outcome_compute(test_report *report, outcome *run, const char *variant);
void outcome_release(outcome *run);

/* Compares a whole, computed by `variant` (NULL: the device's own choice), with what else there is
 * to compute. */
typedef void (*property_check)(test_report *report, const outcome *whole, const char *variant);

/* Draws and computes the case by the device's own choice and by every variant that takes it;
 * fails the test that is running if any check reports faults. */
void property_holds(const linear_attention_case *spec, property_check check);

/* ---- inputs from other inputs ---------------------------------------------------------------- */

/* Copies of a token all that both have in tensors of one rank. Where one has fewer heads they are
 * shared, or the first that share are taken. */
void copy_token(linear_attention_data *to, int64_t n, int64_t i, const linear_attention_data *from,
                int64_t from_n, int64_t from_i);

/* Constant decay and bonus. */
void copy_constants(linear_attention_data *to, const linear_attention_data *from);

/* Row `row` of the past tensors from a row of another's past, or of what a run left as present. */
void copy_past(linear_attention_data *to, int64_t row, const linear_attention_data *from,
               int64_t from_row);
void copy_present(linear_attention_data *to, int64_t row, const outcome *from, int64_t from_row);

/* Everything, for data of the same sequences. */
void copy_all(linear_attention_data *to, const linear_attention_data *from);

/* ---- outputs from other outputs -------------------------------------------------------------- */

/* Outputs of `whole` as other runs have them. */
typedef struct expectation {
  const outcome *whole;
  test_tensor *own[LINEAR_SLOTS];
} expectation;

expectation expectation_start(const outcome *whole);

/* Token i of sequence n of the whole is one of another run; or zeros. */
void expect_token(expectation *e, int64_t n, int64_t i, const outcome *from, int64_t from_n,
                  int64_t from_i);
void expect_zeros(expectation *e, int64_t n, int64_t i);

/* So is a row of the present tensors. */
void expect_present(expectation *e, int64_t row, const outcome *from, int64_t from_row);

/* Everything, from a run of the same sequences. */
void expect_all(expectation *e, const outcome *from);

/* Compares and releases it. Both sides may be off by the bound. */
void expectation_compare(test_report *report, expectation *e, const char *label);

#endif
