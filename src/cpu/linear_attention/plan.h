/* SPDX-License-Identifier: Apache-2.0 */
/* How the CPU spreads linear attention and which algorithm it takes: functions of the problem
 * alone, so that bits do not depend on the number of threads. */
#ifndef SEQMIX_CPU_LINEAR_ATTENTION_PLAN_H
#define SEQMIX_CPU_LINEAR_ATTENTION_PLAN_H

#include "seqmix/backend.h"

typedef enum stream_decay {
  DECAY_NONE,   /* alpha is 1 */
  DECAY_HEAD,   /* one factor for the whole state */
  DECAY_CHANNEL /* one for each of its rows */
} stream_decay;

/** Value columns of a state are independent: a block of so many is a task. A multiple of
 * LINEAR_COLUMNS, or all of them. */
enum { LINEAR_COLUMNS = 32 };
int64_t seqmix_linear_columns(const seqmix_linear_attention_problem *problem);
/** Blocks of a state. */
int64_t seqmix_linear_blocks(const seqmix_linear_attention_problem *problem);
/** Tasks: sequences x states x blocks, the blocks of a state one after the other. */
int64_t seqmix_linear_tasks(const seqmix_linear_attention_problem *problem);

stream_decay seqmix_linear_decay(const seqmix_linear_attention_problem *problem);

/** Whether sequences are so short that tokens are better taken one by one than in chunks. */
int32_t seqmix_linear_recurrent_suits(const seqmix_problem *problem,
                                      const seqmix_device_properties *device);

#endif
