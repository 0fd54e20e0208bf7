/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/plans.h"

#include <stdio.h>

#include "bench/paper.h"

static int open_gpu(bench_planner *planner, int gpu, const char *variant, char *error) {
  seqmix_device_properties properties = {.struct_size = sizeof properties};
  gpu_describe(&bench_gpus[gpu], &properties);
  seqmix_context *context = planner->contexts[gpu] = gpu_on_paper(&properties, error);
  if (!context) return 0;
  if (!variant || seqmix_context_set_variant(context, variant) == SEQMIX_OK) return 1;
  snprintf(error, BENCH_TEXT, "--variant: %s", seqmix_last_error());
  return 0;
}

int planner_open(bench_planner *planner, const char *variant, char *error) {
  *planner = (bench_planner){.world = {.is_paper = 1}};
  for (int i = 0; i < BENCH_GPUS; i++)
    if (!open_gpu(planner, i, variant, error)) return 0;
  return 1;
}

void planner_close(bench_planner *planner) {
  for (int i = 0; i < BENCH_GPUS; i++) seqmix_context_destroy(planner->contexts[i]);
}

/* Nothing was compiled, and there is no driver that could say something. */
static void complete(gpu_launch_record *record) {
  record->compile_seconds = 0;
  record->facts.local_bytes = paper_local_bytes(record->kernel, record->program);
}

static void plan_on(bench_planner *planner, int gpu, const bench_operator *op, void *instance,
                    bench_plan *plan) {
  seqmix_context *context = planner->world.context = planner->contexts[gpu];
  kernels_trace(context, &plan->kernels);
  int done = op->run(instance, 0) == SEQMIX_OK && seqmix_synchronize(context) == SEQMIX_OK;
  kernels_trace(context, NULL);
  if (!done) {
    plan->outcome = BENCH_SKIPPED;
    snprintf(plan->message, sizeof plan->message, "%s", seqmix_last_error());
    return;
  }
  snprintf(plan->variant, sizeof plan->variant, "%s", seqmix_context_chosen_variant(context));
  for (int32_t i = 0; i < plan->kernels.count; i++) complete(&plan->kernels.records[i]);
}

void planner_plan(bench_planner *planner, const bench_case *item, bench_planned *planned) {
  *planned = (bench_planned){.item = *item};
  planner->world.context = planner->contexts[0];
  void *instance = item->op->open(item, &planner->world, planned->message);
  if (!instance) {
    planned->outcome = BENCH_SKIPPED;
    return;
  }
  planned->cost = item->op->cost(instance);
  for (int i = 0; i < BENCH_GPUS; i++) plan_on(planner, i, item->op, instance, &planned->on[i]);
  item->op->close(instance);
}
