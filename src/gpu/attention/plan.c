/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/attention/plan.h"

/* Local memory where the driver does not say: what OpenCL promises of any device. */
enum { LOCAL_LEAST = 32768 };

/* Rows and keys of a tile, best first. A thread of a CPU keeps a tile in its second-level cache. */
typedef struct tile_shape {
  int32_t rows, keys;
} tile_shape;
static const tile_shape processor_tiles[] = {{64, 64}, {32, 32}, {16, 16}};
static const tile_shape gpu_tiles[] = {{64, 32}, {32, 32}, {32, 16}, {16, 16}, {8, 16}};

/* Rows that a GPU's item has of a tile, and value dimensions: 64 sums leave room in its registers. */
enum { ITEM_ROWS = 4, ITEM_VALUES = 16 };

static int32_t dim_of(const seqmix_attention_problem *p) {
  int64_t largest = gpu_most(p->head_dim, p->value_dim);
  return largest <= 64 ? 64 : largest <= 128 ? 128 : GPU_ATTENTION_DIM_MOST;
}

/* TILE_FLOATS of kernels/attention/tile.h. */
static int64_t tile_bytes(const gpu_prefill_plan *plan) {
  int64_t floats = (int64_t)plan->dim * plan->rows + (int64_t)plan->keys * (plan->dim + plan->lanes) +
                   (int64_t)plan->keys * (plan->rows + plan->lanes) + 3 * (int64_t)plan->rows;
  return floats * (int64_t)sizeof(float);
}

static void shape_items(gpu_prefill_plan *plan, int is_processor) {
  int32_t columns = plan->rows / plan->lanes;
  plan->column_trips = is_processor ? columns : gpu_most(ITEM_ROWS / plan->lanes, 1);
  plan->items = is_processor ? 1 : columns / plan->column_trips * (plan->dim / ITEM_VALUES);
}

static void find_tile(gpu_prefill_plan *plan, const seqmix_device_properties *device) {
  const tile_shape *shapes = device->is_processor ? processor_tiles : gpu_tiles;
  int32_t count = device->is_processor ? sizeof processor_tiles / sizeof *shapes
                                       : sizeof gpu_tiles / sizeof *shapes;
  int64_t room = device->local_bytes ? (int64_t)device->local_bytes : LOCAL_LEAST;
  for (int32_t i = 0; i < count; i++) {
    plan->rows = shapes[i].rows;
    plan->keys = shapes[i].keys;
    shape_items(plan, device->is_processor);
    plan->local_bytes = tile_bytes(plan);
    int fits_group = device->group_items == 0 || plan->items <= device->group_items;
    if (plan->local_bytes <= room && fits_group) return;
  }
}

gpu_prefill_plan seqmix_gpu_prefill_plan(const seqmix_attention_problem *p,
                                         const seqmix_device_properties *device) {
  gpu_prefill_plan plan = {.lanes = seqmix_gpu_lanes(device), .dim = dim_of(p)};
  find_tile(&plan, device);
  int64_t rows = p->query_length * (p->q_heads / p->kv_heads);
  plan.groups = p->sequences * p->kv_heads * gpu_divided(rows, plan.rows);
  return plan;
}

/* Rows of a kv head that share its keys; more fill a tile of prefill. */
enum { DECODE_ROWS_MOST = 16 };

int seqmix_gpu_is_decode(const seqmix_attention_problem *p) {
  int64_t queries = p->query_length;
  /* Of packed queries only a bound may be known. */
  if (p->cu_seqlens_q.bits && p->sequences > 0)
    queries = gpu_least(queries, gpu_divided(p->query_total, p->sequences));
  return queries <= DECODE_ROWS_MOST / (p->q_heads / p->kv_heads);
}
