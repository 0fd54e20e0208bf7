/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/operator.h"

const bench_operator *const bench_operators[] = {&attention_operator,
                                                 &linear_attention_operator,
                                                 &linear_recurrence_operator,
                                                 &selective_scan_operator,
                                                 &prefix_scan_operator,
                                                 &causal_conv1d_operator,
                                                 NULL};

const bench_operator *operator_by_name(const char *name) {
  for (int i = 0; bench_operators[i]; i++)
    if (strcmp(bench_operators[i]->name, name) == 0) return bench_operators[i];
  return NULL;
}

int operator_has_variant(const bench_operator *op, const char *variant) {
  size_t length = strlen(op->name);
  return strncmp(variant, op->name, length) == 0 && strncmp(variant + length, "__", 2) == 0;
}

double result_flops(const bench_result *result) {
  return result->time.median > 0 ? result->cost.flops / result->time.median : 0;
}

double result_bytes(const bench_result *result) {
  return result->time.median > 0 ? result->cost.bytes / result->time.median : 0;
}

double result_speed_up(const bench_result *result) {
  if (result->outcome != BENCH_MEASURED || result->baseline.outcome != BENCH_MEASURED) return 0;
  return result->time.median > 0 ? result->baseline.time.median / result->time.median : 0;
}
