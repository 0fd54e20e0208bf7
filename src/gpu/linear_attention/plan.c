/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/linear_attention/plan.h"

#include "gpu/backend.h"
#include "gpu/linear_attention/mma_plan.h"
#include "kernels/linear_attention/arguments.h"

/* Of a CPU, two vectors; others load four floats at once and have registers for as many columns. */
enum { LANES_OF_PROCESSOR = 16, LANES_OF_GPU = 4 };

/* Tokens of a chunk. More would spend more on weights, less more on moving the state. */
enum { CHUNK = 32 };

/* Longer sequences go in chunks. */
enum { TOKENS_FEW = 8 };

/* Rows of a state that an item has: of a GPU's in registers, as far as they go round; of a CPU's in
 * its cache. */
enum { ROWS_LEAST = 16, ROWS_OF_PROCESSOR = 256, ROWS_STEP = 4, ROWS_MOST = 4096 };

/* Panels of a state that an item of a CPU has at once: memory is then walked in whole rows. */
enum { WIDTH_OF_PROCESSOR = 8 };

/* Work-groups of a GPU: two warps if possible, columns for a cache line. */
enum { ITEMS_WANTED = 64, ITEMS_MOST = 256, COLUMN_ITEMS_LEAST = 8 };

/* Workspace for slots: of a CPU what its caches hold, so that rows are read where they were just
 * written. */
enum { MEGABYTE = 1 << 20 };
static const int64_t slots_of_processor = 4 * (int64_t)MEGABYTE,
                     slots_of_gpu = 64 * (int64_t)MEGABYTE;

/* For each unit, at least: or some would idle. */
enum { STREAMS_PER_UNIT = 2 };

/* ---- models ---------------------------------------------------------------------------------- */

int32_t seqmix_gpu_linear_decay_kind(const seqmix_linear_attention_problem *p) {
  if (gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY)) return DECAY_CHANNEL;
  return gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_DECAY) ? DECAY_HEAD : DECAY_NONE;
}

int64_t seqmix_gpu_linear_queries(const seqmix_linear_attention_problem *p) {
  return p->q_heads > p->state_heads ? p->q_heads / p->state_heads : 1;
}

int seqmix_gpu_linear_has_eraser(const seqmix_linear_attention_problem *p) {
  return gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_DELTA | SEQMIX_LINEAR_ATTENTION_DPLR);
}

int32_t seqmix_gpu_linear_writers(const seqmix_linear_attention_problem *p) {
  return gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_DPLR) ? 2 : 1;
}

/* ---- work-groups ----------------------------------------------------------------------------- */

static int64_t rounded(int64_t value, int64_t unit) { return gpu_divided(value, unit) * unit; }

static int32_t power_above(int64_t value) {
  int32_t power = 1;
  while (power < value) power *= 2;
  return power;
}

static void shape_for_processor(gpu_linear_plan *plan, int64_t head_dim) {
  plan->lanes = LANES_OF_PROCESSOR;
  plan->items = plan->walk_items = plan->column_items = 1;
  plan->dims = rounded(head_dim, DIMS_UNIT);
  plan->rows = ROWS_OF_PROCESSOR;
  plan->width = WIDTH_OF_PROCESSOR;
  while (plan->rows < plan->dims) plan->rows *= ROWS_STEP;
}

static int32_t most_items(const seqmix_device_properties *device) {
  return device->group_items > 0 && device->group_items < ITEMS_MOST ? device->group_items
                                                                     : ITEMS_MOST;
}

static void shape_for_gpu(gpu_linear_plan *plan, int64_t head_dim,
                          const seqmix_device_properties *device) {
  plan->lanes = LANES_OF_GPU;
  plan->width = 1;
  plan->items = (int32_t)gpu_least(most_items(device), ITEMS_WANTED);
  plan->walk_items = plan->items;
  plan->column_items = (int32_t)gpu_least(plan->items, COLUMN_ITEMS_LEAST);
  plan->dims = rounded(head_dim, DIMS_UNIT);
}

/* Rows of a state are shared by a power of two of items, and each of them has as many. */
static void share_rows(gpu_linear_plan *plan, int64_t head_dim,
                       const seqmix_device_properties *device) {
  int32_t most = most_items(device);
  plan->rows = ROWS_LEAST;
  while (gpu_divided(head_dim, plan->rows) > most / 2) plan->rows *= ROWS_STEP;
  int32_t row_items = power_above(gpu_divided(head_dim, plan->rows));
  plan->column_items = ITEMS_WANTED / row_items;
  if (plan->column_items < COLUMN_ITEMS_LEAST) plan->column_items = COLUMN_ITEMS_LEAST;
  while (plan->column_items > 1 && plan->column_items * row_items > most) plan->column_items /= 2;
  plan->walk_items = plan->column_items * row_items;
  plan->dims = (int64_t)row_items * plan->rows;
}

/* ---- how much at once ------------------------------------------------------------------------ */

static void share_columns(gpu_linear_plan *plan, const seqmix_linear_attention_problem *p,
                          const seqmix_device_properties *device) {
  int64_t columns = p->value_dim + (p->normalize != SEQMIX_NORMALIZE_NONE);
  int64_t wanted = INT64_MAX;
  plan->panels = gpu_divided(columns, (int64_t)plan->column_items * plan->lanes);
  if (device->is_processor)
    wanted = gpu_divided(seqmix_gpu_items_enough(device), gpu_most(plan->streams, 1));
  plan->block_panels = gpu_divided(plan->panels, gpu_least(wanted, plan->panels));
  plan->blocks = gpu_divided(plan->panels, plan->block_panels);
}

static void share_time(gpu_linear_plan *plan, const seqmix_linear_attention_problem *p,
                       const seqmix_device_properties *device) {
  int64_t budget = (device->is_processor ? slots_of_processor : slots_of_gpu) / 4;
  int64_t slot = seqmix_gpu_linear_slot_floats(plan, p);
  int64_t units = device->compute_units > 0 ? device->compute_units : 1;
  int64_t stream = gpu_most(slot + seqmix_gpu_linear_stream_floats(plan, p), 1);
  int64_t fit = gpu_most(budget / stream, units * STREAMS_PER_UNIT);
  plan->streams_at_once = gpu_most(gpu_least(plan->streams, fit), 1);
  fit = budget / gpu_most(gpu_times(slot, plan->streams_at_once), 1);
  plan->chunks_at_once = gpu_most(gpu_least(plan->chunks, fit), 1);
}

gpu_linear_plan seqmix_gpu_linear_plan(const seqmix_linear_attention_problem *p,
                                       const seqmix_device_properties *device,
                                       gpu_linear_algorithm algorithm) {
  gpu_linear_plan plan = {.algorithm = algorithm, .layout = {.floats = -1}};
  const int64_t most = (int64_t)1 << 28;
  if (p->head_dim > most || p->value_dim > most) return plan;
  if (algorithm == GPU_LINEAR_MMA && p->head_dim > GPU_LINEAR_MMA_DIMS) return plan;
  plan.chunk = CHUNK;
  if (algorithm == GPU_LINEAR_MMA)
    seqmix_gpu_linear_shape_for_mma(&plan, p, device);
  else if (device->is_processor)
    shape_for_processor(&plan, p->head_dim);
  else
    shape_for_gpu(&plan, p->head_dim, device);
  if (!device->is_processor && algorithm == GPU_LINEAR_RECURRENT)
    share_rows(&plan, p->head_dim, device);
  if (algorithm != GPU_LINEAR_MMA) plan.weigh_items = plan.walk_items;
  if (algorithm == GPU_LINEAR_RECURRENT && p->length < CHUNK)
    plan.chunk = (int32_t)gpu_most(p->length, 1);
  plan.streams = gpu_times(p->sequences, p->state_heads);
  plan.chunks = gpu_most(gpu_divided(p->length, plan.chunk), 1);
  plan.has_results =
      gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_NORMALIZE | SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL);
  share_columns(&plan, p, device);
  plan.keeps_states = 1;
  share_time(&plan, p, device);
  plan.keeps_states = algorithm != GPU_LINEAR_RECURRENT || plan.chunks_at_once < plan.chunks ||
                      gpu_linear_uses(p, SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL);
  seqmix_gpu_linear_lay_out(&plan, p);
  return plan;
}

int32_t seqmix_gpu_linear_attention_recurrent_suits(const seqmix_problem *problem,
                                                    const seqmix_device_properties *device) {
  (void)device;
  return ((const seqmix_linear_attention_problem *)problem)->length <= TOKENS_FEW;
}

int32_t seqmix_gpu_linear_attention_recurrent_accepts(const seqmix_problem *problem,
                                                      const seqmix_device_properties *device) {
  (void)device;
  return ((const seqmix_linear_attention_problem *)problem)->head_dim <= ROWS_MOST;
}
