/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/linear_attention/plan.h"

/* Longer sequences go in chunks. */
enum { TOKENS_FEW = 8 };

/* Whole panels of the product at every level. */
enum { COLUMNS_UNIT = 32 };

/* A task's states in f32: half of a second-level cache. */
enum { STATE_BYTES = 256 * 1024, GROUP_MOST = 16 };

/* Tasks per worker, so that the last ones to end have little to wait for. */
enum { TASKS_PER_WORKER = 2 };

static int uses(const seqmix_linear_attention_problem *problem, uint64_t features) {
  return (problem->header.features & features) == features;
}

linear_decay seqmix_linear_decay(const seqmix_linear_attention_problem *problem) {
  if (uses(problem, SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY)) return DECAY_CHANNEL;
  return uses(problem, SEQMIX_LINEAR_ATTENTION_DECAY) ? DECAY_HEAD : DECAY_NONE;
}

static int64_t at_most(int64_t value, int64_t most) { return value < most ? value : most; }
static int64_t divided(int64_t value, int64_t by) { return value / by + (value % by != 0); }

/* States of a call, counted no further than `enough`. */
static int64_t states_of(const seqmix_linear_attention_problem *problem, int64_t enough) {
  int64_t heads = at_most(problem->state_heads, enough);
  return at_most(heads * at_most(problem->sequences, divided(enough, heads)), enough);
}

/* Blocks of columns would each need z and m, which one of them may have written in place. */
static int may_cut_columns(const seqmix_linear_attention_problem *problem) {
  return !uses(problem, SEQMIX_LINEAR_ATTENTION_NORMALIZE | SEQMIX_LINEAR_ATTENTION_PAST |
                            SEQMIX_LINEAR_ATTENTION_PRESENT);
}

/* Whether chunks need nothing of those before them but the state S. */
static int is_one_pass(const seqmix_linear_attention_problem *problem) {
  const uint64_t more = SEQMIX_LINEAR_ATTENTION_NORMALIZE | SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL |
                        SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL |
                        SEQMIX_LINEAR_ATTENTION_STATE_INDICES;
  return (problem->header.features & more) == 0;
}

/* Heads whose states fit the cache together. */
static int64_t heads_that_fit(const seqmix_linear_attention_problem *problem) {
  /* What a pass leaves behind for the next one is kept for one head only. */
  if (uses(problem, SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL)) return 1;
  double bytes = 4.0 * (double)problem->head_dim * (double)problem->value_dim;
  if (bytes * 2 > STATE_BYTES) return 1;
  return at_most((int64_t)(STATE_BYTES / bytes), GROUP_MOST);
}

linear_plan seqmix_linear_plan(const seqmix_linear_attention_problem *problem, int32_t workers) {
  int64_t units = divided(problem->value_dim, COLUMNS_UNIT);
  int64_t fit = heads_that_fit(problem), wanted = (int64_t)workers * TASKS_PER_WORKER;
  int64_t states = states_of(problem, wanted * fit);
  linear_plan plan = {.columns = units * COLUMNS_UNIT, .blocks = 1, .group = 1};
  /* With as many states as workers none is cut: each block would weigh the chunks anew. */
  if (states > 0 && states < workers && may_cut_columns(problem)) {
    int64_t each = divided(units, at_most(divided(workers, states), units));
    plan.columns = each * COLUMNS_UNIT;
    plan.blocks = divided(units, each);
    plan.may_share = plan.blocks > 1 && is_one_pass(problem);
  } else if (states > wanted) {
    plan.group = at_most(at_most(states / wanted, fit), problem->state_heads);
  }
  plan.groups = divided(problem->state_heads, plan.group);
  plan.tasks = problem->sequences * plan.groups * plan.blocks;
  return plan;
}

int32_t seqmix_linear_recurrent_suits(const seqmix_problem *problem,
                                      const seqmix_device_properties *device) {
  (void)device;
  return ((const seqmix_linear_attention_problem *)problem)->length <= TOKENS_FEW;
}
