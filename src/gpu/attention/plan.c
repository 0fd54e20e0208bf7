/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/attention/plan.h"

#include "kernels/attention/unfused.h"

/* Local memory where the driver does not say: what OpenCL promises of any device. */
enum { LOCAL_LEAST = 32768 };

/* Rows and keys of a tile, best first. A thread of a CPU keeps a tile in its second-level cache. */
typedef struct tile_shape {
  int32_t rows, keys;
} tile_shape;
static const tile_shape processor_tiles[] = {{64, 64}, {32, 32}, {16, 16}};
static const tile_shape gpu_tiles[] = {{64, 32}, {32, 32}, {32, 16}, {16, 16}, {8, 16}};

/* Rows that a GPU's item has of a tile, and value dimensions: 64 sums leave room in its registers.
 */
enum { ITEM_ROWS = 4, ITEM_VALUES = 16 };

/* Rows of queries that share a kv head's keys, in blocks; and those of the whole call. */
static int64_t row_blocks(const seqmix_attention_problem *p, int32_t rows) {
  int64_t blocks = gpu_divided(gpu_times(p->query_length, p->q_heads / p->kv_heads), rows);
  return gpu_times(gpu_times(p->sequences, p->kv_heads), blocks);
}

static int64_t local_room(const seqmix_device_properties *device) {
  return device->local_bytes ? (int64_t)device->local_bytes : LOCAL_LEAST;
}

/* The class of D and Dv; 0 if there is none. */
static int32_t dim_of(const seqmix_attention_problem *p) {
  int64_t largest = gpu_most(p->head_dim, p->value_dim);
  if (largest <= 64) return 64;
  if (largest <= 128) return 128;
  return largest <= 256 ? 256 : 0;
}

/* TILE_FLOATS of kernels/attention/tile.h. */
static int64_t tile_bytes(const gpu_prefill_plan *plan) {
  int64_t floats = (int64_t)plan->dim * plan->rows +
                   (int64_t)plan->keys * (plan->dim + plan->lanes) +
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
  for (int32_t i = 0; i < count; i++) {
    plan->rows = shapes[i].rows;
    plan->keys = shapes[i].keys;
    shape_items(plan, device->is_processor);
    plan->local_bytes = tile_bytes(plan);
    int fits_group = device->group_items == 0 || plan->items <= device->group_items;
    plan->fits = plan->dim > 0 && plan->local_bytes <= local_room(device) && fits_group;
    if (plan->fits) return;
  }
}

gpu_prefill_plan seqmix_gpu_prefill_plan(const seqmix_attention_problem *p,
                                         const seqmix_device_properties *device) {
  gpu_prefill_plan plan = {.lanes = seqmix_gpu_lanes(device), .dim = dim_of(p)};
  find_tile(&plan, device);
  plan.groups = row_blocks(p, plan.rows);
  return plan;
}

/* ---- decode ---------------------------------------------------------------------------------- */

/* A block: a few queries of a group of heads against keys, as many as there is room for. */
enum { DECODE_ROWS = 8, DECODE_KEYS = 32, DECODE_KEYS_LEAST = 4 };

/* Items of a GPU's group: a lane of value dimensions each, but never less than a warp or two. */
enum { DECODE_ITEMS_LEAST = 64, DECODE_ITEMS_MOST = 128 };

/* Shorter pieces would cost more in joining than they gain. */
enum { PIECE_LEAST = 256 };

/* Work-groups per compute unit that hide the way to memory. */
enum { GROUPS_PER_UNIT = 8, GROUPS_PER_PROCESSOR = 4 };

/* BLOCK_FLOATS of kernels/attention/decode.c. */
static int64_t block_bytes(const gpu_decode_plan *plan) {
  int64_t floats = (int64_t)plan->rows * plan->dim +
                   (int64_t)plan->keys * (plan->dim + plan->lanes) +
                   (int64_t)plan->rows * (plan->keys + 1) + 3 * (int64_t)plan->rows;
  return floats * (int64_t)sizeof(float);
}

static void find_block(gpu_decode_plan *plan, const seqmix_device_properties *device) {
  int32_t most = device->group_items ? device->group_items : DECODE_ITEMS_MOST;
  int32_t columns = plan->dim / plan->lanes;
  plan->items = columns < DECODE_ITEMS_LEAST  ? DECODE_ITEMS_LEAST
                : columns > DECODE_ITEMS_MOST ? DECODE_ITEMS_MOST
                                              : columns;
  if (plan->items > most) plan->items = most;
  if (device->is_processor) plan->items = 1;
  plan->rows = DECODE_ROWS;
  plan->keys = DECODE_KEYS;
  plan->local_bytes = block_bytes(plan);
  while (plan->local_bytes > local_room(device) && plan->keys > DECODE_KEYS_LEAST) {
    plan->keys /= 2;
    plan->local_bytes = block_bytes(plan);
  }
  plan->fits = plan->dim > 0 && plan->local_bytes <= local_room(device);
}

/* Pieces follow from the call's shape and the device, never from what else it does. */
static void cut_keys(gpu_decode_plan *plan, int64_t keys, int64_t groups,
                     const seqmix_device_properties *device) {
  int64_t units = gpu_most(device->compute_units, 1);
  int64_t enough = units * (device->is_processor ? GROUPS_PER_PROCESSOR : GROUPS_PER_UNIT);
  int64_t wanted = gpu_divided(enough, gpu_most(groups, 1));
  plan->piece = gpu_most(gpu_divided(keys, wanted), PIECE_LEAST);
  plan->piece = gpu_divided(plan->piece, plan->keys) * plan->keys;
  plan->pieces = gpu_most(gpu_divided(keys, plan->piece), 1);
}

gpu_decode_plan seqmix_gpu_decode_plan(const seqmix_attention_problem *p,
                                       const seqmix_device_properties *device) {
  gpu_decode_plan plan = {.lanes = seqmix_gpu_lanes(device), .dim = dim_of(p)};
  find_block(&plan, device);
  int64_t groups = row_blocks(p, plan.rows);
  cut_keys(&plan, p->key_length, groups, device);
  plan.groups = gpu_times(groups, plan.pieces);
  plan.join_items = gpu_times(gpu_times(p->sequences, gpu_times(p->query_length, p->q_heads)),
                              gpu_divided(p->value_dim, plan.lanes));
  return plan;
}

uint64_t seqmix_gpu_decode_bytes(const seqmix_attention_problem *p, const gpu_decode_plan *plan) {
  /* A sum of each value dimension, a largest score and a denominator. */
  uint64_t bytes = sizeof(float) * ((uint64_t)p->value_dim + 2);
  const int64_t sizes[] = {p->cu_seqlens_q.bits ? 1 : p->sequences, p->query_total, p->q_heads,
                           plan->pieces};
  return seqmix_gpu_bytes(bytes, sizes, 4);
}

/* ---- unfused --------------------------------------------------------------------------------- */

/* Scores in memory at a time, in bytes; a block of rows at least. */
enum { SCORES_ROOM = 1 << 25 };

gpu_unfused_plan seqmix_gpu_unfused_plan(const seqmix_attention_problem *p,
                                         const seqmix_device_properties *device) {
  gpu_unfused_plan plan = {.lanes = seqmix_gpu_lanes(device), .items = seqmix_gpu_items(device)};
  plan.blocks =
      gpu_times(gpu_times(p->sequences, p->q_heads), gpu_divided(p->query_length, BLOCK_ROWS));
  /* A score for each key, and a denominator. */
  uint64_t block = BLOCK_ROWS * sizeof(float);
  if (__builtin_mul_overflow(block, (uint64_t)p->key_length + 1, &block)) {
    plan.bytes = UINT64_MAX;
    return plan;
  }
  plan.step = gpu_most(gpu_least(plan.blocks, (int64_t)(SCORES_ROOM / block)), 1);
  plan.bytes = (uint64_t)plan.step * block;
  return plan;
}

/* ---- with a library's products --------------------------------------------------------------- */

/* Workspace in floats: a quarter of a GiB, of a CPU what is not far beyond its caches. Products of
 * fewer rows than those of these blocks are no work for a library. */
enum { GEMM_ROOM = 1 << 26, GEMM_ROOM_OF_PROCESSOR = 1 << 22, GEMM_BLOCKS_LEAST = 16 };

static int64_t gemm_room(const seqmix_device_properties *device) {
  uint64_t largest = device->largest_bytes / sizeof(float);
  int64_t room = device->is_processor ? GEMM_ROOM_OF_PROCESSOR : GEMM_ROOM;
  return largest && largest < (uint64_t)room ? (int64_t)largest : room;
}

/* A block's scores, denominators, and queries or results, whichever are more. */
static int64_t floats_of_block(const seqmix_attention_problem *p) {
  return BLOCK_ROWS *
         gpu_least(p->key_length + 1 + gpu_most(p->head_dim, p->value_dim), GPU_SIZE_MOST);
}

/* A unit's keys, values and flag. */
static int64_t floats_of_unit(const seqmix_attention_problem *p) {
  return gpu_times(p->key_length, p->head_dim + p->value_dim) + 1;
}

static void place_gathered(gpu_gemm_plan *plan, const seqmix_attention_problem *p) {
  int64_t rows = plan->step_units * plan->step_blocks * BLOCK_ROWS;
  plan->rows_at = rows * (p->key_length + 1);
  plan->keys_at = plan->rows_at + rows * gpu_most(p->head_dim, p->value_dim);
  plan->values_at = plan->keys_at + plan->step_units * p->key_length * p->head_dim;
  plan->flags_at = plan->values_at + plan->step_units * p->key_length * p->value_dim;
  plan->bytes = (uint64_t)(plan->flags_at + plan->step_units) * sizeof(float);
}

gpu_gemm_plan seqmix_gpu_gemm_plan(const seqmix_attention_problem *p,
                                   const seqmix_device_properties *device) {
  gpu_gemm_plan plan = {.lanes = seqmix_gpu_lanes(device), .items = seqmix_gpu_items(device)};
  int64_t room = gemm_room(device), block = floats_of_block(p), unit = floats_of_unit(p);
  plan.units = gpu_times(p->sequences, p->kv_heads);
  plan.unit_blocks = gpu_times(gpu_divided(p->query_length, BLOCK_ROWS), p->q_heads / p->kv_heads);
  if (p->key_length == 0 || unit >= room) return plan;
  plan.step_blocks = gpu_least(plan.unit_blocks, (room - unit) / block);
  plan.fits = plan.step_blocks >= gpu_least(plan.unit_blocks, GEMM_BLOCKS_LEAST);
  plan.step_units = 1;
  if (plan.step_blocks == plan.unit_blocks)
    plan.step_units = gpu_most(gpu_least(plan.units, room / (unit + plan.unit_blocks * block)), 1);
  if (plan.fits) place_gathered(&plan, p);
  return plan;
}

/* ---- choice ---------------------------------------------------------------------------------- */

/* Rows of a kv head that share its keys; more fill a tile of prefill. */
enum { DECODE_ROWS_MOST = 16 };

int seqmix_gpu_is_decode(const seqmix_attention_problem *p) {
  int64_t queries = p->query_length;
  /* Of packed queries only a bound may be known. */
  if (p->cu_seqlens_q.bits && p->sequences > 0)
    queries = gpu_least(queries, gpu_divided(p->query_total, p->sequences));
  return queries <= DECODE_ROWS_MOST / (p->q_heads / p->kv_heads);
}

int seqmix_gpu_has_terms(const seqmix_attention_problem *p) {
  return (p->header.features &
          (SEQMIX_ATTENTION_MASK | SEQMIX_ATTENTION_BIAS | SEQMIX_ATTENTION_ALIBI |
           SEQMIX_ATTENTION_SOFTCAP | SEQMIX_ATTENTION_BLOCK_MAP)) != 0;
}
