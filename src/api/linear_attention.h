/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention: from what callers pass to what backends compute. */
#ifndef SEQMIX_API_LINEAR_ATTENTION_H
#define SEQMIX_API_LINEAR_ATTENTION_H

#include "api/check.h"
#include "api/sequences.h"
#include "seqmix/backend.h"

/** Checks everything and fills in `problem`. */
seqmix_status seqmix_lower_linear_attention(const seqmix_checker *checker,
                                            const seqmix_linear_attention_args *args,
                                            seqmix_linear_attention_problem *problem);

/* ---- its steps, each by what those before it have filled in ---------------------------------- */

/** decay to input_gate: which the rule and the options call for or allow, types, shapes. */
seqmix_status seqmix_lower_linear_attention_gates(const seqmix_checker *checker,
                                                  const seqmix_linear_attention_args *args,
                                                  seqmix_linear_attention_problem *problem);

/** Past and present tensors and, in `at`, the index arrays of their rows, but for what those
 * contain. */
seqmix_status seqmix_lower_linear_attention_states(const seqmix_checker *checker,
                                                   const seqmix_linear_attention_args *args,
                                                   const seqmix_sequence_args *sequence_args,
                                                   seqmix_sequences *at,
                                                   seqmix_linear_attention_problem *problem);

/* ---- what those steps share ------------------------------------------------------------------ */

/** "gated_delta" for SEQMIX_UPDATE_GATED_DELTA, and so on; the rule is known to be one. */
const char *seqmix_update_rule_name(int32_t update_rule);

#endif
