/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/attention/mma_plan.h"

#include "gpu/attention/plan.h"

enum { WARP_ITEMS = 32 };

/* Bytes that a tile's rows are apart beyond their numbers, and per tile of FACTS_BYTES
 * (kernels/attention/copies.h). */
enum { ROW_GAP = 8, FACTS_BYTES = 192 };

static int32_t class_of(int64_t dim) {
  static const int32_t classes[] = {64, 96, 128, 192, 256};
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (dim <= classes[i]) return classes[i];
  return 0;
}

/* What kernels fold into a power of two is a float above 0; any other scale is a term. */
static int has_terms(const seqmix_attention_problem *p) {
  return seqmix_gpu_has_terms(p) || !(p->scale > 0x1p-100 && p->scale < 0x1p+100);
}

static gpu_mma_plan start_plan(const seqmix_attention_problem *p) {
  return (gpu_mma_plan){
      .dim = class_of(p->head_dim), .value_dim = class_of(p->value_dim), .has_terms = has_terms(p)};
}

static int64_t room_of(const seqmix_device_properties *device) {
  return (int64_t)(device->local_bytes_most ? device->local_bytes_most : device->local_bytes);
}

static int64_t units_of(const seqmix_attention_problem *p) {
  return gpu_times(p->sequences, p->kv_heads);
}

static int64_t rows_of(const seqmix_attention_problem *p) {
  return gpu_times(p->query_length, p->q_heads / p->kv_heads);
}

/* ---- prefill --------------------------------------------------------------------------------- */

/* A warp has 16 or 32 rows of a tile. With 32 each number read from local memory serves twice,
 * which makes tensor cores, not local memory, what bounds it; registers for that there are up to
 * value dimension 128, and none beside terms. */
typedef struct prefill_shape {
  int32_t rows, keys, warps;
} prefill_shape;
static const prefill_shape large_shapes[] = {{128, 64, 4}, {64, 64, 4}, {64, 32, 4}};
static const prefill_shape wide_shapes[] = {{128, 64, 8}, {64, 64, 4}, {64, 32, 4}};
static const prefill_shape small_shapes[] = {{64, 64, 4}, {64, 32, 4}};

/* BLOCK_BYTES of kernels/attention/prefill_mma.cu. */
static int64_t prefill_bytes(const gpu_mma_plan *plan) {
  int64_t rows = plan->rows, keys = plan->keys, warps = plan->items / WARP_ITEMS;
  int64_t key_row = 2 * (plan->dim + ROW_GAP), value_row = 2 * (plan->value_dim + ROW_GAP);
  int64_t terms = plan->has_terms ? warps * 16 * (keys + 8) * (int64_t)sizeof(float) : 0;
  return (rows + keys) * key_row + keys * value_row + 32 * keys + 16 * rows + FACTS_BYTES + terms;
}

/* Few rows, or fewer tiles than multiprocessors: smaller tiles. */
static int is_small(const seqmix_attention_problem *p, const seqmix_device_properties *device) {
  int64_t rows = rows_of(p), tiles = gpu_times(units_of(p), gpu_divided(rows, 128));
  return rows <= 64 || tiles < device->compute_units;
}

gpu_mma_plan seqmix_gpu_prefill_mma_plan(const seqmix_attention_problem *p,
                                         const seqmix_device_properties *device) {
  gpu_mma_plan plan = start_plan(p);
  const prefill_shape *shapes = plan.value_dim > 128 ? wide_shapes : large_shapes;
  int count = sizeof large_shapes / sizeof *large_shapes;
  if (plan.has_terms || is_small(p, device)) {
    shapes = small_shapes;
    count = sizeof small_shapes / sizeof *small_shapes;
  }
  for (int i = 0; i < count && !plan.fits; i++) {
    plan.rows = shapes[i].rows;
    plan.keys = shapes[i].keys;
    plan.items = shapes[i].warps * WARP_ITEMS;
    plan.local_bytes = prefill_bytes(&plan);
    plan.fits = plan.dim && plan.value_dim && plan.local_bytes <= room_of(device);
  }
  plan.groups = gpu_times(units_of(p), gpu_divided(rows_of(p), plan.rows));
  return plan;
}
