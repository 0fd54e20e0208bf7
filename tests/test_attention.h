/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of operators, and their parts. */
#ifndef SEQMIX_TESTS_TEST_ATTENTION_H
#define SEQMIX_TESTS_TEST_ATTENTION_H

#include <seqmix/backend.h>

#include "support/suite.h"

/* Adds a test for each case of the operator, with so many random ones. */
void operator_suite_add(TCase *tcase, seqmix_operator op, int random_cases);

/* devices_open() as a fixture: a device that is there and cannot be used is a failure. */
void open_devices(void);

void suite_attention(Suite *suite);
void suite_attention_properties(Suite *suite);
void suite_attention_memory(Suite *suite);
void suite_attention_merge(Suite *suite);
void suite_linear_attention(Suite *suite);
void suite_linear_attention_properties(Suite *suite);
void suite_linear_attention_identities(Suite *suite);
void suite_linear_attention_time(Suite *suite);
void suite_attention_split(Suite *suite);
void suite_linear_recurrence(Suite *suite);
void suite_selective_scan(Suite *suite);
void suite_prefix_scan(Suite *suite);
void suite_causal_conv1d(Suite *suite);
void suite_scan_split(Suite *suite);
void suite_scan_sequences(Suite *suite);
void suite_scan_identities(Suite *suite);
void suite_prefix_scan_properties(Suite *suite);
void suite_prefix_scan_values(Suite *suite);

#endif
