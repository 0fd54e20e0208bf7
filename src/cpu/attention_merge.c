/* SPDX-License-Identifier: Apache-2.0 */
/* attention_merge, a row at a time: the largest lse first, then weights exp(lse_n - largest) and
 * their sum, then one pass over each part's row. Reads every partial result once; nothing is
 * kept. A task is one time step of one batch entry. */
#include <math.h>

#include "core/element.h"
#include "core/work.h"
#include "cpu/cpu.h"

/* How many elements of a row are summed at a time, in registers or L1. */
enum { PIECE = 64 };

typedef struct merged_row {
  int64_t lses, outs; /* element distances of part 0 */
  float largest;
  float denominator;
} merged_row;

static float lse_of(const seqmix_attention_merge_problem *p, const merged_row *row, int64_t part) {
  return ((const float *)p->lses.data)[row->lses + part * p->lses_part_stride];
}

static void weigh_parts(const seqmix_attention_merge_problem *p, int64_t h, merged_row *row) {
  float sink = p->sinks.dtype ? seqmix_load(p->sinks.data, p->sinks.dtype, h * p->sinks.stride[0])
                              : -INFINITY;
  float largest = -INFINITY;
  for (int64_t part = 0; part < p->parts; part++)
    if (lse_of(p, row, part) > largest) largest = lse_of(p, row, part);
  if (sink > largest) largest = sink;
  /* Any finite shift will do without live keys: exp(-inf) = 0. +inf and NaN make NaN below. */
  float shift = largest == -INFINITY ? 0 : largest;
  float sum = 0;
  for (int64_t part = 0; part < p->parts; part++) sum += expf(lse_of(p, row, part) - shift);
  row->largest = shift;
  row->denominator = sum + expf(sink - shift);
}

static void merge_piece(const seqmix_attention_merge_problem *p, const merged_row *row,
                        int64_t first, int64_t count, int64_t out) {
  float sums[PIECE] = {0};
  for (int64_t part = 0; part < p->parts; part++) {
    float lse = lse_of(p, row, part);
    /* A part without keys counts for nothing, whatever its out holds. */
    if (lse == -INFINITY) continue;
    float weight = expf(lse - row->largest) / row->denominator;
    int64_t at = row->outs + part * p->outs_part_stride + first;
    for (int64_t d = 0; d < count; d++)
      sums[d] += weight * seqmix_load(p->outs.data, p->outs.dtype, at + d);
  }
  for (int64_t d = 0; d < count; d++)
    seqmix_store(p->out.data, p->out.dtype, out + first + d,
                 isnan(row->denominator) ? NAN : sums[d]);
}

static void merge_row(const seqmix_attention_merge_problem *p, int64_t n, int64_t t, int64_t h) {
  merged_row row = {
      .lses = n * p->lses.stride[0] + h * p->lses.stride[1] + t * p->lses.stride[2],
      .outs = n * p->outs.stride[0] + t * p->outs.stride[1] + h * p->outs.stride[2],
  };
  int64_t out = n * p->out.stride[0] + t * p->out.stride[1] + h * p->out.stride[2];
  weigh_parts(p, h, &row);
  for (int64_t first = 0; first < p->value_dim; first += PIECE) {
    int64_t left = p->value_dim - first;
    merge_piece(p, &row, first, left < PIECE ? left : PIECE, out);
  }
  if (p->lse.dtype)
    ((float *)p->lse.data)[n * p->lse.stride[0] + h * p->lse.stride[1] + t * p->lse.stride[2]] =
        row.largest + logf(row.denominator);
}

static void merge_time(void *arg, int64_t task, int32_t worker) {
  const seqmix_attention_merge_problem *p = *(const seqmix_attention_merge_problem **)arg;
  (void)worker;
  for (int64_t h = 0; h < p->heads; h++) merge_row(p, task / p->time, task % p->time, h);
}

seqmix_status attention_merge__any_generic_rows(const seqmix_call *call,
                                                const seqmix_problem *problem) {
  const seqmix_attention_merge_problem *p = (const seqmix_attention_merge_problem *)problem;
  seqmix_run_tasks(call, p->batch * p->time, merge_time, &p);
  return SEQMIX_OK;
}
