/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pack/common.h"

#include "tools/paper/paper.h"

const common_calls *const common_operators[SEQMIX_OPERATOR_COUNT] = {
    [SEQMIX_OP_ATTENTION] = &common_attention,
    [SEQMIX_OP_ATTENTION_MERGE] = &common_attention_merge,
    [SEQMIX_OP_LINEAR_ATTENTION] = &common_linear_attention,
    [SEQMIX_OP_LINEAR_RECURRENCE] = &common_linear_recurrence,
    [SEQMIX_OP_SELECTIVE_SCAN] = &common_selective_scan,
    [SEQMIX_OP_PREFIX_SCAN] = &common_prefix_scan,
    [SEQMIX_OP_CAUSAL_CONV1D] = &common_causal_conv1d,
};

seqmix_tensor common_tensor(int32_t dtype, int64_t n0, int64_t n1, int64_t n2, int64_t n3) {
  const int64_t each[] = {n0, n1, n2, n3};
  int64_t shape[4], elements = 1;
  int32_t rank = 0;
  for (int i = 0; i < 4; i++) {
    if (each[i] == 0) continue;
    shape[rank++] = each[i];
    elements *= each[i];
  }
  uint64_t bytes = (uint64_t)elements * seqmix_dtype_size(dtype);
  return seqmix_tensor_nd(paper_memory(bytes), dtype, rank, shape, NULL);
}
