/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of seqmix_attention_merge() on tensors of the harness. */
#ifndef SEQMIX_VERIFY_MERGE_CALL_H
#define SEQMIX_VERIFY_MERGE_CALL_H

#include "verify/harness.h"

typedef enum merge_slot {
  MERGE_OUTS,
  MERGE_LSES,
  MERGE_SINKS,
  MERGE_OUT,
  MERGE_LSE,
  MERGE_SLOTS
} merge_slot;

/* The call on these tensors; sinks and lse may be NULL. */
operator_call merge_call(const char *name, test_tensor *const tensors[MERGE_SLOTS]);

#endif
