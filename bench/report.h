/* SPDX-License-Identifier: Apache-2.0 */
/* Results for people and for programs. */
#ifndef SEQMIX_BENCH_REPORT_H
#define SEQMIX_BENCH_REPORT_H

#include <stdio.h>

#include "bench/ceilings.h"
#include "bench/compare.h"
#include "bench/measure.h"
#include "bench/plans.h"

/* All of a run. */
typedef struct bench_run {
  bench_protocol protocol;
  double load;                /* of the machine before the run */
  machine_ceilings *ceilings; /* per number of threads */
  int ceiling_count;
  bench_result *results;
  int count;
  bench_planned *planned; /* instead of results */
  int planned_count;
} bench_run;

/* "1.234 ms" in at most 10 characters. */
void report_seconds(double seconds, char *text, size_t room);

void report_ceilings(FILE *file, const machine_ceilings *all);
/* With a column of times as fast as the device `relative_to`; NULL: without. */
void report_table_head(FILE *file, const char *relative_to);
void report_table_row(FILE *file, const bench_result *result);
/* Lines below a row: the kernels of a call, and what some GPUs could do at best. Nothing of other
 * devices than GPUs. */
void report_kernels(FILE *file, const bench_result *result);
void report_planned(FILE *file, const bench_planned *planned);
void report_comparison(FILE *file, const bench_comparison *pairs, int count);

/* Write a file; zero and a sentence in `error` if that fails. */
int report_json(const char *path, const bench_run *run, char *error);
int report_csv(const char *path, const bench_run *run, char *error);

/* Reads what report_json() wrote into `*records`, to be freed. Warns if that was elsewhere. */
int report_read_json(const char *path, bench_record **records, int *count, char *error);

/* A bar on the last line of a terminal; nothing where standard error is none. */
typedef struct progress_bar {
  int is_shown;
  int done, count;
  const char *name, *dtype;
} progress_bar;

progress_bar progress_begin(int count);
void progress_case(progress_bar *bar, int done, const bench_case *item);
/* A run_watcher whose user is the bar. */
void progress_step(void *user, const char *step);
void progress_clear(const progress_bar *bar);

#endif
