/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/scan/selective_plan.h"

#include "kernels/scan/selective_arguments.h"

/* Shorter pieces would cost more in carries than they gain. */
enum { PIECE_LEAST = 64 };

/* Cut sequences are walked twice: so many times fewer items than enough make that worth it. */
enum { TOO_FEW = 4 };

static void cut_time(gpu_selective_plan *plan, int64_t longest, int64_t wanted) {
  int64_t piece = gpu_most(gpu_divided(longest, wanted), PIECE_LEAST);
  plan->piece = gpu_divided(piece, SELECTIVE_STAGE) * SELECTIVE_STAGE;
  plan->pieces = gpu_divided(longest, plan->piece);
}

gpu_selective_plan seqmix_gpu_selective_plan(const seqmix_selective_scan_problem *p,
                                             const seqmix_device_properties *device) {
  gpu_selective_plan plan = {
      .lanes = seqmix_gpu_lanes(device),
      .items = seqmix_gpu_items(device),
      .group_channels = p->channels / p->groups,
      .piece = gpu_most(p->at.length, 1),
      .pieces = 1,
  };
  int64_t longest = plan.piece, enough = seqmix_gpu_items_enough(device);
  int64_t lane_blocks = gpu_divided(plan.group_channels, plan.lanes);
  int64_t streams = gpu_times(p->at.count, p->groups), items = gpu_times(streams, lane_blocks);
  plan.group_blocks = gpu_divided(lane_blocks, plan.items);
  if (items > 0 && items <= enough / TOO_FEW && longest >= 2 * PIECE_LEAST)
    cut_time(&plan, longest, enough / items);
  plan.walk_items =
      gpu_times(gpu_times(streams, plan.pieces), gpu_times(plan.group_blocks, plan.items));
  plan.carry_items = gpu_times(items, gpu_divided(p->states, SELECTIVE_STATES));
  plan.needs_work = plan.pieces > 1 || (p->states > SELECTIVE_STATES && longest > SELECTIVE_STAGE);
  return plan;
}
