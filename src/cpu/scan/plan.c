/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/plan.h"

/* Turning states around pays from here on. */
enum { STEP_TOKENS = 2 };

/* Sequences of fewer lanes in all are cut in time. */
enum { LANES_ENOUGH = 256 };

/* Fewer lanes than these would leave registers empty. */
enum { LANES_FEW = 8 };

/* Tokens from which it pays to cut them into lanes. */
enum { SPLIT_TOKENS = 512 };

/* Tasks per worker, so that the last ones to end have little to wait for. */
enum { TASKS_PER_WORKER = 2 };

/* Blocks are whole lines of memory, and stretches of rows long enough to be fetched ahead. */
enum { BLOCK_UNIT = 16, BLOCK_LEAST = 64, BLOCK_TURNED = 16 };

/* Results larger than this leave the cache before anybody reads them. */
enum { STREAMED_BYTES = 16 * 1024 * 1024 };

static int64_t divided(int64_t value, int64_t by) { return value / by + (value % by != 0); }
static int64_t at_most(int64_t value, int64_t most) { return value < most ? value : most; }
static int64_t at_least(int64_t value, int64_t least) { return value > least ? value : least; }

static int64_t block_lanes(const scan_shape *shape, const scan_plan *plan, int32_t workers) {
  if (shape->is_turned) return BLOCK_TURNED;
  int64_t tasks = divided((int64_t)workers * TASKS_PER_WORKER, plan->streams);
  int64_t units = divided(plan->lanes, BLOCK_UNIT);
  int64_t lanes = divided(units, at_most(tasks, units)) * BLOCK_UNIT;
  return at_most(at_least(lanes, BLOCK_LEAST), SCAN_BLOCK_LANES);
}

scan_plan seqmix_scan_plan(const scan_shape *shape, int32_t workers) {
  scan_plan plan = {.streams = at_least(shape->streams, 1)};
  plan.lanes = shape->is_complex ? shape->channels * 2 : shape->channels;
  plan.is_streamed = shape->elements >= STREAMED_BYTES / 4;
  int is_small = plan.lanes < LANES_FEW;
  /* Of so few a stretch of the sequence fills the buffers. */
  int64_t all_lanes = at_most(plan.lanes, LANES_ENOUGH) * at_most(plan.streams, LANES_ENOUGH);
  int64_t width = divided(at_most(plan.lanes, LANES_ENOUGH), BLOCK_UNIT) * BLOCK_UNIT;
  plan.piece = is_small ? SCAN_BUFFER / (1 + shape->is_complex) : SCAN_BUFFER / width;
  plan.is_split = is_small && shape->longest >= SPLIT_TOKENS;
  if (plan.is_split || (all_lanes < LANES_ENOUGH && shape->longest >= 2 * plan.piece)) {
    plan.pieces = at_least(divided(shape->longest, plan.piece), 1);
    return plan;
  }
  plan.is_split = 0;
  plan.block = block_lanes(shape, &plan, workers);
  plan.blocks = divided(plan.lanes, plan.block);
  return plan;
}

int32_t seqmix_selective_step_suits(const seqmix_problem *problem,
                                    const seqmix_device_properties *device) {
  (void)device;
  return ((const seqmix_selective_scan_problem *)problem)->at.length <= STEP_TOKENS;
}
