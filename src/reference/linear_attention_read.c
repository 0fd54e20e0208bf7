/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/linear_attention_read.h"

#include <math.h>

#include "core/element.h"

void seqmix_linear_read_state(const linear_state *state, linear_reading *reading) {
  const seqmix_linear_attention_problem *p = state->problem;
  for (int64_t j = 0; j < state->columns; j++) {
    double sum = 0;
    for (int64_t d = 0; d < p->head_dim; d++)
      sum += state->query[d] * state->matrix[d * state->columns + j];
    reading->sums[j] = p->scale * sum;
  }
  reading->m = state->stabilizer;
}

void seqmix_linear_read_token(const linear_state *state, int64_t t, linear_reading *reading) {
  const seqmix_linear_attention_problem *p = state->problem;
  const seqmix_view *bonus = &p->bonus;
  double sum = 0;
  for (int64_t d = 0; d < p->head_dim; d++) {
    int64_t at = state->head * bonus->stride[0] + d * bonus->stride[1];
    double factor = bonus->dtype ? (double)seqmix_load(bonus->data, bonus->dtype, at) : 1;
    sum += state->query[d] * factor * state->key[d];
  }
  for (int64_t j = 0; j < state->columns; j++) reading->sums[j] = p->scale * sum * state->value[j];
  reading->m = seqmix_linear_state_input_gate(state, t);
}

void seqmix_linear_reading_add(const linear_state *state, linear_reading *result,
                               const linear_reading *term, double sign) {
  double m = fmax(result->m, term->m);
  double keep = seqmix_linear_state_factor(result->m, m),
         factor = seqmix_linear_state_factor(term->m, m);
  for (int64_t j = 0; j < state->columns; j++)
    result->sums[j] = keep * result->sums[j] + sign * factor * term->sums[j];
  result->m = m;
}

static double divisor(const seqmix_linear_attention_problem *p, const linear_reading *reading) {
  double den = reading->sums[p->value_dim];
  if (p->normalize == SEQMIX_NORMALIZE_SUM) return den + p->eps;
  /* Without a floor there is nothing to multiply, not even by exp(inf). */
  double floor = p->floor > 0 ? p->floor * exp(-reading->m) : 0;
  return (isnan(den) ? den : fmax(fabs(den), floor)) + p->eps;
}

void seqmix_linear_write_row(const linear_state *state, const linear_reading *result, int64_t t,
                             int64_t h) {
  const seqmix_linear_attention_problem *p = state->problem;
  const seqmix_view *out = &p->out;
  double by = p->normalize == SEQMIX_NORMALIZE_NONE ? 1 : divisor(p, result);
  int64_t at =
      state->sequence * out->stride[0] + (state->first + t) * out->stride[1] + h * out->stride[2];
  for (int64_t j = 0; j < p->value_dim; j++) {
    double value = result->sums[j] == 0 && by == 0 ? 0 : result->sums[j] / by;
    seqmix_store(out->data, out->dtype, at + j, (float)value);
  }
}
