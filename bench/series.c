/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/series.h"

#include <stdio.h>
#include <string.h>

#include "bench/machine.h"
#include "bench/run.h"

/* The devices with one number of threads; a case is done on each of them before the next, so that
 * what a machine does in between falls on all alike. */
typedef struct bench_group {
  const bench_options *options;
  bench_station stations[MOST_DEVICES];
  int count;
} bench_group;

static void print_machine(const bench_station *station) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) == SEQMIX_OK && strcmp(info.name, station->device) == 0)
      printf("%s: %s; seqmix %s, %s, %s\n", station->device, info.description, seqmix_version(),
             machine_compiler(), BENCH_BUILD_TYPE);
  }
}

/* The ceilings of a number of threads are measured once; other devices may share them. */
static void note_ceilings(bench_run *run, const bench_station *station) {
  for (int i = 0; i < run->ceiling_count; i++)
    if (run->ceilings[i].threads == station->threads) return;
  if (!station->ceilings) return;
  run->ceilings[run->ceiling_count] = ceilings_measure(station->ceilings);
  report_ceilings(stdout, &run->ceilings[run->ceiling_count++]);
}

static int open_group(bench_group *group, const bench_options *options, int32_t threads,
                      char *error) {
  *group = (bench_group){.options = options};
  for (; group->count < options->device_count; group->count++)
    if (!station_open(&group->stations[group->count], options->devices[group->count], threads,
                      options->variant, error))
      return 0;
  return 1;
}

static void close_group(bench_group *group) {
  for (int i = 0; i < group->count; i++) station_close(&group->stations[i]);
}

/* ---- one case ------------------------------------------------------------------------------ */

static void compare_with_first(bench_result *result, const bench_result *first) {
  snprintf(result->relative_to, sizeof result->relative_to, "%s", first->device);
  if (result->outcome == BENCH_MEASURED && first->outcome == BENCH_MEASURED)
    result->relative = first->time.median / result->time.median;
}

static void run_everywhere(const bench_group *group, const bench_case *item, progress_bar *bar,
                           bench_run *run) {
  const bench_options *options = group->options;
  const bench_result *first = &run->results[run->count];
  for (int i = 0; i < group->count; i++) {
    fflush(stdout);
    progress_case(bar, run->count, item);
    bench_result *result = &run->results[run->count++];
    *result = run_case(&group->stations[i], item, &options->protocol, options->baseline,
                       progress_step, bar);
    if (group->count > 1) compare_with_first(result, first);
    progress_clear(bar);
    report_table_row(stdout, result);
    report_kernels(stdout, result);
  }
}

static void run_group(const bench_group *group, progress_bar *bar, bench_run *run) {
  const case_list *cases = &group->options->cases;
  for (int i = 0; i < group->count; i++) {
    print_machine(&group->stations[i]);
    note_ceilings(run, &group->stations[i]);
  }
  if (cases->count) report_table_head(stdout, group->count > 1 ? group->stations[0].device : NULL);
  for (int i = 0; i < cases->count; i++) run_everywhere(group, &cases->items[i], bar, run);
}

int series_run(const bench_options *options, bench_run *run, char *error) {
  int stations = options->device_count * options->thread_count, done = 1;
  progress_bar bar = progress_begin(stations * options->cases.count);
  for (int i = 0; done && i < options->thread_count; i++) {
    bench_group group;
    if (i) printf("\n");
    done = open_group(&group, options, options->threads[i], error);
    if (done) run_group(&group, &bar, run);
    close_group(&group);
  }
  return done;
}
