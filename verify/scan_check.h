/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of linear_recurrence, selective_scan and causal_conv1d on drawn tensors, and their cases by
 * number. */
#ifndef SEQMIX_VERIFY_SCAN_CHECK_H
#define SEQMIX_VERIFY_SCAN_CHECK_H

#include "verify/check_everywhere.h"
#include "verify/operator_cases.h"
#include "verify/scan_data.h"

extern const scan_operator linear_recurrence_operator;
extern const scan_operator selective_scan_operator;
extern const scan_operator causal_conv1d_operator;

/* The call on these tensors. It refers to `data`. */
operator_call scan_call(const scan_data *data);

/* The same inputs with outputs of the judge's own: contiguous and never in place. `own` receives
 * the tensors, to be freed with tensor_free(). */
operator_call scan_judge_call(const scan_data *data, test_tensor *own[SCAN_SLOTS]);

/* The bound for an output slot. */
test_bound scan_bound(const scan_data *data, scan_slot slot);

/* Draws the case and runs check_everywhere() on it. */
void scan_check(test_report *report, const scan_operator *of, const scan_case *spec, uint64_t seed,
                check_record *record);

/* The functions of an operator_cases: those of scan_memory_cases, its own, random ones. */
int scan_named_count(const scan_operator *of);
void scan_name_case(const scan_operator *of, int index, char name[CASE_NAME]);
void scan_check_case(test_report *report, const scan_operator *of, int index, uint64_t seed,
                     check_record *record);

#endif
