/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/sequences.h"

#include "kernels/shared/faults.h"

int32_t seqmix_gpu_fault(int32_t op, int32_t fault) { return op * 256 + fault; }

index_argument seqmix_gpu_index(const seqmix_index_view *view, int32_t op, int32_t fault) {
  return (index_argument){
      .byte_offset = (int64_t)view->byte_offset,
      .stride = view->stride[0],
      .bits = view->bits,
      .fault = seqmix_gpu_fault(op, fault),
  };
}

/* Without an array of its own, the present's rows are those of the past. */
static int32_t fault_of_rows(const seqmix_sequences *at) {
  int is_same = at->state_out_indices.data == at->state_indices.data &&
                at->state_out_indices.byte_offset == at->state_indices.byte_offset;
  return is_same ? FAULT_STATE_INDICES : FAULT_STATE_OUT_INDICES;
}

sequences_argument seqmix_gpu_sequences(const seqmix_sequences *at, int32_t op) {
  return (sequences_argument){
      .count = at->count,
      .length = at->length,
      .total = at->total,
      .past_rows = at->past_rows,
      .present_rows = at->present_rows,
      .cu_seqlens = seqmix_gpu_index(&at->cu_seqlens, op, FAULT_CU_SEQLENS),
      .state_indices = seqmix_gpu_index(&at->state_indices, op, FAULT_STATE_INDICES),
      .state_out_indices = seqmix_gpu_index(&at->state_out_indices, op, fault_of_rows(at)),
      .fault_of_length = seqmix_gpu_fault(op, FAULT_MAX_SEQLEN),
  };
}
