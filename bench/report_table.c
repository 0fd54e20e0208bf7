/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/report.h"

void report_seconds(double seconds, char *text, size_t room) {
  static const struct {
    double unit;
    const char *name;
  } units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  int i = 0;
  while (i < 3 && seconds < units[i].unit) i++;
  double number = seconds / units[i].unit;
  snprintf(text, room, "%.*f %s", number < 10 ? 2 : number < 100 ? 1 : 0, number, units[i].name);
}

void report_ceilings(FILE *file, const machine_ceilings *all) {
  fprintf(file, "ceilings with %d thread%s:", (int)all->threads, all->threads > 1 ? "s" : "");
  for (int i = 0; i < all->levels; i++)
    fprintf(file, " %s %.1f GFLOP/s,", all->level[i], all->multiply_add[i] * 1e-9);
  if (all->bf16_dot > 0) fprintf(file, " bf16 dot %.1f GFLOP/s,", all->bf16_dot * 1e-9);
  fprintf(file, " read %.1f GB/s, copy %.1f GB/s, copy_add %.1f GB/s, update %.1f GB/s\n",
          all->read * 1e-9, all->copy * 1e-9, all->copy_add * 1e-9, all->update * 1e-9);
}

void report_table_head(FILE *file, const char *relative_to) {
  char relative[BENCH_NAME + 8];
  fprintf(file, "%-30s %-5s %-9s %3s %10s %6s %9s %8s %11s %6s %11s %8s", "case", "type", "device",
          "thr", "time", "spread", "GFLOP/s", "GB/s", "of ceiling", "best", "baseline", "speed-up");
  snprintf(relative, sizeof relative, "x %s", relative_to ? relative_to : "");
  if (relative_to) fprintf(file, " %10s", relative);
  fputs(" verified\n", file);
}

static void print_relative(FILE *file, const bench_result *result) {
  char text[32] = "-";
  if (result->relative > 0) snprintf(text, sizeof text, "%.3gx", result->relative);
  if (*result->relative_to) fprintf(file, " %10s", text);
}

static void print_baseline(FILE *file, const bench_result *result) {
  char text[32];
  if (result->baseline.outcome != BENCH_MEASURED) {
    fprintf(file, " %11s %8s", result->baseline.outcome == BENCH_FAILED ? "FAILED" : "-", "-");
    return;
  }
  report_seconds(result->baseline.time.median, text, sizeof text);
  fprintf(file, " %11s %7.2fx", text, result_speed_up(result));
}

/* Why a baseline is missing, unless nobody wanted it. */
static void print_why(FILE *file, const bench_result *result) {
  const bench_baseline *baseline = &result->baseline;
  if (baseline->outcome != BENCH_MEASURED && strcmp(baseline->message, "not asked for") != 0)
    fprintf(file, "; baseline: %s", baseline->message);
}

static const char *bound_text(const bench_ceiling *ceiling) {
  static const char *const texts[][2] = {{"read", "mem"},
                                         {"update", "upd"},
                                         {"copy", "cpy"},
                                         {"copy_add", "add"},
                                         {"data sheet", "mem"}};
  for (int i = 0; strcmp(ceiling->bound, "memory") == 0 && i < 5; i++)
    if (strcmp(ceiling->bandwidth_name, texts[i][0]) == 0) return texts[i][1];
  return "fma";
}

void report_table_row(FILE *file, const bench_result *result) {
  char time[32], fraction[32] = "-", best[16] = "-";
  fprintf(file, "%-30s %-5s %-9s %3d", result->item.name, seqmix_dtype_name(result->item.dtype),
          result->device, (int)result->threads);
  if (result->outcome != BENCH_MEASURED) {
    fprintf(file, " %s: %s\n", result->outcome == BENCH_FAILED ? "FAILED" : "skipped",
            result->message);
    return;
  }
  report_seconds(result->time.median, time, sizeof time);
  if (result->fraction > 0) {
    snprintf(fraction, sizeof fraction, "%.1f%% %s", 100 * result->fraction,
             bound_text(&result->ceiling));
    snprintf(best, sizeof best, "%.1f%%", 100 * result->best_fraction);
  }
  fprintf(file, " %10s %5.1f%% %9.1f %8.2f %11s %6s", time, 100 * result->time.spread,
          result_flops(result) * 1e-9, result_bytes(result) * 1e-9, fraction, best);
  print_baseline(file, result);
  print_relative(file, result);
  fprintf(file, " %lld rows", (long long)result->check.rows);
  if (result->cost.state_updates > 0)
    fprintf(file, "; %.2f G state updates/s",
            result->cost.state_updates / result->time.median * 1e-9);
  print_why(file, result);
  fputc('\n', file);
}

void report_comparison(FILE *file, const bench_comparison *pairs, int count) {
  fprintf(file, "\n%-30s %-5s %10s %10s %10s %14s %7s  %s\n", "compared with before", "type",
          "before", "after", "by time", "by ceiling", "noise", "verdict");
  for (int i = 0; i < count; i++) {
    const bench_comparison *p = &pairs[i];
    char before[32], after[32], fraction[32] = "-";
    report_seconds(p->before->time, before, sizeof before);
    report_seconds(p->after->time, after, sizeof after);
    if (p->by_fraction > 0) snprintf(fraction, sizeof fraction, "%.3fx", p->by_fraction);
    fprintf(file, "%-30s %-5s %10s %10s %9.3fx %14s %6.1f%%  %s\n", p->after->name, p->after->dtype,
            before, after, p->by_time, fraction, 100 * p->noise, compare_verdict_name(p->verdict));
  }
}
