/* SPDX-License-Identifier: Apache-2.0 */
/* What linear attention on tensor cores has of its own: shapes, and the constants of its programs.
 */
#ifndef SEQMIX_GPU_LINEAR_ATTENTION_MMA_PLAN_H
#define SEQMIX_GPU_LINEAR_ATTENTION_MMA_PLAN_H

#include "gpu/linear_attention/plan.h"
#include "gpu/program.h"

/** The largest D: a warp has whole columns of a state in its registers, of which 256 rows leave too
 * few for products. */
enum { GPU_LINEAR_MMA_DIMS = 128 };

/** Fills in the plan's constants and `dims`. */
void seqmix_gpu_linear_shape_for_mma(gpu_linear_plan *plan,
                                     const seqmix_linear_attention_problem *problem,
                                     const seqmix_device_properties *device);

/** The program of what needs no state, and of the walk over chunks. */
gpu_special seqmix_gpu_linear_mma_weigh_special(const gpu_linear_plan *plan,
                                                const seqmix_linear_attention_problem *problem);
gpu_special seqmix_gpu_linear_mma_walk_special(const gpu_linear_plan *plan);

#endif
