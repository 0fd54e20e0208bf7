/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef SEQMIX_BENCH_OPTIONS_H
#define SEQMIX_BENCH_OPTIONS_H

#include <stdio.h>

#include "bench/cases.h"
#include "bench/measure.h"

enum { MOST_DEVICES = 16, MOST_THREAD_COUNTS = 32, MOST_DTYPES = 3 };

typedef enum bench_action {
  ACTION_RUN,
  ACTION_HELP,
  ACTION_LIST,
  ACTION_VERSION,
  ACTION_CEILINGS, /* alone, without cases */
  ACTION_GPUS      /* what the cases would be on GPUs that are not here */
} bench_action;

typedef struct bench_options {
  bench_action action;
  case_list cases; /* of every type and length asked for */
  char devices[MOST_DEVICES][BENCH_NAME];
  int device_count;
  int32_t threads[MOST_THREAD_COUNTS]; /* 0: the library's own choice */
  int thread_count;
  const char *variant; /* NULL: the library's own choice */
  int ceilings;        /* print them all first */
  int gpus;            /* time nothing */
  int baseline;
  bench_protocol protocol;
  const char *json, *csv, *compare; /* files, or NULL */
} bench_options;

/* Reads the arguments; they must outlive the options. Zero and a sentence in `error` (BENCH_TEXT
 * characters) for what cannot be understood. options_free() in either case. */
int options_parse(int count, char **arguments, bench_options *options, char *error);
void options_free(bench_options *options);

void options_print_help(FILE *file);

#endif
