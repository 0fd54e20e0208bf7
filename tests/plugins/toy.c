/* SPDX-License-Identifier: Apache-2.0 */
/* A whole backend from outside: one device, "toy", that computes plain f32 attention by the
 * letter, on dense tensors and without any option. It sees nothing of seqmix but this header, as
 * it is installed. With another TOY_FACTOR its results are wrong. */
#include <math.h>
#include <seqmix/backend.h>
#include <string.h>

#ifndef TOY_FACTOR
#define TOY_FACTOR 1
#endif

static const seqmix_host *host;
static int open_devices;

static int32_t count_devices(void) { return 1; }

static seqmix_status describe(int32_t index, seqmix_device_properties *properties) {
  static const char text[] = "a toy from a plug-in";
  if (index != 0) return host->fail(SEQMIX_ERROR_NO_DEVICE, "toy: there is no device %d", index);
  memcpy(properties->description, text, sizeof text);
  properties->memory = SEQMIX_MEMORY_HOST;
  properties->compute_units = 1;
  return SEQMIX_OK;
}

static seqmix_status open_device(int32_t index, void *queue, void **device) {
  (void)queue;
  (void)index;
  open_devices++;
  *device = &open_devices;
  host->log(4, "toy: opened");
  return SEQMIX_OK;
}

static void close_device(void *device) { --*(int *)device; }

static int is_dense(const seqmix_view *view, int64_t time, int64_t heads, int64_t width) {
  return view->stride[3] == 1 && view->stride[2] == width && view->stride[1] == heads * width &&
         view->stride[0] == time * heads * width;
}

/* Axes of length 1 may have any stride; this toy wants them dense all the same, and so asks for
 * at least two of everything. */
static int32_t accepts(const seqmix_problem *problem, const seqmix_device_properties *device) {
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  (void)device;
  if (p->sequences < 2 || p->query_length < 2 || p->key_length < 2 || p->q_heads < 2) return 0;
  return p->q_heads == p->kv_heads && p->head_dim > 1 && p->value_dim > 1 &&
         is_dense(&p->q, p->query_length, p->q_heads, p->head_dim) &&
         is_dense(&p->k, p->key_length, p->q_heads, p->head_dim) &&
         is_dense(&p->v, p->key_length, p->q_heads, p->value_dim) &&
         is_dense(&p->out, p->query_length, p->q_heads, p->value_dim);
}

/* A row of weights for each body. */
static uint64_t workspace(const seqmix_problem *problem, const seqmix_device_properties *device,
                          int32_t workers) {
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  (void)device;
  return (uint64_t)p->key_length * (uint64_t)workers * sizeof(double);
}

typedef struct job {
  const seqmix_attention_problem *p;
  double *weights;
  int32_t count;
} job;

static const float *row(const seqmix_view *view, int64_t n, int64_t t, int64_t h) {
  return (const float *)view->data + n * view->stride[0] + t * view->stride[1] +
         h * view->stride[2];
}

/* out[i] = sum_j p[i,j] v[j], p the softmax over j of scale * q[i].k[j]. */
static void attend(const seqmix_attention_problem *p, int64_t n, int64_t i, int64_t h,
                   double *weights) {
  float *out =
      (float *)p->out.data + n * p->out.stride[0] + i * p->out.stride[1] + h * p->out.stride[2];
  double largest = -INFINITY, total = 0;
  for (int64_t j = 0; j < p->key_length; j++) {
    double score = 0;
    for (int64_t d = 0; d < p->head_dim; d++) {
      score += (double)row(&p->q, n, i, h)[d] * row(&p->k, n, j, h)[d];
    }
    weights[j] = score * p->scale;
    if (weights[j] > largest) largest = weights[j];
  }
  for (int64_t j = 0; j < p->key_length; j++) {
    weights[j] = exp(weights[j] - largest);
    total += weights[j];
  }
  for (int64_t d = 0; d < p->value_dim; d++) {
    double sum = 0;
    for (int64_t j = 0; j < p->key_length; j++) sum += weights[j] * row(&p->v, n, j, h)[d];
    out[d] = (float)(TOY_FACTOR * sum / total);
  }
}

static void attend_part(void *arg, int32_t index) {
  const job *work = arg;
  const seqmix_attention_problem *p = work->p;
  int64_t rows = p->sequences * p->query_length * p->q_heads;
  for (int64_t r = index; r < rows; r += work->count) {
    int64_t h = r % p->q_heads, i = r / p->q_heads % p->query_length;
    attend(p, r / p->q_heads / p->query_length, i, h, work->weights + index * p->key_length);
  }
}

static seqmix_status run(const seqmix_call *call, const seqmix_problem *problem) {
  job work = {(const seqmix_attention_problem *)problem, call->workspace, call->workers};
  call->parallel_for(call->runner, work.count, attend_part, &work);
  return SEQMIX_OK;
}

static const seqmix_variant variants[] = {
    {.name = "attention__f32_toy_loops",
     .op = SEQMIX_OP_ATTENTION,
     .dtypes = SEQMIX_DTYPE_BIT(SEQMIX_F32),
     .accepts = accepts,
     .workspace = workspace,
     .run = run},
};

static const seqmix_backend backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "toy",
    .variants = variants,
    .variant_count = 1,
    .device_count = count_devices,
    .device_properties = describe,
    .open = open_device,
    .close = close_device,
};

__attribute__((visibility("default"))) const seqmix_backend *
SEQMIX_PLUGIN_ENTRY(uint32_t abi, const seqmix_host *services) {
  if (abi != SEQMIX_BACKEND_ABI) return NULL;
  host = services;
  return &backend;
}
