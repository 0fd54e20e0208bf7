/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEQMIX_VERIFY_LINEAR_ATTENTION_CHECK_H
#define SEQMIX_VERIFY_LINEAR_ATTENTION_CHECK_H

#include "verify/check_everywhere.h"
#include "verify/linear_attention_data.h"

/* Draws the case and runs check_everywhere() on it. */
void linear_attention_check(test_report *report, const linear_attention_case *spec, uint64_t seed,
                            check_record *record);

#endif
