/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of seqmix_linear_attention() on drawn tensors. */
#ifndef SEQMIX_VERIFY_LINEAR_ATTENTION_CALL_H
#define SEQMIX_VERIFY_LINEAR_ATTENTION_CALL_H

#include "verify/linear_attention_data.h"

/* The call on these tensors. It refers to `data`. */
operator_call linear_attention_call(const linear_attention_data *data);

/* The same inputs with outputs of the judge's own: contiguous and f32, never in place. `own`
 * receives the tensors, to be freed with tensor_free(). */
operator_call linear_attention_judge_call(const linear_attention_data *data,
                                          test_tensor *own[LINEAR_SLOTS]);

/* The bound for an output slot. */
test_bound linear_attention_bound(const linear_attention_data *data, linear_slot slot);

#endif
