/* SPDX-License-Identifier: Apache-2.0 */
/* How the CPU plans linear attention, a pure function, for problems and numbers of workers that
 * nobody here has: what holds of every plan, whatever its constants are. */
#include <string.h>

#include "core/dispatch.h"
#include "cpu/linear_attention/plan.h"
#include "support/suite.h"

enum { MOST_WORKERS = 64, CACHE_BYTES = 512 * 1024, PANEL = 32 };

/* Options that plans may look at. */
enum {
  STATES = SEQMIX_LINEAR_ATTENTION_PAST | SEQMIX_LINEAR_ATTENTION_PRESENT,
  NORMALIZED = SEQMIX_LINEAR_ATTENTION_NORMALIZE
};

static seqmix_linear_attention_problem make_problem(int64_t sequences, int64_t heads, int64_t dims,
                                                    int64_t value_dim) {
  seqmix_linear_attention_problem problem;
  memset(&problem, 0, sizeof problem);
  problem.header.struct_size = sizeof problem;
  problem.header.op = SEQMIX_OP_LINEAR_ATTENTION;
  problem.header.dtype = SEQMIX_F32;
  problem.sequences = sequences;
  problem.length = problem.total = 100;
  problem.q_heads = problem.k_heads = problem.state_heads = heads;
  problem.head_dim = dims;
  problem.value_dim = value_dim;
  return problem;
}

/* ---- what holds of every plan ---------------------------------------------------------------- */

/* `parts` of `each` cover `whole`, and none of them is empty. */
static int covers_once(int64_t parts, int64_t each, int64_t whole) {
  return each >= 1 && parts == whole / each + (whole % each != 0);
}

/* A state whose z and m are read and written again cannot be shared by tasks. */
static int may_be_cut(const seqmix_linear_attention_problem *problem) {
  uint64_t together = (uint64_t)NORMALIZED | STATES;
  return (problem->header.features & together) != together;
}

static const char *fault_of_blocks(const linear_plan *plan,
                                   const seqmix_linear_attention_problem *problem,
                                   int32_t workers) {
  double states = (double)problem->sequences * (double)problem->state_heads;
  if (!covers_once(plan->blocks, plan->columns, problem->value_dim))
    return "blocks do not cover the columns once";
  if (plan->blocks == 1) return NULL;
  if (plan->columns % PANEL) return "a block ends within a panel";
  if (!may_be_cut(problem)) return "a state is cut that must not be";
  if (states >= workers) return "states are cut though there are enough of them";
  if ((double)(plan->blocks - 1) * states >= workers) return "more blocks than workers ask for";
  return NULL;
}

static const char *fault_of_groups(const linear_plan *plan,
                                   const seqmix_linear_attention_problem *problem,
                                   int32_t workers) {
  double bytes = 4.0 * (double)problem->head_dim * (double)problem->value_dim;
  if (!covers_once(plan->groups, plan->group, problem->state_heads))
    return "groups do not cover the heads once";
  if (plan->group > problem->state_heads) return "a group has more heads than there are";
  if (plan->group == 1) return NULL;
  if ((double)plan->group * bytes > CACHE_BYTES) return "a group's states do not fit a cache";
  if (plan->blocks > 1) return "heads are put together and cut at once";
  if (plan->tasks < workers) return "heads are put together while workers idle";
  if (problem->header.features & SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL)
    return "heads take turns though a pass leaves something behind";
  return NULL;
}

static const char *fault_of(const linear_plan *plan, const seqmix_linear_attention_problem *problem,
                            int32_t workers) {
  if (plan->tasks != problem->sequences * plan->groups * plan->blocks)
    return "tasks are not sequences x groups x blocks";
  const char *fault = fault_of_blocks(plan, problem, workers);
  return fault ? fault : fault_of_groups(plan, problem, workers);
}

static void check_plan(const seqmix_linear_attention_problem *problem, int32_t workers) {
  linear_plan plan = seqmix_linear_plan(problem, workers);
  const char *fault = fault_of(&plan, problem, workers);
  if (!fault) return;
  ck_abort_msg(
      "%s: %d workers, %lld sequences, %lld heads of %lld x %lld: %lld blocks of %lld, %lld "
      "groups of %lld, %lld tasks",
      fault, workers, (long long)problem->sequences, (long long)problem->state_heads,
      (long long)problem->head_dim, (long long)problem->value_dim, (long long)plan.blocks,
      (long long)plan.columns, (long long)plan.groups, (long long)plan.group,
      (long long)plan.tasks);
}

static const uint64_t options[] = {0, NORMALIZED, STATES, NORMALIZED | STATES,
                                   SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL};
enum { OPTIONS = sizeof options / sizeof *options };

static void check_plans(int64_t sequences, int64_t heads, int64_t dims, int64_t value_dim) {
  seqmix_linear_attention_problem problem = make_problem(sequences, heads, dims, value_dim);
  for (int i = 0; i < OPTIONS; i++) {
    problem.header.features = options[i];
    for (int32_t workers = 1; workers <= MOST_WORKERS; workers++) check_plan(&problem, workers);
  }
}

START_TEST(test_everything_is_covered_once) {
  static const int64_t counts[] = {0, 1, 2, 3, 5, 16, 63, 64, 1000};
  static const int64_t dims[] = {1, 31, 32, 33, 64, 100, 128, 250, 512, 4096};
  enum { COUNTS = sizeof counts / sizeof *counts, DIMS = sizeof dims / sizeof *dims };
  for (int sequences = 0; sequences < COUNTS; sequences++)
    for (int heads = 1; heads < COUNTS; heads++)
      for (int d = 0; d < DIMS; d++)
        for (int dv = 0; dv < DIMS; dv++)
          check_plans(counts[sequences], counts[heads], dims[d], dims[dv]);
}
END_TEST

/* As large as addresses are: no product on the way is computed that does not fit. */
START_TEST(test_huge_sizes) {
  const int64_t huge = INT64_C(1) << 61, large = INT64_C(1) << 31;
  check_plans(1, 1, huge, huge);
  check_plans(1, 1, 1, huge);
  check_plans(1, 1, huge, 1);
  check_plans(huge, 1, 1, 1);
  check_plans(1, huge, 1, 1);
  check_plans(large, large - 1, 1, 1);
  check_plans(large - 1, 5, large, large);
  seqmix_linear_attention_problem problem = make_problem(1, 1, 128, 128);
  check_plan(&problem, INT32_MAX);
  problem.value_dim = huge;
  check_plan(&problem, INT32_MAX);
}
END_TEST

/* ---- plans that must differ ------------------------------------------------------------------ */

/* One state is shared by workers, each of whom gets as much of it. */
START_TEST(test_few_states_are_cut) {
  seqmix_linear_attention_problem problem = make_problem(1, 1, 128, 128);
  ck_assert_int_eq(seqmix_linear_plan(&problem, 1).tasks, 1);
  ck_assert_int_eq(seqmix_linear_plan(&problem, 2).tasks, 2);
  ck_assert_int_eq(seqmix_linear_plan(&problem, 4).tasks, 4);
  ck_assert_int_eq(seqmix_linear_plan(&problem, 64).tasks, 4);
  problem.header.features = NORMALIZED | STATES;
  ck_assert_int_eq(seqmix_linear_plan(&problem, 4).tasks, 1);
  problem = make_problem(3, 1, 128, 128);
  ck_assert_int_eq(seqmix_linear_plan(&problem, 3).blocks, 1);
  ck_assert_int_eq(seqmix_linear_plan(&problem, 4).blocks, 2);
}
END_TEST

/* Of many small states a task has several: fewer, the more workers there are. */
START_TEST(test_many_states_take_turns) {
  seqmix_linear_attention_problem problem = make_problem(1, 64, 64, 64);
  int64_t before = seqmix_linear_plan(&problem, 1).group;
  ck_assert_int_gt(before, 1);
  for (int32_t workers = 2; workers <= MOST_WORKERS; workers++) {
    int64_t group = seqmix_linear_plan(&problem, workers).group;
    ck_assert_int_le(group, before);
    before = group;
  }
  ck_assert_int_eq(before, 1);
  problem.sequences = 1000000;
  ck_assert_int_gt(seqmix_linear_plan(&problem, MOST_WORKERS).group, 1);
  problem.head_dim = problem.value_dim = 512;
  ck_assert_int_eq(seqmix_linear_plan(&problem, 1).group, 1);
}
END_TEST

/* ---- which algorithm ------------------------------------------------------------------------- */

extern const seqmix_backend seqmix_cpu_backend;

static const char *choose(const seqmix_linear_attention_problem *problem) {
  seqmix_device_properties device = {.struct_size = sizeof device};
  const seqmix_variant *variant =
      seqmix_choose_variant(seqmix_cpu_backend.variants, seqmix_cpu_backend.variant_count,
                            &problem->header, &device, NULL);
  return variant ? variant->name : "none";
}

/* Single tokens go one by one, long sequences in chunks, and there is one length from which on. */
START_TEST(test_lengths_choose) {
  seqmix_linear_attention_problem problem = make_problem(4, 8, 128, 128);
  int before = 1;
  for (problem.length = 1; problem.length <= 200; problem.length++) {
    int suits = seqmix_linear_recurrent_suits(&problem.header, NULL) != 0;
    ck_assert_int_le(suits, before);
    ck_assert_str_eq(choose(&problem), suits ? "linear_attention__any_generic_recurrent"
                                             : "linear_attention__any_generic_chunked");
    if (problem.length == 1) ck_assert(suits);
    before = suits;
  }
  ck_assert(!before);
  problem.length = INT64_MAX;
  ck_assert(!seqmix_linear_recurrent_suits(&problem.header, NULL));
}
END_TEST

START_TEST(test_kinds_of_decay) {
  seqmix_linear_attention_problem problem = make_problem(1, 1, 16, 16);
  ck_assert_int_eq(seqmix_linear_decay(&problem), DECAY_NONE);
  problem.header.features = SEQMIX_LINEAR_ATTENTION_GATED | SEQMIX_LINEAR_ATTENTION_DECAY;
  ck_assert_int_eq(seqmix_linear_decay(&problem), DECAY_HEAD);
  problem.header.features = SEQMIX_LINEAR_ATTENTION_DPLR | SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY;
  ck_assert_int_eq(seqmix_linear_decay(&problem), DECAY_CHANNEL);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("linear_plan");
  TCase *tcase = tcase_create("linear_plan");
  tcase_set_timeout(tcase, 0);
  suite_add(tcase, test_everything_is_covered_once);
  suite_add(tcase, test_huge_sizes);
  suite_add(tcase, test_few_states_are_cut);
  suite_add(tcase, test_many_states_take_turns);
  suite_add(tcase, test_lengths_choose);
  suite_add(tcase, test_kinds_of_decay);
  suite_add_tcase(suite, tcase);
  return suite;
}
