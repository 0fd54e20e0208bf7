/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/operator.h"
#include "bench/report.h"

static const char *outcome_name(bench_outcome outcome) {
  return outcome == BENCH_MEASURED ? "measured" : outcome == BENCH_FAILED ? "failed" : "skipped";
}

static void print_row(FILE *file, const bench_result *r) {
  char shape[320];
  case_format(&r->item, shape, sizeof shape);
  fprintf(file, "%s,%s,%s,%s,%s,%d,\"%s\",%s,%s,", r->item.op->name, r->item.name, r->item.phase,
          seqmix_dtype_name(r->item.dtype), r->device, (int)r->threads, shape, r->variant,
          outcome_name(r->outcome));
  if (r->outcome != BENCH_MEASURED) {
    fputs(",,,,,,,,,,,,,,\n", file);
    return;
  }
  fprintf(file, "%.9g,%.9g,%.4g,%.6g,%.6g,%.4g,%.4g,%s,", r->time.median, r->time.best,
          r->time.spread, result_flops(r), result_bytes(r), r->fraction, r->best_fraction,
          r->ceiling.bound ? r->ceiling.bound : "");
  if (r->baseline.outcome == BENCH_MEASURED)
    fprintf(file, "%.9g,%.4g,%.4g,", r->baseline.time.median, r->baseline.time.spread,
            result_speed_up(r));
  else
    fputs(",,,", file);
  fprintf(file, "%lld,%.3g,%s,", (long long)r->check.rows, r->check.error, r->relative_to);
  if (r->relative > 0) fprintf(file, "%.4g", r->relative);
  fputc('\n', file);
}

int report_csv(const char *path, const bench_run *run, char *error) {
  FILE *file = fopen(path, "w");
  if (file) {
    fputs(
        "operator,case,phase,type,device,threads,shape,variant,outcome,seconds,best_seconds,"
        "spread,flops,bytes,fraction,best_fraction,bound,baseline_seconds,baseline_spread,"
        "speed_up,verified_rows,error_over_tolerance,relative_to,relative_speed_up\n",
        file);
    for (int i = 0; i < run->count; i++) print_row(file, &run->results[i]);
    int is_bad = ferror(file);
    if (fclose(file) == 0 && !is_bad) return 1;
  }
  snprintf(error, BENCH_TEXT, "--csv: '%.200s' cannot be written: %s", path, strerror(errno));
  return 0;
}
