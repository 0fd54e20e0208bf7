/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels may find wrong in index arrays, whose contents only the device can read. Read by
 * kernels and by the host. A fault is a number: the operator's times 256, plus one of these. */
#ifndef SEQMIX_KERNELS_FAULTS_H
#define SEQMIX_KERNELS_FAULTS_H

enum {
  FAULT_CU_SEQLENS = 1,
  FAULT_MAX_SEQLEN = 2,
  FAULT_STATE_INDICES = 3,
  FAULT_STATE_OUT_INDICES = 4,
  FAULT_CU_SEQLENS_Q = 5,
  FAULT_CU_SEQLENS_K = 6,
  FAULT_MAX_SEQLEN_Q = 7,
  FAULT_MAX_SEQLEN_K = 8,
  FAULT_QUERY_LENGTHS = 9,
  FAULT_KEY_LENGTHS = 10,
  FAULT_QUERY_OFFSETS = 11,
  FAULT_BLOCK_TABLE = 12,
  FAULT_BLOCK_MAP = 13
};

#endif
