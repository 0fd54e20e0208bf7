/* SPDX-License-Identifier: Apache-2.0 */
/* seqmix-bench: how fast the library is, measured against what the machine can do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine.h"
#include "bench/operator.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/series.h"

enum { EXIT_GOOD = 0, EXIT_CASE_FAILED = 1, EXIT_USAGE = 2, EXIT_SLOWER = 3 };

static int complain(int status, const char *error) {
  fprintf(stderr, "seqmix-bench: %s\n", error);
  return status;
}

/* ---- lists --------------------------------------------------------------------------------- */

static void print_presets(const bench_operator *op) {
  for (int i = 0; i < op->preset_count; i++) {
    bench_case item = {.op = op};
    char shape[320], error[BENCH_TEXT];
    memcpy(item.values, op->presets[i].values, sizeof item.values);
    op->complete(item.values, error);
    case_format(&item, shape, sizeof shape);
    printf("  %-8s %-26s %-8s %s\n", op->presets[i].group, op->presets[i].name,
           op->presets[i].phase, shape);
  }
}

static void print_parameter(const bench_parameter *p) {
  char standard[32], choices[256];
  case_format_value(p, p->standard, standard, sizeof standard);
  case_format_choices(p, choices, sizeof choices);
  printf("  %-10s %-8s %s%s%s\n", p->name, standard, p->meaning, *choices ? ": " : "", choices);
}

static int print_lists(void) {
  for (int i = 0; bench_operators[i]; i++) {
    const bench_operator *op = bench_operators[i];
    printf("%s%s: presets by group\n", i ? "\n" : "", op->name);
    print_presets(op);
    printf("\n%s: what makes a --shape\n", op->name);
    for (int p = 0; p < op->parameter_count; p++) print_parameter(&op->parameters[p]);
    printf("\n%s: the baseline is %s\n", op->name, op->baseline->what);
  }
  return EXIT_GOOD;
}

/* Half a process is what is left of a build some time ago. */
static void warn_of_load(double load) {
  if (load > 0.5)
    fprintf(
        stderr,
        "seqmix-bench: warning: the load average is %.1f; what else runs takes time from what is "
        "measured\n",
        load);
}

/* ---- afterwards ---------------------------------------------------------------------------- */

/* Returns the exit status. */
static int compare_with(const bench_record *before, int before_count, const bench_run *run) {
  bench_record *after = calloc((size_t)run->count + 1, sizeof *after);
  bench_comparison *pairs = calloc((size_t)run->count + 1, sizeof *pairs);
  int measured = 0, count = 0, status = EXIT_GOOD;
  for (int i = 0; after && i < run->count; i++)
    if (run->results[i].outcome == BENCH_MEASURED)
      after[measured++] = compare_record_of(&run->results[i]);
  if (after && pairs) count = compare_runs(before, before_count, after, measured, pairs);
  if (count) report_comparison(stdout, pairs, count);
  printf("%d of %d cases compared\n", count, measured);
  if (measured && !count) status = complain(EXIT_USAGE, "--compare: no case is in both runs");
  for (int i = 0; i < count; i++)
    if (pairs[i].verdict == VERDICT_SLOWER) status = EXIT_SLOWER;
  free(after);
  free(pairs);
  return status;
}

static int any_failed(const bench_run *run) {
  for (int i = 0; i < run->count; i++)
    if (run->results[i].outcome == BENCH_FAILED || run->results[i].baseline.outcome == BENCH_FAILED)
      return 1;
  return 0;
}

/* Minutes later is too late to learn that a result has nowhere to go. */
static int can_write(const char *option, const char *path) {
  if (!path) return 1;
  FILE *file = fopen(path, "a");
  if (file) return fclose(file) == 0;
  fprintf(stderr, "seqmix-bench: %s: cannot write %s: %s\n", option, path, strerror(errno));
  return 0;
}

/* Nothing is timed: what the cases would be on GPUs that are not here. */
static int plan_all(const bench_options *options, bench_run *run, char *error) {
  bench_planner planner;
  int done = planner_open(&planner, options->variant, error);
  for (int i = 0; done && i < options->cases.count; i++) {
    bench_planned *planned = &run->planned[run->planned_count++];
    planner_plan(&planner, &options->cases.items[i], planned);
    report_planned(stdout, planned);
  }
  planner_close(&planner);
  return done;
}

static int plan(const bench_options *options) {
  char error[BENCH_TEXT];
  bench_run run = {.load = machine_load()};
  int status = EXIT_GOOD;
  if (!can_write("--json", options->json)) return EXIT_USAGE;
  run.planned = calloc((size_t)options->cases.count + 1, sizeof *run.planned);
  if (!run.planned)
    status = complain(EXIT_CASE_FAILED, "not enough memory");
  else if (!plan_all(options, &run, error) ||
           (options->json && !report_json(options->json, &run, error)))
    status = complain(EXIT_USAGE, error);
  free(run.planned);
  return status;
}

static int bench(const bench_options *options, const bench_record *before, int before_count) {
  char error[BENCH_TEXT];
  int stations = options->device_count * options->thread_count;
  bench_run run = {.protocol = options->protocol, .load = machine_load()};
  warn_of_load(run.load);
  if (!can_write("--json", options->json) || !can_write("--csv", options->csv)) return EXIT_USAGE;
  run.results = calloc((size_t)(stations * options->cases.count) + 1, sizeof *run.results);
  run.ceilings = calloc((size_t)stations, sizeof *run.ceilings);
  int status = EXIT_GOOD;
  if (!run.results || !run.ceilings)
    status = complain(EXIT_CASE_FAILED, "not enough memory");
  else if (!series_run(options, &run, error))
    status = complain(EXIT_USAGE, error);
  if (!status && options->json && !report_json(options->json, &run, error))
    status = complain(EXIT_USAGE, error);
  if (!status && options->csv && !report_csv(options->csv, &run, error))
    status = complain(EXIT_USAGE, error);
  if (!status && options->compare) status = compare_with(before, before_count, &run);
  if (any_failed(&run)) status = EXIT_CASE_FAILED;
  free(run.results);
  free(run.ceilings);
  return status;
}

int main(int count, char **arguments) {
  bench_options options;
  char error[BENCH_TEXT];
  bench_record *before = NULL;
  int before_count = 0, status = EXIT_GOOD;
  int understood = options_parse(count, arguments, &options, error);
  /* What it is compared with is read first: minutes later is too late for a mistyped name. */
  if (understood && options.compare)
    understood = report_read_json(options.compare, &before, &before_count, error);
  if (!understood)
    status = complain(EXIT_USAGE, error);
  else if (options.action == ACTION_HELP)
    options_print_help(stdout);
  else if (options.action == ACTION_VERSION)
    printf("seqmix-bench %s\n", seqmix_version());
  else if (options.action == ACTION_LIST)
    status = print_lists();
  else if (options.action == ACTION_GPUS)
    status = plan(&options);
  else
    status = bench(&options, before, before_count);
  free(before);
  options_free(&options);
  return status;
}
