/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels may find wrong in index arrays, whose contents only the device can read. Read by
 * kernels and by the host. A fault is a number: the operator's times 256, plus one of these. */
#ifndef SEQMIX_KERNELS_FAULTS_H
#define SEQMIX_KERNELS_FAULTS_H

enum {
  FAULT_CU_SEQLENS = 1,
  FAULT_MAX_SEQLEN = 2,
  FAULT_STATE_INDICES = 3,
  FAULT_STATE_OUT_INDICES = 4
};

#endif
