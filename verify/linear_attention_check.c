/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/operator_cases.h"

static int named_count(void) { return 0; }

const operator_cases linear_attention_cases = {named_count, 0, 0, NULL, NULL};
