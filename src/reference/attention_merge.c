/* SPDX-License-Identifier: Apache-2.0 */
/* attention_merge: lse = log(sum_n exp(lse_n) + exp(sink)), out = sum_n exp(lse_n - lse) out_n. */
#include <math.h>

#include "core/element.h"
#include "core/work.h"
#include "reference/reference.h"

static double part_lse(const seqmix_attention_merge_problem *p, int64_t part, int64_t n, int64_t h,
                       int64_t t) {
  int64_t at = part * p->lses_part_stride + n * p->lses.stride[0] + h * p->lses.stride[1] +
               t * p->lses.stride[2];
  return ((const float *)p->lses.data)[at];
}

static double merged_lse(const seqmix_attention_merge_problem *p, int64_t n, int64_t h, int64_t t) {
  double sink = p->sinks.dtype ? seqmix_load(p->sinks.data, p->sinks.dtype, h * p->sinks.stride[0])
                               : -INFINITY;
  double largest = sink, sum = 0;
  for (int64_t part = 0; part < p->parts; part++) {
    double lse = part_lse(p, part, n, h, t);
    if (isnan(lse)) return NAN;
    if (lse > largest) largest = lse;
  }
  if (largest == -INFINITY || isnan(largest)) return largest;
  for (int64_t part = 0; part < p->parts; part++) sum += exp(part_lse(p, part, n, h, t) - largest);
  return largest + log(sum + exp(sink - largest));
}

static void merge_row(const seqmix_attention_merge_problem *p, int64_t n, int64_t t, int64_t h) {
  double lse = merged_lse(p, n, h, t);
  int64_t row = n * p->out.stride[0] + t * p->out.stride[1] + h * p->out.stride[2];
  for (int64_t d = 0; d < p->value_dim; d++) {
    double sum = isnan(lse) ? NAN : 0;
    for (int64_t part = 0; part < p->parts; part++) {
      double weight = part_lse(p, part, n, h, t);
      /* A part without keys counts for nothing, whatever its out holds. */
      if (weight == -INFINITY) continue;
      int64_t at = part * p->outs_part_stride + n * p->outs.stride[0] + t * p->outs.stride[1] +
                   h * p->outs.stride[2] + d;
      sum += exp(weight - lse) * (double)seqmix_load(p->outs.data, p->outs.dtype, at);
    }
    seqmix_store(p->out.data, p->out.dtype, row + d, (float)sum);
  }
  if (p->lse.dtype)
    ((float *)p->lse.data)[n * p->lse.stride[0] + h * p->lse.stride[1] + t * p->lse.stride[2]] =
        (float)lse;
}

static void merge_time(void *arg, int64_t task, int32_t worker) {
  const seqmix_attention_merge_problem *p = *(const seqmix_attention_merge_problem **)arg;
  (void)worker;
  for (int64_t h = 0; h < p->heads; h++) merge_row(p, task / p->time, task % p->time, h);
}

seqmix_status attention_merge__any_reference_literal(const seqmix_call *call,
                                                     const seqmix_problem *problem) {
  const seqmix_attention_merge_problem *p = (const seqmix_attention_merge_problem *)problem;
  seqmix_run_tasks(call, p->batch * p->time, merge_time, &p);
  return SEQMIX_OK;
}
