/* SPDX-License-Identifier: Apache-2.0 */
/* What a GPU is given, and what it could do at best: lines below a case. */
#include <string.h>

#include "bench/cases.h"
#include "bench/operator.h"
#include "bench/report.h"

static void print_kernel(FILE *file, const gpu_launch_record *k) {
  fprintf(file, "    %-20s %7llu x %-4llu items %6llu B local, launched %lldx", k->kernel,
          (unsigned long long)k->groups, (unsigned long long)k->items,
          (unsigned long long)k->facts.local_bytes, (long long)k->launches);
  if (k->facts.private_bytes)
    fprintf(file, ", %llu B private", (unsigned long long)k->facts.private_bytes);
  if (k->compile_seconds > 0) fprintf(file, ", compiled in %.2f s", k->compile_seconds);
  fprintf(file, "; %s\n", k->program);
}

static void print_kernels(FILE *file, const gpu_trace *kernels) {
  for (int32_t i = 0; i < kernels->count; i++) print_kernel(file, &kernels->records[i]);
  if (kernels->left_out)
    fprintf(file, "    and %lld launches more\n", (long long)kernels->left_out);
}

static void print_bound(FILE *file, const bench_gpu *gpu, bench_cost cost) {
  char time[32];
  bench_bound bound = gpu_bound(gpu, cost);
  report_seconds(bound.seconds, time, sizeof time);
  fprintf(file, "%s %s by %s", gpu->name, time, bound.bound);
}

static void print_work(FILE *file, bench_cost cost) {
  fprintf(file, "%.4g GFLOP, %.4g MB, %.3g FLOP/B", cost.flops * 1e-9, cost.bytes * 1e-6,
          cost.flops / cost.bytes);
}

void report_kernels(FILE *file, const bench_result *result) {
  if (!result->kernels.count) return;
  fputs("  a call: ", file);
  print_work(file, result->cost);
  fputc('\n', file);
  print_kernels(file, &result->kernels);
  fputs("  at least:", file);
  for (int i = 0; i < BENCH_GPUS; i++) {
    fputs(i ? ", " : " ", file);
    print_bound(file, &bench_gpus[i], result->cost);
  }
  fputc('\n', file);
}

void report_planned(FILE *file, const bench_planned *planned) {
  char shape[320];
  case_format(&planned->item, shape, sizeof shape);
  fprintf(file, "%s %s: %s:%s\n", planned->item.name, seqmix_dtype_name(planned->item.dtype),
          planned->item.op->name, shape);
  if (planned->outcome == BENCH_SKIPPED) {
    fprintf(file, "  skipped: %s\n", planned->message);
    return;
  }
  fputs("  a call: ", file);
  print_work(file, planned->cost);
  fputc('\n', file);
  for (int i = 0; i < BENCH_GPUS; i++) {
    const bench_plan *plan = &planned->on[i];
    fputs("  at least ", file);
    print_bound(file, &bench_gpus[i], planned->cost);
    fprintf(file, "; %s\n", plan->outcome == BENCH_SKIPPED ? plan->message : plan->variant);
    print_kernels(file, &plan->kernels);
  }
}
