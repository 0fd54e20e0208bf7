/* SPDX-License-Identifier: Apache-2.0 */
/* What the algorithms of attention share on the host. */
#ifndef SEQMIX_GPU_ATTENTION_ATTENTION_H
#define SEQMIX_GPU_ATTENTION_ATTENTION_H

#include "gpu/launch.h"
#include "kernels/attention/arguments.h"

/** Rows of a tensor as kernels take them. */
attention_rows seqmix_gpu_attention_rows(const seqmix_view *view);

/** The problem as kernels take it; what plans add is 0. */
attention_arguments seqmix_gpu_attention_arguments(const seqmix_attention_problem *problem);

/** The list for a kernel with ATTENTION_PARAMETERS. What it is made of must outlive it. */
gpu_arguments seqmix_gpu_pass_attention(const seqmix_call *call,
                                        const seqmix_attention_problem *problem,
                                        const attention_arguments *arguments);

#endif
