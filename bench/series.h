/* SPDX-License-Identifier: Apache-2.0 */
/* All cases on all devices, in turns. */
#ifndef SEQMIX_BENCH_SERIES_H
#define SEQMIX_BENCH_SERIES_H

#include "bench/options.h"
#include "bench/report.h"

/* Appends to run->results and run->ceilings, which have room for a result per case, device and
 * number of threads, and prints the table. Zero and a sentence in `error` (BENCH_TEXT characters)
 * if a device cannot be opened. */
int series_run(const bench_options *options, bench_run *run, char *error);

#endif
