/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <math.h>
#include <string.h>

/* ---- random parameters ---------------------------------------------------------------------- */

double model_normal(model *m) { return (double)(float)random_normal(&m->random); }

void model_draw_heads(model *m, double x[TIME][HEADS]) {
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++) x[t][h] = model_normal(m);
}

void model_draw_channels(model *m, double x[TIME][HEADS][DIM]) {
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++)
      for (int d = 0; d < DIM; d++) x[t][h][d] = model_normal(m);
}

void model_start(model *m, uint64_t seed) {
  memset(m, 0, sizeof *m);
  m->args = (seqmix_linear_attention_args)SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  m->args.scale = 1;
  m->random = random_start(seed);
  m->query_heads = m->key_heads = HEADS;
  model_draw_channels(m, m->q);
  model_draw_channels(m, m->k);
  for (int t = 0; t < TIME; t++)
    for (int h = 0; h < HEADS; h++)
      for (int j = 0; j < VALUE_DIM; j++) m->v[t][h][j] = model_normal(m);
}

/* ---- gates ---------------------------------------------------------------------------------- */

/* A gate of `count` numbers, without its shape. */
static seqmix_tensor *gate_of(model *m, const double *x, size_t count) {
  float *data = m->numbers + m->number_count;
  for (size_t i = 0; i < count; i++) data[i] = (float)x[i];
  m->number_count += count;
  seqmix_tensor *gate = &m->gates[m->gate_count++];
  gate->data = data;
  return gate;
}

const seqmix_tensor *model_constants(model *m, const double x[HEADS]) {
  seqmix_tensor *gate = gate_of(m, x, HEADS);
  *gate = seqmix_tensor_1d(gate->data, SEQMIX_F32, HEADS);
  return gate;
}

const seqmix_tensor *model_heads(model *m, const double x[TIME][HEADS]) {
  seqmix_tensor *gate = gate_of(m, &x[0][0], TIME * HEADS);
  *gate = seqmix_tensor_3d(gate->data, SEQMIX_F32, 1, TIME, HEADS);
  return gate;
}

const seqmix_tensor *model_channels(model *m, const double x[TIME][HEADS][DIM]) {
  seqmix_tensor *gate = gate_of(m, &x[0][0][0], TIME * HEADS * DIM);
  *gate = seqmix_tensor_4d(gate->data, SEQMIX_F32, 1, TIME, HEADS, DIM);
  return gate;
}

const seqmix_tensor *model_values(model *m, const double x[TIME][HEADS][VALUE_DIM]) {
  seqmix_tensor *gate = gate_of(m, &x[0][0][0], TIME * HEADS * VALUE_DIM);
  *gate = seqmix_tensor_4d(gate->data, SEQMIX_F32, 1, TIME, HEADS, VALUE_DIM);
  return gate;
}

const seqmix_tensor *model_bonus(model *m, const double x[HEADS][DIM]) {
  seqmix_tensor *gate = gate_of(m, &x[0][0], HEADS * DIM);
  *gate = seqmix_tensor_2d(gate->data, SEQMIX_F32, HEADS, DIM);
  return gate;
}

/* ---- formulas ------------------------------------------------------------------------------- */

double dot(const double x[DIM], const double y[DIM]) {
  double sum = 0;
  for (int d = 0; d < DIM; d++) sum += x[d] * y[d];
  return sum;
}

void to_unit_length(const double x[DIM], double y[DIM]) {
  double length = sqrt(dot(x, x) + 1e-6);
  for (int d = 0; d < DIM; d++) y[d] = x[d] / length;
}

void add_values(double to[VALUE_DIM], double factor, const double v[VALUE_DIM]) {
  for (int j = 0; j < VALUE_DIM; j++) to[j] += factor * v[j];
}
