/* SPDX-License-Identifier: Apache-2.0 */
#include "reference/linear_attention_state.h"

#include <math.h>

#include "core/element.h"

int seqmix_linear_state_doubles(const seqmix_linear_attention_problem *p, uint64_t *doubles) {
  uint64_t columns = (uint64_t)p->value_dim + (p->normalize != SEQMIX_NORMALIZE_NONE);
  uint64_t rows;
  /* D rows of S, of which one more is the value's; query, key and alpha are a column each. */
  return __builtin_add_overflow((uint64_t)p->head_dim, 1, &rows) ||
         __builtin_add_overflow(columns, 3, &columns) ||
         __builtin_mul_overflow(rows, columns, doubles);
}

double *seqmix_linear_state_place(linear_state *state, double *memory) {
  int64_t dim = state->problem->head_dim;
  state->query = memory;
  state->key = state->query + dim;
  state->alpha = state->key + dim;
  state->value = state->alpha + dim;
  state->matrix = state->value + state->columns;
  return state->matrix + dim * state->columns;
}

/* ---- elements ------------------------------------------------------------------------------- */

static double load(const seqmix_view *view, int64_t at) {
  return (double)seqmix_load(view->data, view->dtype, at);
}

/* Where a tensor per token holds row t of head h. (Packed, the batch axis has stride 0.) */
static int64_t row_at(const linear_state *state, const seqmix_view *view, int64_t t, int64_t h) {
  return state->sequence * view->stride[0] + (state->first + t) * view->stride[1] +
         h * view->stride[2];
}

/* Element `channel` of a gate. */
static double gate_at(const linear_state *state, const seqmix_view *view, int64_t t,
                      int64_t channel) {
  return load(view, row_at(state, view, t, state->head) + channel * view->stride[3]);
}

double seqmix_linear_state_input_gate(const linear_state *state, int64_t t) {
  const seqmix_view *gate = &state->problem->input_gate;
  return gate->dtype ? load(gate, row_at(state, gate, t, state->head)) : 0;
}

double seqmix_linear_state_factor(double log, double m) {
  return m == -INFINITY ? 0 : exp(log - m);
}

/* ---- rows of a token ------------------------------------------------------------------------ */

static double mapped_element(int32_t map, double x) {
  switch (map) {
    case SEQMIX_FEATURE_ELU1: return x > 0 ? x + 1 : exp(x);
    case SEQMIX_FEATURE_RELU: return x < 0 ? 0 : x;
    case SEQMIX_FEATURE_RELU2: return x < 0 ? 0 : x * x;
    case SEQMIX_FEATURE_EXP: return exp(x);
    case SEQMIX_FEATURE_SILU: return x / (1 + exp(-x));
    default: return x;
  }
}

static void softmax(double *row, int64_t dim) {
  double largest = row[0], sum = 0;
  for (int64_t d = 1; d < dim; d++) largest = fmax(largest, row[d]);
  for (int64_t d = 0; d < dim; d++) sum += row[d] = exp(row[d] - largest);
  for (int64_t d = 0; d < dim; d++) row[d] /= sum;
}

static void normalize_length(double *row, int64_t dim) {
  double squares = 0;
  for (int64_t d = 0; d < dim; d++) squares += row[d] * row[d];
  for (int64_t d = 0; d < dim; d++) row[d] /= sqrt(squares + 1e-6);
}

static void load_mapped(const linear_state *state, const seqmix_view *view, int64_t t, int64_t h,
                        double *row) {
  const seqmix_linear_attention_problem *p = state->problem;
  int64_t at = row_at(state, view, t, h);
  for (int64_t d = 0; d < p->head_dim; d++)
    row[d] = mapped_element(p->feature_map, load(view, at + d));
  if (p->feature_map == SEQMIX_FEATURE_SOFTMAX) softmax(row, p->head_dim);
  if (p->feature_map == SEQMIX_FEATURE_L2NORM) normalize_length(row, p->head_dim);
}

void seqmix_linear_state_load_query(linear_state *state, int64_t t, int64_t query_head) {
  load_mapped(state, &state->problem->q, t, query_head, state->query);
}

static int64_t key_head(const linear_state *state) {
  const seqmix_linear_attention_problem *p = state->problem;
  if (p->header.features & SEQMIX_LINEAR_ATTENTION_TILED_HEADS) return state->head % p->k_heads;
  return state->head / (p->state_heads / p->k_heads);
}

void seqmix_linear_state_load_token(linear_state *state, int64_t t) {
  const seqmix_linear_attention_problem *p = state->problem;
  load_mapped(state, &p->k, t, key_head(state), state->key);
  int64_t at = row_at(state, &p->v, t, state->head);
  for (int64_t j = 0; j < p->value_dim; j++) state->value[j] = load(&p->v, at + j);
  if (state->columns > p->value_dim) state->value[p->value_dim] = 1;
}

/* ---- a token's change ----------------------------------------------------------------------- */

/* m and alpha of token t; returns what k v^T is multiplied by. */
static double load_alpha(linear_state *state, int64_t t) {
  const seqmix_linear_attention_problem *p = state->problem;
  double before = state->stabilizer, input = seqmix_linear_state_input_gate(state, t);
  if (p->input_gate.dtype)
    state->stabilizer = fmax(gate_at(state, state->decay, t, 0) + before, input);
  for (int64_t d = 0; d < p->head_dim; d++) {
    double decay = state->decay->dtype ? gate_at(state, state->decay, t, d) : 0;
    state->alpha[d] = seqmix_linear_state_factor(decay + before, state->stabilizer);
  }
  return seqmix_linear_state_factor(input, state->stabilizer);
}

/* sum_d row[d] S[d, j], the row being that of a gate or the key. */
static double project(const linear_state *state, const seqmix_view *gate, int64_t t, int64_t j) {
  double sum = 0;
  for (int64_t d = 0; d < state->problem->head_dim; d++)
    sum +=
        (gate ? gate_at(state, gate, t, d) : state->key[d]) * state->matrix[d * state->columns + j];
  return sum;
}

/* alpha S. What alpha = 0 forgets is forgotten even if it was infinite. */
static void decay_column(linear_state *state, int64_t j) {
  for (int64_t d = 0; d < state->problem->head_dim; d++) {
    double *at = &state->matrix[d * state->columns + j];
    *at = state->alpha[d] == 0 ? 0 : state->alpha[d] * *at;
  }
}

/* S + k u^T */
static void add_column(linear_state *state, int64_t j, double u) {
  for (int64_t d = 0; d < state->problem->head_dim; d++)
    state->matrix[d * state->columns + j] += state->key[d] * u;
}

static void update_delta_column(linear_state *state, int64_t t, int64_t j) {
  const seqmix_linear_attention_problem *p = state->problem;
  double beta = p->beta.dtype ? gate_at(state, &p->beta, t, j) : 1;
  decay_column(state, j);
  double u = p->erase.dtype ? beta * state->value[j] - project(state, &p->erase, t, j)
                            : beta * (state->value[j] - project(state, NULL, t, j));
  add_column(state, j, u);
}

static void update_dplr_column(linear_state *state, int64_t t, int64_t j) {
  const seqmix_linear_attention_problem *p = state->problem;
  double projection = project(state, &p->a, t, j);
  decay_column(state, j);
  for (int64_t d = 0; d < p->head_dim; d++)
    state->matrix[d * state->columns + j] += gate_at(state, &p->b, t, d) * projection;
  add_column(state, j, state->value[j]);
}

void seqmix_linear_state_update(linear_state *state, int64_t t) {
  double input = load_alpha(state, t);
  for (int64_t j = 0; j < state->columns; j++) {
    switch (state->problem->update_rule) {
      case SEQMIX_UPDATE_DELTA:
      case SEQMIX_UPDATE_GATED_DELTA: update_delta_column(state, t, j); break;
      case SEQMIX_UPDATE_DPLR: update_dplr_column(state, t, j); break;
      default:
        decay_column(state, j);
        add_column(state, j, input * state->value[j]);
        break;
    }
  }
}
