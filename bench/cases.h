/* SPDX-License-Identifier: Apache-2.0 */
/* From what the command line asks for to a list of cases. */
#ifndef SEQMIX_BENCH_CASES_H
#define SEQMIX_BENCH_CASES_H

#include <stddef.h>

#include "bench/operator.h"

typedef struct case_list {
  bench_case *items;
  int count, room;
} case_list;

/* Lengths of --sweep: powers of two from `first` on, and `last`. first = 0: no sweep. */
typedef struct case_sweep {
  int64_t first, last;
} case_sweep;

/* Functions that return int give zero and a sentence in `error` (BENCH_TEXT characters). */

/* Reads "B=1,Tq=2048,..." or "attention:B=1,..." into values, defaults elsewhere, completed. */
int case_parse_shape(const char *text, bench_case *item, char *error);

/* Reads "128..8192". */
int case_parse_sweep(const char *text, case_sweep *sweep, char *error);

/* "f32" to a seqmix_dtype; 0 for what is no type of inputs. */
int32_t case_parse_dtype(const char *name, size_t length);

/* Appends the presets that `name` means: a preset, the beginning of several up to a '-', a group,
 * or "all"; of one operator with its name before a colon. */
int cases_add_presets(case_list *list, const char *name, size_t length, char *error);

/* Appends a shape given by hand. */
int cases_add_shape(case_list *list, const char *text, char *error);

/* Replaces each case by one per length, if there is a sweep, and per type. */
int cases_expand(case_list *list, const case_sweep *sweep, const int32_t *dtypes, int dtype_count,
                 char *error);

void cases_free(case_list *list);

/* "B=1,Tq=2048,...": all parameters, for people and for matching. */
void case_format(const bench_case *item, char *text, size_t room);

/* A parameter's value, by name where it is a choice; and the names of its choices, or "". */
void case_format_value(const bench_parameter *parameter, double value, char *text, size_t room);
void case_format_choices(const bench_parameter *parameter, char *text, size_t room);

/* Names the groups and presets of all operators, for --list and messages. */
void cases_describe(char *text, size_t room);

#endif
