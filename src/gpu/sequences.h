/* SPDX-License-Identifier: Apache-2.0 */
/* Index arrays and sequences as kernels take them. */
#ifndef SEQMIX_GPU_SEQUENCES_H
#define SEQMIX_GPU_SEQUENCES_H

#include "kernels/shared/arguments.h"
#include "seqmix/backend.h"

/** What a kernel says when it finds `fault`, one of kernels/shared/faults.h, in operator `op`. */
int32_t seqmix_gpu_fault(int32_t op, int32_t fault);

/** `fault` is one of kernels/shared/faults.h, told of operator `op`. */
index_argument seqmix_gpu_index(const seqmix_index_view *view, int32_t op, int32_t fault);

/** For kernels/shared/sequences.h. */
sequences_argument seqmix_gpu_sequences(const seqmix_sequences *at, int32_t op);

#endif
