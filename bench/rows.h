/* SPDX-License-Identifier: Apache-2.0 */
/* A sample of an output's rows, compared with what the device `reference` makes of them. */
#ifndef SEQMIX_BENCH_ROWS_H
#define SEQMIX_BENCH_ROWS_H

#include "bench/bench.h"

/* At least so many rows are compared, if there are as many. */
#define ROWS_LEAST 64

typedef struct bench_rows {
  int64_t count, width; /* how many, and elements of each */
  int64_t *row;         /* their numbers in the output */
  float *expected;      /* count * width */
} bench_rows;

/* Room for `room` rows; zero and a sentence in `error` (BENCH_TEXT characters) without memory. */
int rows_allocate(bench_rows *rows, int64_t room, int64_t width, char *error);
void rows_free(bench_rows *rows);

/* Item `i` of `count` spread over 0 .. all-1, both ends included. */
int64_t rows_spread(int64_t i, int64_t count, int64_t all);

/* Compares a whole output of `out_type` on the host with the expected rows, by the bounds of an
 * operator called with inputs of `type`. */
bench_check rows_compare(const bench_rows *rows, int32_t op, int32_t type, const void *out,
                         int32_t out_type);

/* Of two types, the one that holds fewer digits bounds what a number can be compared by. */
int32_t rows_coarser(int32_t a, int32_t b);

/* Two comparisons as one: the rows of the first, the worse error. */
bench_check rows_worse(bench_check check, bench_check other);

#endif
