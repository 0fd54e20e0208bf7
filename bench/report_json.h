/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of what --json writes. */
#ifndef SEQMIX_BENCH_REPORT_JSON_H
#define SEQMIX_BENCH_REPORT_JSON_H

#include <cJSON.h>

#include "bench/plans.h"

/* null for what is no number: JSON has no NaN. */
void json_number(cJSON *object, const char *name, double value);
/* "" for NULL. */
void json_text(cJSON *object, const char *name, const char *text);

void json_outcome(cJSON *object, bench_outcome outcome, const char *message);

/* Operator, name, phase, type and parameters. */
void json_case(cJSON *object, const bench_case *item);
/* What a call cannot do without. */
void json_cost(cJSON *object, bench_cost cost);

/* report_json_gpus.c: the GPUs of data sheets, by name; the kernels of a call; what it takes at
 * least on each of the GPUs, by name; and all of a planned case. */
void json_gpus(cJSON *root);
void json_kernels(cJSON *object, const gpu_trace *kernels);
void json_bounds(cJSON *object, bench_cost cost);
void json_planned(cJSON *object, const bench_planned *planned);

#endif
