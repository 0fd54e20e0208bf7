/* SPDX-License-Identifier: Apache-2.0 */
/* attention with its scores in workspace and its products by the driver's library: matrices are
 * gathered for some units at a time, or for some rows of one. Should the library fail, kernels of
 * our own do the call, and those that follow. */
#include "core/error.h"
#include "core/log.h"
#include "gpu/attention/attention.h"
#include "gpu/attention/plan.h"
#include "gpu/backend.h"
#include "kernels/attention/unfused.h"

typedef seqmix_attention_problem attention;

/* Rows and keys from which on gathering pays. */
enum { ROWS_WORTH = 64, KEYS_WORTH = 64 };

/* Keys of a product with values. */
enum { SUM_KEYS = 1024 };

int32_t seqmix_gpu_attention_gemm_accepts(const seqmix_problem *problem,
                                          const seqmix_device_properties *device) {
  return seqmix_gpu_gemm_plan((const attention *)problem, device).fits;
}

int32_t seqmix_gpu_attention_gemm_suits(const seqmix_problem *problem,
                                        const seqmix_device_properties *device) {
  const attention *p = (const attention *)problem;
  const gpu_gemm_plan plan = seqmix_gpu_gemm_plan(p, device);
  return seqmix_gpu_attention_unfused_suits(problem, device) && !device->is_processor &&
         plan.unit_blocks >= ROWS_WORTH / BLOCK_ROWS && p->key_length >= KEYS_WORTH;
}

uint64_t seqmix_gpu_attention_gemm_workspace(const seqmix_problem *problem,
                                             const seqmix_device_properties *device,
                                             int32_t workers) {
  uint64_t ours = seqmix_gpu_attention_unfused_workspace(problem, device, workers);
  uint64_t bytes = seqmix_gpu_gemm_plan((const attention *)problem, device).bytes;
  return ours > bytes ? ours : bytes;
}

/* ---- a call ---------------------------------------------------------------------------------- */

typedef struct gemm_call {
  gpu_context *context;
  void *workspace;
  const attention *p;
  gpu_gemm_plan plan;
  attention_arguments arguments; /* `first` and `count`: the blocks under way */
  gpu_arguments list;
} gemm_call;

static seqmix_status launch(const gemm_call *c, const char *text, const char *kernel,
                            int64_t count) {
  const gpu_special special = {text, {{"LANES", c->plan.lanes}, {"ITEMS", c->plan.items}}};
  return seqmix_gpu_launch(c->context, &special, kernel, count, c->plan.items, &c->list);
}

static int64_t lanes_of(const gemm_call *c, int64_t dim) { return gpu_divided(dim, c->plan.lanes); }

static gpu_matrices matrices(const gemm_call *c, int64_t first, int64_t rows, int64_t columns) {
  return (gpu_matrices){c->workspace, first, columns, rows * columns};
}

static seqmix_status multiply(const gemm_call *c, const gpu_product *product) {
  seqmix_status status = c->context->driver->multiply(c->context->device, product);
  /* What a capture cannot record is no fault of the library's. */
  if (status == SEQMIX_OK || seqmix_gpu_is_capturing(c->context)) return status;
  c->context->blas_fails = 1;
  seqmix_log(SEQMIX_LOG_WARNING, "attention: products without a library from here on: %s",
             seqmix_last_error());
  return status;
}

/* Scores of all units' blocks under way: scale Q K^T. */
static seqmix_status multiply_keys(const gemm_call *c, int64_t units) {
  const attention *p = c->p;
  int64_t rows = c->arguments.count / units * BLOCK_ROWS;
  const gpu_product product = {
      .count = units,
      .rows = rows,
      .columns = p->key_length,
      .inner = p->head_dim,
      .a = matrices(c, c->plan.rows_at, rows, p->head_dim),
      .b = matrices(c, c->plan.keys_at, p->key_length, p->head_dim),
      .c = matrices(c, 0, rows, p->key_length),
      .factor = c->arguments.scale,
      .b_is_transposed = 1,
  };
  return multiply(c, &product);
}

/* Their results: P V, a sum for some keys at a time, so that long rows keep their last digits. */
static seqmix_status multiply_values(const gemm_call *c, int64_t units) {
  const attention *p = c->p;
  int64_t rows = c->arguments.count / units * BLOCK_ROWS;
  gpu_product product = {
      .count = units,
      .rows = rows,
      .columns = p->value_dim,
      .a = matrices(c, 0, rows, p->key_length),
      .b = matrices(c, c->plan.values_at, p->key_length, p->value_dim),
      .c = matrices(c, c->plan.rows_at, rows, p->value_dim),
      .factor = 1.0f,
  };
  for (int64_t j = 0; j < p->key_length; j += SUM_KEYS) {
    product.inner = gpu_least(SUM_KEYS, p->key_length - j);
    product.is_added = j > 0;
    SEQMIX_TRY(multiply(c, &product));
    product.a.first += SUM_KEYS;
    product.b.first += SUM_KEYS * p->value_dim;
  }
  return SEQMIX_OK;
}

static seqmix_status gather_units(const gemm_call *c, int64_t units) {
  int64_t keys = units * c->p->key_length;
  SEQMIX_TRY(
      launch(c, "attention/gather", "attention_gather_keys", keys * lanes_of(c, c->p->head_dim)));
  return launch(c, "attention/gather", "attention_gather_values",
                keys * lanes_of(c, c->p->value_dim));
}

/* The last kernel is for units whose values are not all finite. */
static seqmix_status do_blocks(const gemm_call *c, int64_t units) {
  int64_t count = c->arguments.count;
  int64_t values = count * lanes_of(c, c->p->value_dim);
  SEQMIX_TRY(launch(c, "attention/gather", "attention_gather_queries",
                    count * lanes_of(c, c->p->head_dim)));
  SEQMIX_TRY(multiply_keys(c, units));
  SEQMIX_TRY(
      launch(c, "attention/unfused", "attention_softmax", count * BLOCK_ROWS * c->plan.items));
  SEQMIX_TRY(multiply_values(c, units));
  SEQMIX_TRY(launch(c, "attention/gather", "attention_scatter_results", values));
  return launch(c, "attention/unfused", "attention_values", values);
}

/* Some whole units, or one of them in parts. */
static seqmix_status do_units(gemm_call *c, int64_t first, int64_t units) {
  const gpu_gemm_plan *plan = &c->plan;
  c->arguments.first = first * plan->unit_blocks;
  c->arguments.count = units * plan->unit_blocks;
  SEQMIX_TRY(gather_units(c, units));
  for (int64_t block = 0; block < plan->unit_blocks; block += plan->step_blocks) {
    c->arguments.first = first * plan->unit_blocks + block;
    c->arguments.count = units * gpu_least(plan->step_blocks, plan->unit_blocks - block);
    SEQMIX_TRY(do_blocks(c, units));
  }
  return SEQMIX_OK;
}

static seqmix_status run(const seqmix_call *call, const attention *p) {
  gpu_context *context = call->device;
  gemm_call c = {
      .context = context,
      .workspace = call->workspace,
      .p = p,
      .plan = seqmix_gpu_gemm_plan(p, &context->properties),
      .arguments = seqmix_gpu_attention_arguments(p),
  };
  c.arguments.rows_at = c.plan.rows_at;
  c.arguments.keys_at = c.plan.keys_at;
  c.arguments.values_at = c.plan.values_at;
  c.arguments.flags_at = c.plan.flags_at;
  c.list = seqmix_gpu_pass_attention(call, p, &c.arguments);
  if (c.plan.unit_blocks == 0) return SEQMIX_OK;
  for (int64_t first = 0; first < c.plan.units; first += c.plan.step_units)
    SEQMIX_TRY(do_units(&c, first, gpu_least(c.plan.step_units, c.plan.units - first)));
  return SEQMIX_OK;
}

seqmix_status seqmix_gpu_attention_gemm(const seqmix_call *call, const seqmix_problem *problem) {
  const gpu_context *context = call->device;
  if (!context->blas_fails) {
    seqmix_status status = run(call, (const attention *)problem);
    if (!context->blas_fails) return status;
  }
  return seqmix_gpu_attention_unfused(call, problem);
}
