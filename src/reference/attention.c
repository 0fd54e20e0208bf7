/* SPDX-License-Identifier: Apache-2.0 */
/* attention, a row at a time:
 *
 *     s[j]  = softcap(scale * q.k[j]) + bias[j] - slope * |i + offset - j|    for keys j that live
 *     lse   = log(sum_j exp(s[j]) + exp(sink))
 *     out   = sum_j exp(s[j] - lse) v[j]
 *
 * in float64 throughout, all scores of a row in memory. A score of -inf counts as masked. */
#include <math.h>

#include "core/attention_geometry.h"
#include "core/element.h"
#include "core/memory.h"
#include "core/work.h"
#include "reference/reference.h"

/* What a task needs besides its number. */
typedef struct row_work {
  const seqmix_attention_problem *problem;
  double *scratch; /* per worker: Tk probabilities and Dv sums */
  int64_t scratch_length;
} row_work;

static int64_t scratch_length(const seqmix_attention_problem *p) {
  return p->key_length + p->value_dim;
}

uint64_t attention_reference_workspace(const seqmix_problem *problem,
                                       const seqmix_device_properties *device, int32_t workers) {
  (void)device;
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  uint64_t bytes;
  if (__builtin_mul_overflow((uint64_t)scratch_length(p), sizeof(double) * (uint64_t)workers,
                             &bytes))
    return UINT64_MAX;
  return seqmix_memory_round(bytes);
}

/* scale * q[i].k[j] */
static double raw_score(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                        int64_t i, int64_t j) {
  int64_t q = seqmix_row_at(&p->q, s, i, h);
  int64_t k = seqmix_key_at(p, &p->k, s, j, seqmix_kv_head(p, h));
  double dot = 0;
  for (int64_t d = 0; d < p->head_dim; d++)
    dot += (double)seqmix_load(p->q.data, p->q.dtype, q + d) *
           (double)seqmix_load(p->k.data, p->k.dtype, k + d);
  return p->scale * dot;
}

static double capped_score(const seqmix_attention_problem *p, double score) {
  return p->softcap > 0 ? p->softcap * tanh(score / p->softcap) : score;
}

/* Bias and ALiBi; both apply to live keys only, so the key axis of bias reaches to j. */
static double position_terms(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                             int64_t i, int64_t j) {
  double sum = 0;
  if (p->bias.dtype)
    sum += seqmix_load(p->bias.data, p->bias.dtype, seqmix_score_at(&p->bias, s->n, h, i, j));
  if (p->alibi.dtype)
    sum -= (double)((const float *)p->alibi.data)[h * p->alibi.stride[0]] *
           fabs((double)(i + s->offset - j));
  return sum;
}

static int is_live(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                   int64_t i, int64_t j) {
  seqmix_key_range keys = seqmix_keys_of_rows(p, s, i, i);
  if (j < keys.begin || j >= keys.end || !seqmix_block_is_live(p, s, h, i, j)) return 0;
  return !p->mask.dtype ||
         ((const uint8_t *)p->mask.data)[seqmix_score_at(&p->mask, s->n, h, i, j)] != 0;
}

/* The score of key j for row i after everything; -inf if masked. */
static double final_score(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                          int64_t i, int64_t j) {
  if (!is_live(p, s, h, i, j)) return -INFINITY;
  return capped_score(p, raw_score(p, s, h, i, j)) + position_terms(p, s, h, i, j);
}

/* Turns scores into probabilities and returns lse. NaN spreads to the whole row by itself; +inf
 * does because inf - inf is NaN. */
static double softmax_row(double *row, int64_t keys, int has_sink, double sink) {
  double largest = has_sink ? sink : -INFINITY, sum = 0;
  for (int64_t j = 0; j < keys; j++) {
    if (row[j] > largest || isnan(row[j])) largest = row[j];
    if (isnan(largest)) break;
  }
  if (largest == -INFINITY) {
    for (int64_t j = 0; j < keys; j++) row[j] = 0;
    return -INFINITY;
  }
  for (int64_t j = 0; j < keys; j++) sum += row[j] = exp(row[j] - largest);
  if (has_sink) sum += exp(sink - largest);
  /* Not exp(s - lse): beside scores of -1e30 or so the logarithm is lost in lse. */
  for (int64_t j = 0; j < keys; j++) row[j] /= sum;
  return largest + log(sum);
}

/* Keys of probability 0 are left out: what a mask hides must not reach the sum, not even as
 * 0 * inf. */
static void weigh_values(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                         const double *row, int64_t keys, double *sums) {
  for (int64_t d = 0; d < p->value_dim; d++) sums[d] = 0;
  for (int64_t j = 0; j < keys; j++) {
    if (row[j] == 0) continue;
    int64_t v = seqmix_key_at(p, &p->v, s, j, seqmix_kv_head(p, h));
    for (int64_t d = 0; d < p->value_dim; d++)
      sums[d] += row[j] * (double)seqmix_load(p->v.data, p->v.dtype, v + d);
  }
}

/* The scores output, from the definitions above; `row` holds the probabilities. */
static void write_scores(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                         int64_t i, const double *row) {
  for (int64_t j = 0; j < p->key_length; j++) {
    int exists = i < s->q_live && j < s->k_live;
    double value = -INFINITY;
    switch (p->scores_mode) {
      case SEQMIX_SCORES_RAW:
        if (exists) value = raw_score(p, s, h, i, j);
        break;
      case SEQMIX_SCORES_SOFTCAP:
        if (exists) value = capped_score(p, raw_score(p, s, h, i, j));
        break;
      case SEQMIX_SCORES_BIAS: value = exists ? final_score(p, s, h, i, j) : -INFINITY; break;
      default:
        /* Masked keys are 0 in a row of NaN, too. */
        value = exists && final_score(p, s, h, i, j) != -INFINITY ? row[j] : 0;
        break;
    }
    seqmix_store(p->scores.data, p->scores.dtype, seqmix_score_at(&p->scores, s->n, h, i, j),
                 (float)value);
  }
}

static void attend_row(const seqmix_attention_problem *p, const seqmix_sequence *s, int64_t h,
                       int64_t i, double *row, double *sums) {
  int is_row = i < s->q_live, has_sink = p->sinks.dtype && is_row;
  int64_t keys = is_row ? s->k_live : 0;
  for (int64_t j = 0; j < keys; j++) row[j] = final_score(p, s, h, i, j);
  double sink = has_sink ? seqmix_load(p->sinks.data, p->sinks.dtype, h * p->sinks.stride[0]) : 0;
  double lse = softmax_row(row, keys, has_sink, sink);
  weigh_values(p, s, h, row, keys, sums);
  int64_t out = seqmix_row_at(&p->out, s, i, h);
  for (int64_t d = 0; d < p->value_dim; d++)
    seqmix_store(p->out.data, p->out.dtype, out + d, (float)(isnan(lse) ? NAN : sums[d]));
  if (p->lse.dtype) ((float *)p->lse.data)[seqmix_lse_at(&p->lse, s, i, h)] = (float)lse;
  if (p->scores.dtype) write_scores(p, s, h, i, row);
}

/* A task is one head of one sequence. */
static void attend_head(void *arg, int64_t task, int32_t worker) {
  const row_work *work = arg;
  const seqmix_attention_problem *p = work->problem;
  seqmix_sequence s = seqmix_sequence_at(p, task / p->q_heads);
  double *row = work->scratch + worker * work->scratch_length;
  for (int64_t i = 0; i < s.q_rows; i++)
    attend_row(p, &s, task % p->q_heads, i, row, row + p->key_length);
}

seqmix_status attention__any_reference_literal(const seqmix_call *call,
                                               const seqmix_problem *problem) {
  const seqmix_attention_problem *p = (const seqmix_attention_problem *)problem;
  row_work work = {p, call->workspace, scratch_length(p)};
  seqmix_run_tasks(call, p->sequences * p->q_heads, attend_head, &work);
  return SEQMIX_OK;
}
