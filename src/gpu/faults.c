/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/faults.h"

#include "core/dispatch.h"
#include "core/error.h"
#include "kernels/shared/faults.h"

static const char *const sentences[] = {
    [FAULT_CU_SEQLENS] =
        "cu_seqlens has a sequence that decreases or is not within the packed length; it must "
        "start "
        "at 0, must not decrease and must end at the packed length",
    [FAULT_MAX_SEQLEN] =
        "max_seqlen is less than a sequence of cu_seqlens; it must be at least the longest",
    [FAULT_STATE_INDICES] =
        "state_indices has a row that is not there; it must be -1, or less than the rows of states",
    [FAULT_STATE_OUT_INDICES] =
        "state_out_indices has a row that is not there; it must be -1, or "
        "less than the rows of present_state",
    [FAULT_CU_SEQLENS_Q] =
        "cu_seqlens_q has a sequence that decreases or is not within q; it must "
        "start at 0, must not decrease and must end at q's length",
    [FAULT_CU_SEQLENS_K] =
        "cu_seqlens_k has a sequence that decreases or is not within k; it must "
        "start at 0, must not decrease and must end at k's length",
    [FAULT_MAX_SEQLEN_Q] =
        "max_seqlen_q is less than a sequence of cu_seqlens_q; it must be at "
        "least the longest",
    [FAULT_MAX_SEQLEN_K] =
        "max_seqlen_k is less than a sequence of cu_seqlens_k; it must be at "
        "least the longest",
    [FAULT_QUERY_LENGTHS] =
        "query_lengths has a length that is negative or more than the "
        "sequence's queries; it must be 0 to those",
    [FAULT_KEY_LENGTHS] =
        "key_lengths has a length that is negative or more than the sequence's "
        "keys; it must be 0 to those",
    [FAULT_QUERY_OFFSETS] =
        "query_offsets has an offset that is too far; it must be between -2^60 and 2^60",
    [FAULT_BLOCK_TABLE] =
        "block_table names a page that is not there; its entries for live keys "
        "must be 0 to the pages of k, less one",
    [FAULT_BLOCK_MAP] =
        "block_map has fewer blocks than a sequence of cu_seqlens_q or cu_seqlens_k; it must reach "
        "to the longest",
};

seqmix_status seqmix_gpu_fail_fault(int32_t fault) {
  int32_t which = fault % 256, count = sizeof sentences / sizeof *sentences;
  const char *sentence = which > 0 && which < count ? sentences[which] : "an index is out of range";
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s (found on the device; what it concerns was left out)",
                     seqmix_operator_name(fault / 256), sentence);
}
