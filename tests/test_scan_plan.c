/* SPDX-License-Identifier: Apache-2.0 */
/* How the CPU cuts scans into tasks, a pure function, for shapes and numbers of workers that nobody
 * here has: what holds of every cut, and what some shapes must lead to. */
#include "core/dispatch.h"
#include "cpu/scan/plan.h"
#include "support/suite.h"

enum { MOST_WORKERS = 64, LINE_LANES = 16, LEAST_LANES = 64 };

static int64_t whole_lines(int64_t lanes) {
  return (lanes + LINE_LANES - 1) / LINE_LANES * LINE_LANES;
}

/* ---- what holds of every plan ---------------------------------------------------------------- */

/* `parts` of `each` cover `whole`, and none of them is empty. */
static int covers_once(int64_t parts, int64_t each, int64_t whole) {
  return each >= 1 && parts == whole / each + (whole % each != 0);
}

static const char *fault_of_blocks(const scan_plan *plan, const scan_shape *shape,
                                   int32_t workers) {
  if (plan->is_split) return "a sequence that is not cut in time has stretches";
  if (!covers_once(plan->blocks, plan->block, plan->lanes))
    return "blocks do not cover the lanes once";
  if (plan->block % LINE_LANES) return "blocks share a line of memory";
  if (plan->block > SCAN_BLOCK_LANES) return "a block is wider than its states' memory";
  /* As many as may be, of those that are not too narrow. */
  if (!shape->is_turned && plan->lanes / LEAST_LANES >= workers && plan->blocks < workers &&
      plan->streams == 1)
    return "workers idle";
  return NULL;
}

static const char *fault_of_pieces(const scan_plan *plan, const scan_shape *shape) {
  if (!covers_once(plan->pieces, plan->piece, shape->longest))
    return "pieces do not cover the tokens once";
  int64_t lanes = plan->is_split ? SCAN_SPLIT_LANES : plan->lanes;
  int64_t stretches = plan->is_split ? SCAN_SPLIT_LANES / (1 + shape->is_complex) : 1;
  if (plan->piece % stretches) return "a whole piece leaves tokens over";
  if (plan->piece / stretches * whole_lines(lanes) > SCAN_BUFFER)
    return "a piece's rows do not fit their buffer";
  if (lanes > SCAN_BLOCK_LANES) return "a piece is wider than its states' memory";
  return NULL;
}

static const char *fault_of(const scan_plan *plan, const scan_shape *shape, int32_t workers) {
  if (plan->streams < 1 || (shape->streams && plan->streams != shape->streams))
    return "streams are not those of the shape";
  if (plan->lanes != shape->channels * (1 + shape->is_complex))
    return "lanes are not the channels' numbers";
  return plan->blocks ? fault_of_blocks(plan, shape, workers) : fault_of_pieces(plan, shape);
}

/* What bits may depend on. */
static int is_same_cut(const scan_plan *a, const scan_plan *b) {
  return !a->blocks == !b->blocks && a->piece == b->piece && a->pieces == b->pieces &&
         a->is_split == b->is_split && a->is_streamed == b->is_streamed;
}

static void check_plan(const scan_shape *shape, int32_t workers) {
  scan_plan plan = seqmix_scan_plan(shape, workers), alone = seqmix_scan_plan(shape, 1);
  const char *fault = fault_of(&plan, shape, workers);
  if (!fault && !is_same_cut(&plan, &alone)) fault = "the cut depends on the workers";
  if (!fault) return;
  ck_abort_msg(
      "%s: %d workers, %lld sequences of %lld channels, %lld tokens%s%s: %lld blocks of "
      "%lld, %lld pieces of %lld%s",
      fault, workers, (long long)shape->streams, (long long)shape->channels,
      (long long)shape->longest, shape->is_complex ? ", complex" : "",
      shape->is_turned ? ", turned" : "", (long long)plan.blocks, (long long)plan.block,
      (long long)plan.pieces, (long long)plan.piece, plan.is_split ? ", split" : "");
}

static void check_plans(int64_t streams, int64_t channels, int64_t longest) {
  for (int kind = 0; kind < 4; kind++) {
    scan_shape shape = {.streams = streams,
                        .channels = channels,
                        .longest = longest,
                        .elements = 1000,
                        .is_complex = kind & 1,
                        .is_turned = kind >> 1};
    for (int32_t workers = 1; workers <= MOST_WORKERS; workers++) check_plan(&shape, workers);
  }
}

START_TEST(test_everything_is_covered_once) {
  static const int64_t streams[] = {0, 1, 2, 3, 8, 31, 32, 64, 1000};
  static const int64_t channels[] = {1,  2,   3,   4,   7,    8,    15,   16,   17,
                                     64, 127, 128, 255, 1000, 1024, 1025, 4097, 100000};
  static const int64_t lengths[] = {0, 1, 511, 512, 1024, 2047, 2048, 16383, 16385, 1 << 20};
  for (size_t n = 0; n < sizeof streams / sizeof *streams; n++)
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
      for (size_t t = 0; t < sizeof lengths / sizeof *lengths; t++)
        check_plans(streams[n], channels[c], lengths[t]);
}
END_TEST

/* As large as addresses are: no product on the way is computed that does not fit. */
START_TEST(test_huge_sizes) {
  const int64_t huge = INT64_C(1) << 61, large = INT64_C(1) << 31;
  check_plans(1, 1, huge);
  check_plans(1, huge, 1);
  check_plans(1, huge, huge);
  check_plans(huge, 1, 1);
  check_plans(huge, 1, huge);
  check_plans(large, large - 1, large);
  scan_shape shape = {.streams = 1, .channels = huge, .longest = huge, .elements = INT64_MAX};
  check_plan(&shape, INT32_MAX);
}
END_TEST

/* ---- plans that must differ ------------------------------------------------------------------ */

static scan_plan plan_for(int64_t streams, int64_t channels, int64_t longest, int32_t workers) {
  const scan_shape shape = {.streams = streams,
                            .channels = channels,
                            .longest = longest,
                            .elements = streams * channels * longest};
  return seqmix_scan_plan(&shape, workers);
}

/* A long sequence of one channel, or of a few, has tasks for many workers. */
START_TEST(test_few_lanes_are_cut_in_time) {
  const int64_t million = 1 << 20;
  for (int64_t channels = 1; channels <= 128; channels++) {
    scan_plan plan = plan_for(1, channels, million, MOST_WORKERS);
    ck_assert_msg(!plan.blocks, "%lld channels are not cut", (long long)channels);
    ck_assert_int_ge(plan.pieces, MOST_WORKERS);
  }
  ck_assert(plan_for(1, 1, million, 1).is_split);
  ck_assert(plan_for(1000, 1, million, 1).is_split);
  ck_assert(!plan_for(1, 16, million, 1).is_split);
}
END_TEST

/* Where there are lanes enough, or too few tokens, a task has all tokens of its channels. */
START_TEST(test_others_are_cut_in_channels) {
  ck_assert_int_gt(plan_for(8, 1024, 4096, 2).blocks, 0);
  ck_assert_int_gt(plan_for(1, 2560, 8192, 2).blocks, 0);
  ck_assert_int_gt(plan_for(1000, 16, 1 << 20, 2).blocks, 0);
  ck_assert_int_gt(plan_for(1, 1, 10, 2).blocks, 0);
  ck_assert_int_gt(plan_for(1, 16, 10, 2).blocks, 0);
}
END_TEST

/* One sequence's channels are shared by workers; of several sequences each has its own. */
START_TEST(test_blocks_follow_the_workers) {
  int64_t before = SCAN_BLOCK_LANES;
  for (int32_t workers = 1; workers <= MOST_WORKERS; workers++) {
    int64_t block = plan_for(1, 4096, 4096, workers).block;
    ck_assert_int_le(block, before);
    before = block;
  }
  ck_assert_int_eq(before, LEAST_LANES);
  ck_assert_int_eq(plan_for(1000, 1024, 4096, 2).blocks, 1);
}
END_TEST

/* Rows whose channels lie apart are turned around a few channels at a time. */
START_TEST(test_turned_blocks_are_narrow) {
  scan_shape shape = {.streams = 8, .channels = 1024, .longest = 4096, .is_turned = 1};
  int64_t turned = seqmix_scan_plan(&shape, 2).block;
  shape.is_turned = 0;
  ck_assert_int_lt(turned, seqmix_scan_plan(&shape, 2).block);
}
END_TEST

START_TEST(test_large_results_are_streamed) {
  ck_assert(!plan_for(1, 1024, 1024, 2).is_streamed);
  ck_assert(plan_for(8, 1024, 4096, 2).is_streamed);
}
END_TEST

/* ---- which algorithm of the selective scan --------------------------------------------------- */

extern const seqmix_backend seqmix_cpu_backend;

static const char *choose(const seqmix_selective_scan_problem *problem) {
  seqmix_device_properties device = {.struct_size = sizeof device};
  const seqmix_variant *variant =
      seqmix_choose_variant(seqmix_cpu_backend.variants, seqmix_cpu_backend.variant_count,
                            &problem->header, &device, NULL);
  return variant ? variant->name : "none";
}

/* Single tokens are a step, prompts go in blocks, and there is one length from which on. */
START_TEST(test_lengths_choose) {
  seqmix_selective_scan_problem problem = {.channels = 16, .states = 16, .groups = 1};
  problem.header.struct_size = sizeof problem;
  problem.header.op = SEQMIX_OP_SELECTIVE_SCAN;
  problem.header.dtype = SEQMIX_F32;
  problem.at.count = 1;
  int before = 1;
  for (problem.at.length = 1; problem.at.length <= 100; problem.at.length++) {
    int suits = seqmix_selective_step_suits(&problem.header, NULL) != 0;
    ck_assert_int_le(suits, before);
    ck_assert_str_eq(choose(&problem), suits ? "selective_scan__any_generic_step"
                                             : "selective_scan__any_generic_blocked");
    if (problem.at.length == 1) ck_assert(suits);
    before = suits;
  }
  ck_assert(!before);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("scan_plan");
  TCase *tcase = tcase_create("scan_plan");
  tcase_set_timeout(tcase, 0);
  suite_add(tcase, test_everything_is_covered_once);
  suite_add(tcase, test_huge_sizes);
  suite_add(tcase, test_few_lanes_are_cut_in_time);
  suite_add(tcase, test_others_are_cut_in_channels);
  suite_add(tcase, test_blocks_follow_the_workers);
  suite_add(tcase, test_turned_blocks_are_narrow);
  suite_add(tcase, test_large_results_are_streamed);
  suite_add(tcase, test_lengths_choose);
  suite_add_tcase(suite, tcase);
  return suite;
}
