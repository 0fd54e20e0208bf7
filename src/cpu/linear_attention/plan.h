/* SPDX-License-Identifier: Apache-2.0 */
/* How the CPU spreads linear attention and which algorithm it takes. Pure functions. */
#ifndef SEQMIX_CPU_LINEAR_ATTENTION_PLAN_H
#define SEQMIX_CPU_LINEAR_ATTENTION_PLAN_H

#include "seqmix/backend.h"

typedef enum linear_decay {
  DECAY_NONE,   /* alpha is 1 */
  DECAY_HEAD,   /* one factor for the whole state */
  DECAY_CHANNEL /* one for each of its rows */
} linear_decay;

linear_decay seqmix_linear_decay(const seqmix_linear_attention_problem *problem);

/**
 * The tasks of a call. States, and the value columns of a state, are independent, and no number
 * depends on what shares a task with it: so this may look at the number of workers, and bits do
 * not depend on it.
 */
typedef struct linear_plan {
  int64_t columns; /* of v per task: a multiple of 32, whole panels at every level, or all */
  int64_t blocks;  /* tasks that share the columns of a state */
  int64_t group;   /* heads of a sequence that a task takes, chunk by chunk in turns: rows of
                      neighbouring heads lie on the same pages */
  int64_t groups;  /* of a sequence */
  int64_t tasks;   /* sequences x groups x blocks */
  int may_share;   /* whether blocks can share what chunks make of their tokens */
} linear_plan;

linear_plan seqmix_linear_plan(const seqmix_linear_attention_problem *problem, int32_t workers);

/** Whether sequences are so short that tokens are better taken one by one than in chunks. */
int32_t seqmix_linear_recurrent_suits(const seqmix_problem *problem,
                                      const seqmix_device_properties *device);

#endif
