/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/linear_attention/plan.h"

/* Fewer states than this are cut into blocks of columns, so that a few heads use many threads.
 * Each block makes the weights of its chunks anew, so there are no more blocks than that. */
enum { STATES_ENOUGH = 8 };

/* Longer sequences go in chunks. */
enum { TOKENS_FEW = 8 };

/* Blocks of columns would each need z and m, which one of them may have written in place. */
static int shares_states(const seqmix_linear_attention_problem *problem) {
  const uint64_t kept = SEQMIX_LINEAR_ATTENTION_NORMALIZE | SEQMIX_LINEAR_ATTENTION_PAST |
                        SEQMIX_LINEAR_ATTENTION_PRESENT;
  return (problem->header.features & kept) == kept;
}

int64_t seqmix_linear_columns(const seqmix_linear_attention_problem *problem) {
  int64_t groups = (problem->value_dim + LINEAR_COLUMNS - 1) / LINEAR_COLUMNS;
  /* In this order nothing overflows: states beyond counting are no different from many. */
  int64_t states = problem->sequences < STATES_ENOUGH ? problem->sequences : STATES_ENOUGH;
  states *= problem->state_heads < STATES_ENOUGH ? problem->state_heads : STATES_ENOUGH;
  if (states == 0 || states >= STATES_ENOUGH || shares_states(problem))
    return groups * LINEAR_COLUMNS;
  int64_t blocks = (STATES_ENOUGH + states - 1) / states;
  if (blocks > groups) blocks = groups;
  return (groups + blocks - 1) / blocks * LINEAR_COLUMNS;
}

int64_t seqmix_linear_blocks(const seqmix_linear_attention_problem *problem) {
  int64_t columns = seqmix_linear_columns(problem);
  return (problem->value_dim + columns - 1) / columns;
}

int64_t seqmix_linear_tasks(const seqmix_linear_attention_problem *problem) {
  return problem->sequences * problem->state_heads * seqmix_linear_blocks(problem);
}

stream_decay seqmix_linear_decay(const seqmix_linear_attention_problem *problem) {
  if (problem->header.features & SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY) return DECAY_CHANNEL;
  return problem->header.features & SEQMIX_LINEAR_ATTENTION_DECAY ? DECAY_HEAD : DECAY_NONE;
}

int32_t seqmix_linear_recurrent_suits(const seqmix_problem *problem,
                                      const seqmix_device_properties *device) {
  (void)device;
  return ((const seqmix_linear_attention_problem *)problem)->length <= TOKENS_FEW;
}
