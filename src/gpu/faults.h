/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEQMIX_GPU_FAULTS_H
#define SEQMIX_GPU_FAULTS_H

#include "seqmix/types.h"

/** INVALID_ARGUMENT, with a sentence about what a kernel found. */
seqmix_status seqmix_gpu_fail_fault(int32_t fault);

#endif
