/* SPDX-License-Identifier: Apache-2.0 */
/* What `seqmix verify` prints: made to be pasted into a bug report. */
#ifndef SEQMIX_TOOL_VERIFY_REPORT_H
#define SEQMIX_TOOL_VERIFY_REPORT_H

#include <seqmix/seqmix.h>

#include "verify/operator_cases.h"

/* The library, the system and the environment. */
void report_system(void);

/* A device by its name, with what it says of itself. */
void report_device(const char *name);

/* Whether the device under test has the operator at all. */
int report_has_operator(seqmix_operator op);

/* What became of the operators' cases on the device under test; of one operator, or -1: of all. */
void report_table(const check_record records[SEQMIX_OPERATOR_COUNT], int only);

#endif
