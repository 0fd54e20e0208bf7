/* SPDX-License-Identifier: Apache-2.0 */
/* What every token has: q, k, v and gates. */
#include <math.h>
#include <stdlib.h>

#include "verify/linear_attention_data.h"
#include "verify/memory.h"

#define PICK(random, list) \
  (list)[random_integer(random, 0, (int64_t)(sizeof(list) / sizeof((list)[0])) - 1)]

static int is_delta(const linear_attention_case *spec) {
  return spec->rule == SEQMIX_UPDATE_DELTA || spec->rule == SEQMIX_UPDATE_GATED_DELTA;
}

/* Whether denominators must be sums of positive numbers: nothing else keeps them from 0. A floor
 * does if it is not small beside them, and an input gate makes it smaller, by exp(-m). */
static int is_positive(const linear_attention_case *spec) {
  double usual = spec->scale * sqrt((double)spec->d); /* size of q.k times scale */
  if (!spec->normalize) return 0;
  if (spec->normalize == SEQMIX_NORMALIZE_SUM || spec->input_gate == INPUT_GATE_EXTREME) return 1;
  if (!spec->input_gate) return spec->floor_given ? spec->floor < 0.5 * usual : 1;
  return (spec->floor_given ? spec->floor : 1) < 4 * usual;
}

/* ---- q and k --------------------------------------------------------------------------------- */

/* Keys of norm about 1 once they are mapped, so that a delta rule's step contracts. */
static void make_unit(int32_t map, double *row, int64_t d) {
  double square = 0;
  for (int64_t i = 0; i < d; i++) square += row[i] * row[i];
  for (int64_t i = 0; i < d; i++) {
    if (map == SEQMIX_FEATURE_EXP || map == SEQMIX_FEATURE_ELU1) {
      row[i] = 0.5 * row[i] - 0.5 * log((double)d) - 1;
    } else if (map != SEQMIX_FEATURE_SOFTMAX && map != SEQMIX_FEATURE_L2NORM) {
      row[i] *= 0.98 / sqrt(square + 1e-30);
    }
  }
}

static double mapped(int32_t map, double x) {
  switch (map) {
    case SEQMIX_FEATURE_ELU1: return x > 0 ? x + 1 : exp(x);
    case SEQMIX_FEATURE_RELU: return fmax(x, 0);
    case SEQMIX_FEATURE_RELU2: return fmax(x, 0) * fmax(x, 0);
    case SEQMIX_FEATURE_EXP:
    case SEQMIX_FEATURE_SOFTMAX: return exp(x);
    case SEQMIX_FEATURE_SILU: return x / (1 + exp(-x));
    default: return x;
  }
}

/* The row as the operator sees it; returns its norm squared. */
static double map_row(int32_t map, double *row, int64_t d) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < d; i++) {
    row[i] = mapped(map, row[i]);
    sum += row[i];
    square += row[i] * row[i];
  }
  double by = map == SEQMIX_FEATURE_SOFTMAX  ? sum
              : map == SEQMIX_FEATURE_L2NORM ? sqrt(square + 1e-6)
                                             : 1;
  for (int64_t i = 0; i < d; i++) row[i] /= by;
  return square / (by * by);
}

static void draw_row(const linear_attention_case *spec, int is_key, double *row,
                     random_state *random) {
  double size = spec->feature_map == SEQMIX_FEATURE_EXP ? 0.7 : 1;
  for (int64_t i = 0; i < spec->d; i++) {
    row[i] = size * random_normal(random);
    if (is_positive(spec)) row[i] = fabs(row[i]) + 0.1;
  }
  if (is_key && is_delta(spec)) make_unit(spec->feature_map, row, spec->d);
}

/* Whether the key of token i is zero. Maps that make ones of it would make delta rules grow. */
static int is_zero_key(const linear_attention_case *spec, int64_t i, random_state *random) {
  int maps_to_one =
      spec->feature_map == SEQMIX_FEATURE_ELU1 || spec->feature_map == SEQMIX_FEATURE_EXP;
  if (maps_to_one && is_delta(spec)) return 0;
  if (spec->keys == KEYS_ALL_ZERO) return 1;
  return spec->keys == KEYS_SOME_ZERO && (i == 0 || random_one_in(random, 3));
}

/* Element [index[0], index[1], h, 0]. */
static int64_t row_at(const test_tensor *tensor, const int64_t index[2], int64_t h) {
  int64_t at[4] = {index[0], index[1], h, 0};
  return tensor_at(tensor, at);
}

static int64_t channel_step(const test_tensor *tensor) {
  return tensor->view.stride[3] * (int64_t)seqmix_dtype_size(tensor->view.dtype);
}

static void store_row(test_tensor *tensor, const int64_t index[2], int64_t h, const double *row) {
  int64_t at = row_at(tensor, index, h), step = channel_step(tensor);
  for (int64_t i = 0; i < tensor->view.shape[3]; i++) tensor_store(tensor, at + i * step, row[i]);
}

static void load_row(const test_tensor *tensor, const int64_t index[2], int64_t h, double *row) {
  int64_t at = row_at(tensor, index, h), step = channel_step(tensor);
  for (int64_t i = 0; i < tensor->view.shape[3]; i++) {
    row[i] = tensor_load(tensor, tensor->storage->bytes, at + i * step);
  }
}

/* All heads of q or k of a token; adds to the sum of squares. */
static double fill_rows(linear_attention_data *data, linear_slot slot, const int64_t index[2],
                        int zero, double *row, random_state *random) {
  const linear_attention_case *spec = &data->spec;
  test_tensor *tensor = data->tensors[slot];
  double square = 0;
  for (int64_t h = 0; h < tensor->view.shape[2]; h++) {
    draw_row(spec, slot == LINEAR_K, row, random);
    for (int64_t i = 0; zero && i < spec->d; i++) row[i] = 0;
    store_row(tensor, index, h, row);
    load_row(tensor, index, h, row);
    square += map_row(spec->feature_map, row, spec->d) / (double)tensor->view.shape[2];
  }
  return square;
}

/* ---- gates ----------------------------------------------------------------------------------- */

/* Beside extreme input gates all logs are multiples of 1/16: their sums are exact in f32, so that
 * the stabilizer's rounding does not count. */
static double as_log(const linear_attention_case *spec, double x) {
  return spec->input_gate == INPUT_GATE_EXTREME && isfinite(x) ? rint(16 * x) / 16 : x;
}

static double draw_decay(const linear_attention_case *spec, random_state *random) {
  static const double mixed[] = {0, -0.01, -1, -30, -1e4, -INFINITY};
  switch (spec->decays) {
    case DECAYS_ZERO: return 0;
    case DECAYS_WEAK: return -0.002 * random_unit(random);
    case DECAYS_STEEP: return -1 - 7 * random_unit(random);
    case DECAYS_STRONG: return -1e4;
    case DECAYS_INFINITE: return -INFINITY;
    case DECAYS_MIXED: return PICK(random, mixed);
    case DECAYS_POSITIVE: return 0.01;
    default: return -exp(random_normal(random) - 2.5);
  }
}

static double draw_beta(const linear_attention_case *spec, random_state *random) {
  switch (spec->betas) {
    case BETAS_WHOLE: return (double)random_integer(random, 0, 2);
    case BETAS_ZERO: return 0;
    default: return random_unit(random);
  }
}

static double draw_input_gate(const linear_attention_case *spec, random_state *random) {
  static const double extreme[] = {-INFINITY, -1e4, -60, -5, 0, 5, 60, 120};
  return spec->input_gate == INPUT_GATE_EXTREME ? PICK(random, extreme) : random_normal(random);
}

static double draw_gate(const linear_attention_case *spec, linear_slot slot, random_state *random) {
  switch (slot) {
    case LINEAR_DECAY:
    case LINEAR_DECAY_REVERSE: return as_log(spec, draw_decay(spec, random));
    case LINEAR_BETA: return draw_beta(spec, random);
    case LINEAR_INPUT_GATE: return draw_input_gate(spec, random);
    default: return is_positive(spec) ? 0.1 + random_unit(random) : random_normal(random);
  }
}

/* One token's part of a gate: its heads, and their channels if it has them. */
static void fill_gate(linear_attention_data *data, linear_slot slot, const int64_t index[2],
                      random_state *random) {
  test_tensor *tensor = data->tensors[slot];
  if (!tensor || tensor->view.ndim < 3) return;
  int64_t channels = tensor->view.ndim == 4 ? tensor->view.shape[3] : 1;
  int64_t step = channels > 1 ? channel_step(tensor) : 0;
  for (int64_t h = 0; h < data->spec.hs; h++) {
    int64_t at = row_at(tensor, index, h);
    for (int64_t i = 0; i < channels; i++) {
      tensor_store(tensor, at + i * step, draw_gate(&data->spec, slot, random));
    }
  }
}

/* Gates that are not per token: constant decay and bonus. */
static void fill_constants(linear_attention_data *data, linear_slot slot, random_state *random) {
  test_tensor *tensor = data->tensors[slot];
  if (!tensor || tensor->view.ndim > 2) return;
  for (tensor_walk w = tensor_start(tensor); w.left; tensor_next(&w)) {
    tensor_store(tensor, w.at, draw_gate(&data->spec, slot, random));
  }
}

/* erase is part of the mapped key, which is how I - k erase^T contracts. */
static void fill_erase(linear_attention_data *data, const int64_t index[2], double *row,
                       random_state *random) {
  const linear_attention_case *spec = &data->spec;
  if (!spec->erase) return;
  for (int64_t h = 0; h < spec->hs; h++) {
    int64_t key = spec->tiled_heads ? h % spec->hk : h / (spec->hs / spec->hk);
    double part = random_unit(random);
    load_row(data->tensors[LINEAR_K], index, key, row);
    map_row(spec->feature_map, row, spec->d);
    for (int64_t i = 0; i < spec->d; i++) row[i] *= part * (0.9 + 0.1 * random_unit(random));
    store_row(data->tensors[LINEAR_ERASE], index, h, row);
  }
}

/* a = -c and b = c times a rate, c of norm 1: part of what lies along c is removed. */
static void fill_low_rank(linear_attention_data *data, const int64_t index[2], double *row,
                          random_state *random) {
  const linear_attention_case *spec = &data->spec;
  if (spec->rule != SEQMIX_UPDATE_DPLR) return;
  for (int64_t h = 0; h < spec->hs; h++) {
    double rate = 0.9 * random_unit(random), square = 0;
    for (int64_t i = 0; i < spec->d; i++) {
      row[i] = random_normal(random);
      square += row[i] * row[i];
    }
    for (int64_t i = 0; i < spec->d; i++) row[i] /= -sqrt(square + 1e-30);
    store_row(data->tensors[LINEAR_A], index, h, row);
    for (int64_t i = 0; i < spec->d; i++) row[i] *= -rate * (0.9 + 0.2 * random_unit(random));
    store_row(data->tensors[LINEAR_B], index, h, row);
  }
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void new_rows(linear_attention_data *data) {
  const linear_attention_case *spec = &data->spec;
  int64_t batch = spec->packed ? 1 : spec->batch;
  int64_t q[4] = {batch, data->sequences.total, spec->hq, spec->d};
  int64_t k[4] = {batch, data->sequences.total, spec->hk, spec->d};
  int64_t v[4] = {batch, data->sequences.total, spec->hs, spec->dv};
  test_tensor **tensors = data->tensors;
  if (spec->layout == LAYOUT_PACKED_QKV) {
    int64_t all[4] = {batch, data->sequences.total, spec->hq + spec->hk + spec->hs, spec->d};
    test_tensor *qkv = layout_tensor("qkv", spec->dtype, all, LAYOUT_BTHD, spec->skew);
    tensor_fill_gaps(qkv);
    const int64_t *stride = qkv->view.stride;
    tensors[LINEAR_Q] = tensor_view_of(qkv, "q", 4, q, stride, 0);
    tensors[LINEAR_K] = tensor_view_of(qkv, "k", 4, k, stride, spec->hq * spec->d);
    tensors[LINEAR_V] = tensor_view_of(qkv, "v", 4, v, stride, (spec->hq + spec->hk) * spec->d);
    tensor_free(qkv);
    return;
  }
  tensors[LINEAR_Q] = layout_tensor("q", spec->dtype, q, spec->layout, spec->skew);
  tensors[LINEAR_K] = layout_tensor("k", spec->dtype, k, spec->layout, spec->skew);
  tensors[LINEAR_V] = layout_tensor("v", spec->dtype, v, spec->layout, spec->skew);
  for (int slot = LINEAR_Q; slot <= LINEAR_V; slot++) tensor_fill_gaps(tensors[slot]);
}

/* A gate laid out as q is; where there are gaps or negative strides, along its last axis, too. */
static void new_gate(linear_attention_data *data, linear_slot slot, const char *name,
                     int64_t channels) {
  const linear_attention_case *spec = &data->spec;
  int64_t shape[4] = {spec->packed ? 1 : spec->batch, data->sequences.total, spec->hs, channels};
  int64_t stride[4];
  int spread = spec->layout == LAYOUT_PADDED || spec->layout == LAYOUT_REVERSED;
  if (!channels) shape[3] = 1;
  layout_strides(shape, spec->layout, stride);
  for (int axis = 0; axis < 4 && spread; axis++) stride[axis] *= 2;
  if (spec->layout == LAYOUT_REVERSED) stride[3] = -2;
  if (spec->steady_gates && slot != LINEAR_ERASE && slot != LINEAR_A && slot != LINEAR_B) {
    stride[1] = 0;
  }
  data->tensors[slot] = tensor_new(name, spec->gates_own_type ? spec->dtype : SEQMIX_F32,
                                   channels ? 4 : 3, shape, stride, spec->skew);
  tensor_fill_gaps(data->tensors[slot]);
}

/* A gate of heads, or of heads and channels. */
static void new_constant(linear_attention_data *data, linear_slot slot, const char *name,
                         int axes) {
  const linear_attention_case *spec = &data->spec;
  int64_t step = spec->layout == LAYOUT_PADDED ? 2 : 1;
  int64_t shape[2] = {spec->hs, spec->d};
  int64_t stride[2] = {axes == 2 ? spec->d * step + (step > 1) : step, step};
  data->tensors[slot] = tensor_new(name, spec->gates_own_type ? spec->dtype : SEQMIX_F32, axes,
                                   shape, stride, spec->skew);
  tensor_fill_gaps(data->tensors[slot]);
}

static void new_decay(linear_attention_data *data, linear_slot slot, const char *name) {
  const linear_attention_case *spec = &data->spec;
  if (spec->decay == GATE_CONSTANT) {
    new_constant(data, slot, name, 1);
  } else {
    new_gate(data, slot, name, spec->decay == GATE_PER_CHANNEL ? spec->d : 0);
  }
}

static void new_gates(linear_attention_data *data) {
  const linear_attention_case *spec = &data->spec;
  if (spec->decay) new_decay(data, LINEAR_DECAY, "decay");
  if (spec->decay_reverse) new_decay(data, LINEAR_DECAY_REVERSE, "decay_reverse");
  if (spec->beta) {
    new_gate(data, LINEAR_BETA, "beta", spec->beta == GATE_PER_CHANNEL ? spec->dv : 0);
  }
  if (spec->erase) new_gate(data, LINEAR_ERASE, "erase", spec->d);
  if (spec->rule == SEQMIX_UPDATE_DPLR) {
    new_gate(data, LINEAR_A, "a", spec->d);
    new_gate(data, LINEAR_B, "b", spec->d);
  }
  if (spec->bonus) new_constant(data, LINEAR_BONUS, "bonus", 2);
  if (spec->input_gate) new_gate(data, LINEAR_INPUT_GATE, "input_gate", 0);
}

static void fill_token(linear_attention_data *data, int64_t n, int64_t i, double *row,
                       random_state *random) {
  int64_t index[2];
  linear_attention_token(data, n, i, index);
  int zero = is_zero_key(&data->spec, i, random);
  data->q_square += fill_rows(data, LINEAR_Q, index, 0, row, random);
  data->k_square += fill_rows(data, LINEAR_K, index, zero, row, random);
  for (int64_t h = 0; h < data->spec.hs; h++) {
    for (int64_t j = 0; j < data->spec.dv; j++) row[j] = random_normal(random);
    store_row(data->tensors[LINEAR_V], index, h, row);
  }
  fill_gate(data, LINEAR_DECAY, index, random);
  fill_gate(data, LINEAR_DECAY_REVERSE, index, random);
  fill_gate(data, LINEAR_BETA, index, random);
  fill_gate(data, LINEAR_INPUT_GATE, index, random);
  fill_erase(data, index, row, random);
  fill_low_rank(data, index, row, random);
}

void linear_attention_draw_tokens(linear_attention_data *data, random_state *random) {
  const linear_attention_case *spec = &data->spec;
  int64_t tokens = 0, longer = spec->d > spec->dv ? spec->d : spec->dv;
  double *row = memory_new((uint64_t)longer * sizeof *row);
  new_rows(data);
  new_gates(data);
  for (int64_t n = 0; n < spec->batch; n++) {
    if (data->sequences.each[n].past_row < 0) continue;
    for (int64_t i = 0; i < data->sequences.each[n].length; i++)
      fill_token(data, n, i, row, random);
    tokens += data->sequences.each[n].length;
  }
  for (int slot = LINEAR_DECAY; slot <= LINEAR_BONUS; slot++) {
    fill_constants(data, (linear_slot)slot, random);
  }
  data->q_square /= tokens ? (double)tokens : 1;
  data->k_square /= tokens ? (double)tokens : 1;
  free(row);
}
