/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEQMIX_TESTS_ATTENTION_CHECK_H
#define SEQMIX_TESTS_ATTENTION_CHECK_H

#include "attention_data.h"

/* Draws the case and runs check_everywhere() on it. */
void attention_check(test_report *report, const attention_case *spec);

#endif
