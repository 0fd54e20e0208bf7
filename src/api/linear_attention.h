/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention: from what callers pass to what backends compute. */
#ifndef SEQMIX_API_LINEAR_ATTENTION_H
#define SEQMIX_API_LINEAR_ATTENTION_H

#include "api/check.h"
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

/** Past and present tensors and the index arrays of their rows, but for what those contain. */
seqmix_status seqmix_lower_linear_attention_states(const seqmix_checker *checker,
                                                   const seqmix_linear_attention_args *args,
                                                   seqmix_linear_attention_problem *problem);

/** The contents of the index arrays, in host memory, when all else is known. */
seqmix_status seqmix_check_linear_attention_indices(const seqmix_checker *checker,
                                                    const seqmix_linear_attention_args *args,
                                                    seqmix_linear_attention_problem *problem);

/* ---- what those steps share ------------------------------------------------------------------ */

/** "gated_delta" for SEQMIX_UPDATE_GATED_DELTA, and so on; the rule is known to be one. */
const char *seqmix_update_rule_name(int32_t update_rule);

/** Passes if `tensor` is absent; `beside` says what it goes badly with: "with update_rule delta".
 */
seqmix_status seqmix_check_absent(const seqmix_checker *checker, const char *name,
                                  const seqmix_tensor *tensor, const char *beside);

/** Passes if `tensor` is given; `beside` says what calls for it. */
seqmix_status seqmix_check_given(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, const char *beside);

/** Whether a present tensor, of the same shape but for rows, is the past one. */
static inline int seqmix_is_in_place(const seqmix_view *past, int64_t past_rows,
                                     const seqmix_view *present, int64_t present_rows) {
  int same = past->dtype && past->dtype == present->dtype && past->data == present->data &&
             past->byte_offset == present->byte_offset && past_rows == present_rows;
  for (int i = 0; i < 4; i++) same = same && past->stride[i] == present->stride[i];
  return same;
}

#endif
