/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report_json.h"

void json_gpus(cJSON *root) {
  cJSON *gpus = cJSON_AddObjectToObject(root, "gpus");
  for (int i = 0; i < BENCH_GPUS; i++) {
    const bench_gpu *gpu = &bench_gpus[i];
    cJSON *item = cJSON_AddObjectToObject(gpus, gpu->name);
    json_number(item, "flops", gpu->flops);
    json_number(item, "bandwidth", gpu->bandwidth);
    json_number(item, "compute_units", gpu->compute_units);
    json_number(item, "local_bytes", (double)gpu->local_bytes);
  }
}

static void add_kernel(cJSON *list, const gpu_launch_record *kernel) {
  cJSON *item = cJSON_CreateObject();
  cJSON_AddItemToArray(list, item);
  json_text(item, "kernel", kernel->kernel);
  json_text(item, "program", kernel->program);
  json_number(item, "groups", (double)kernel->groups);
  json_number(item, "items", (double)kernel->items);
  json_number(item, "launches", (double)kernel->launches);
  json_number(item, "local_bytes", (double)kernel->facts.local_bytes);
  if (kernel->facts.private_bytes)
    json_number(item, "private_bytes", (double)kernel->facts.private_bytes);
  if (kernel->facts.items_most) json_number(item, "items_most", (double)kernel->facts.items_most);
  if (kernel->compile_seconds > 0) json_number(item, "compile_seconds", kernel->compile_seconds);
}

void json_kernels(cJSON *object, const gpu_trace *kernels) {
  cJSON *list = cJSON_AddArrayToObject(object, "kernels");
  for (int32_t i = 0; i < kernels->count; i++) add_kernel(list, &kernels->records[i]);
  if (kernels->left_out) json_number(object, "launches_left_out", (double)kernels->left_out);
}

static cJSON *add_bound(cJSON *bounds, const bench_gpu *gpu, bench_cost cost) {
  bench_bound bound = gpu_bound(gpu, cost);
  cJSON *item = cJSON_AddObjectToObject(bounds, gpu->name);
  json_number(item, "seconds", bound.seconds);
  json_text(item, "bound", bound.bound);
  return item;
}

void json_bounds(cJSON *object, bench_cost cost) {
  cJSON *bounds = cJSON_AddObjectToObject(object, "bounds");
  for (int i = 0; i < BENCH_GPUS; i++) add_bound(bounds, &bench_gpus[i], cost);
}

void json_planned(cJSON *object, const bench_planned *planned) {
  json_case(object, &planned->item);
  if (planned->outcome == BENCH_SKIPPED) {
    json_outcome(object, planned->outcome, planned->message);
    return;
  }
  json_cost(object, planned->cost);
  cJSON *gpus = cJSON_AddObjectToObject(object, "gpus");
  for (int i = 0; i < BENCH_GPUS; i++) {
    const bench_plan *plan = &planned->on[i];
    cJSON *item = add_bound(gpus, &bench_gpus[i], planned->cost);
    if (plan->outcome == BENCH_SKIPPED) json_outcome(item, plan->outcome, plan->message);
    json_text(item, "variant", plan->variant);
    json_kernels(item, &plan->kernels);
  }
}
