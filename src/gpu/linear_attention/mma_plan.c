/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/linear_attention/mma_plan.h"

#include "gpu/backend.h"
#include "kernels/linear_attention/arguments.h"

typedef seqmix_linear_attention_problem linear;

/* Lanes of loads and stores, items of what is as on any GPU, and of what makes weights. */
enum { LANES = 4, ITEMS = 64, WEIGH_ITEMS = 128, WARP_ITEMS = 32 };

/* Columns of a state that a warp has. */
enum { WARP_COLUMNS = 16 };

/* Warps of a work-group that walks over chunks: they share the rows they read, so more of them move
 * less; fewer where that would leave multiprocessors without any. */
enum { WARPS_MOST = 4, WARPS_LEAST = 2 };

/* Tokens of a chunk. */
enum { CHUNK = 64 };

/* A sequence is worth it from a whole chunk on, and where tiles are not mostly empty. */
enum { TOKENS_ENOUGH = 64, DIMS_ENOUGH = 32, COLUMNS_ENOUGH = 16 };

static int32_t dims_above(int64_t head_dim) {
  int32_t dims = 64;
  while (dims < head_dim) dims *= 2;
  return dims;
}

static int32_t warps_for(const linear *p, const seqmix_device_properties *device) {
  int64_t columns = p->value_dim + (p->normalize != SEQMIX_NORMALIZE_NONE);
  int64_t streams = gpu_times(p->sequences, p->state_heads);
  int64_t groups = gpu_times(streams, gpu_divided(columns, WARPS_MOST * WARP_COLUMNS));
  int is_little = columns <= WARPS_LEAST * WARP_COLUMNS || groups < device->compute_units;
  return is_little ? WARPS_LEAST : WARPS_MOST;
}

/* As kernels/linear_attention/weights_mma.cu carves it: rows of k, two squares, and factors. */
static int32_t weigh_bytes(const gpu_linear_plan *plan, int by_channel) {
  int32_t dims = (int32_t)plan->dims, row = dims + 8, chunk = plan->chunk;
  int32_t factors = by_channel ? dims + 16 * row : 3 * chunk;
  return (chunk * row + 2 * chunk * (chunk + 8) + factors) * (int32_t)sizeof(float);
}

/* As kernels/linear_attention/chunked_mma.cu does: two stages of rows, values, and the stream. */
static int32_t walk_bytes(const gpu_linear_plan *plan, int32_t columns) {
  int32_t stage = plan->chunk * (2 * (int32_t)plan->dims + 8) * (int32_t)sizeof(uint16_t);
  return 2 * stage + (plan->chunk * (columns + 4) + 32) * (int32_t)sizeof(float);
}

void seqmix_gpu_linear_shape_for_mma(gpu_linear_plan *plan, const linear *p,
                                     const seqmix_device_properties *device) {
  int32_t warps = warps_for(p, device);
  plan->lanes = LANES;
  plan->items = ITEMS;
  plan->width = 1;
  plan->dims = dims_above(p->head_dim);
  plan->chunk = CHUNK;
  plan->weigh_items = WEIGH_ITEMS;
  plan->walk_items = warps * WARP_ITEMS;
  plan->column_items = warps * WARP_COLUMNS / LANES;
  plan->weigh_bytes = weigh_bytes(plan, seqmix_gpu_linear_decay_kind(p) == DECAY_CHANNEL);
  plan->walk_bytes = walk_bytes(plan, warps * WARP_COLUMNS);
}

gpu_special seqmix_gpu_linear_mma_weigh_special(const gpu_linear_plan *plan, const linear *p) {
  return (gpu_special){
      "linear_attention/weights_mma",
      {{"LANES", 1},
       {"HALF", SEQMIX_BF16},
       {"ITEMS", plan->weigh_items},
       {"DIM", (int32_t)plan->dims},
       {"CHUNK", plan->chunk},
       {"BY_CHANNEL", seqmix_gpu_linear_decay_kind(p) == DECAY_CHANNEL},
       {"LOCAL_BYTES", plan->weigh_bytes}},
  };
}

gpu_special seqmix_gpu_linear_mma_walk_special(const gpu_linear_plan *plan) {
  return (gpu_special){
      "linear_attention/chunked_mma",
      {{"LANES", plan->lanes},
       {"HALF", SEQMIX_BF16},
       {"ITEMS", plan->walk_items},
       {"DIM", (int32_t)plan->dims},
       {"CHUNK", plan->chunk},
       {"LOCAL_BYTES", plan->walk_bytes}},
  };
}

/* ---- the variant ----------------------------------------------------------------------------- */

/* beta per value channel is in the values where there is an erase; elsewhere y is solved for token
 * by token, which this is not for. */
int32_t seqmix_gpu_linear_attention_chunked_mma_accepts(const seqmix_problem *problem,
                                                        const seqmix_device_properties *device) {
  const linear *p = (const linear *)problem;
  uint64_t room = device->local_bytes_most ? device->local_bytes_most : device->local_bytes;
  if (p->head_dim > GPU_LINEAR_MMA_DIMS) return 0;
  if (gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA) && !p->erase.dtype) return 0;
  const gpu_linear_plan plan = seqmix_gpu_linear_plan(p, device, GPU_LINEAR_MMA);
  return (uint64_t)plan.walk_bytes <= room && (uint64_t)plan.weigh_bytes <= room;
}

int32_t seqmix_gpu_linear_attention_chunked_mma_suits(const seqmix_problem *problem,
                                                      const seqmix_device_properties *device) {
  const linear *p = (const linear *)problem;
  (void)device;
  return p->length >= TOKENS_ENOUGH && p->head_dim >= DIMS_ENOUGH && p->value_dim >= COLUMNS_ENOUGH;
}
