/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEQMIX_VERIFY_ATTENTION_CHECK_H
#define SEQMIX_VERIFY_ATTENTION_CHECK_H

#include "verify/attention_data.h"
#include "verify/check_everywhere.h"

/* Draws the case and runs check_everywhere() on it. */
void attention_check(test_report *report, const attention_case *spec, uint64_t seed,
                     check_record *record);

#endif
