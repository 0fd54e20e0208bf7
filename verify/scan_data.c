/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/scan_data.h"

#include <math.h>

/* ---- inputs ---------------------------------------------------------------------------------- */

void scan_normal(const scan_case *spec, random_state *random, double number[2]) {
  number[0] = random_normal(random);
  if (spec->is_complex) number[1] = random_normal(random);
}

/* All elements whose first `fixed` indices are those of `index`. */
static void fill(const scan_data *data, test_tensor *tensor, int64_t *index, int fixed,
                 int is_complex, scan_number draw, random_state *random) {
  const seqmix_tensor *view = &tensor->view;
  int plain = is_complex ? view->ndim - 1 : view->ndim;
  int64_t left = 1, size = (int64_t)seqmix_dtype_size(view->dtype);
  for (int axis = fixed; axis < plain; axis++) left *= view->shape[axis];
  for (int axis = fixed; axis < view->ndim; axis++) index[axis] = 0;
  for (; left > 0; left--) {
    double number[2] = {0, 0};
    int64_t at = tensor_at(tensor, index);
    draw(&data->spec, random, number);
    tensor_store(tensor, at, number[0]);
    if (is_complex) tensor_store(tensor, at + size, number[1]);
    for (int axis = plain - 1; axis >= fixed && ++index[axis] == view->shape[axis]; axis--) {
      index[axis] = 0;
    }
  }
}

static void fill_tokens(const scan_data *data, test_tensor *tensor, int is_complex,
                        scan_number draw, random_state *random) {
  const test_sequences *sequences = &data->sequences;
  int64_t index[SEQMIX_MAX_DIMS];
  for (int64_t n = 0; n < data->spec.at.batch; n++) {
    for (int64_t i = 0; sequences->each[n].past_row >= 0 && i < sequences->each[n].length; i++) {
      sequences_token(sequences, n, i, index);
      fill(data, tensor, index, 2, is_complex, draw, random);
    }
  }
}

/* A tensor of the case's layout. */
static test_tensor *new_tensor(const scan_data *data, const scan_input *input, int32_t dtype,
                               int is_output) {
  const scan_case *spec = &data->spec;
  scan_strides_of what = {spec->layout, is_output, input->has_tokens, input->is_complex};
  int64_t shape[SEQMIX_MAX_DIMS], stride[SEQMIX_MAX_DIMS];
  int axes = 0;
  if (input->has_tokens) {
    shape[axes++] = spec->at.packed ? 1 : spec->at.batch;
    shape[axes++] = data->sequences.total;
  }
  for (int i = 0; i < input->axes; i++) shape[axes++] = input->shape[i];
  if (input->is_complex) shape[axes++] = 2;
  scan_strides(&what, shape, axes, stride);
  return tensor_new(input->name, dtype, axes, shape, stride, spec->at.skew);
}

void scan_add(scan_data *data, scan_slot slot, const scan_input *input, scan_number draw,
              random_state *random) {
  const scan_case *spec = &data->spec;
  int32_t dtype = input->is_gate && !spec->gates_own_type ? SEQMIX_F32 : spec->dtype;
  test_tensor *tensor = new_tensor(data, input, dtype, 0);
  int64_t index[SEQMIX_MAX_DIMS];
  tensor_fill_gaps(tensor);
  if (input->has_tokens) {
    data->has_tokens |= 1u << slot;
    fill_tokens(data, tensor, input->is_complex, draw, random);
  } else {
    fill(data, tensor, index, 0, input->is_complex, draw, random);
  }
  data->tensors[slot] = tensor;
}

/* NaN and the infinities by turns, a token of each sequence. Only NaN where formulas that are the
 * same otherwise differ about infinities: products of complex numbers, and silu(-inf). */
static void spoil(scan_data *data) {
  static const double bad[] = {INFINITY, NAN, -INFINITY};
  test_tensor *x = data->tensors[SCAN_X];
  int64_t index[SEQMIX_MAX_DIMS] = {0, 0, data->spec.channels / 2, 0};
  int only_nan = data->spec.is_complex || data->spec.silu;
  for (int64_t n = 0; n < data->spec.at.batch && data->spec.spoilt; n++) {
    const test_sequence *at = &data->sequences.each[n];
    if (at->past_row < 0 || at->length == 0) continue;
    sequences_token(&data->sequences, n, at->length / 2, index);
    tensor_store(x, tensor_at(x, index), bad[only_nan ? 1 : n % 3]);
  }
}

/* ---- states ---------------------------------------------------------------------------------- */

static test_tensor *new_state(const scan_data *data, int is_past) {
  const scan_case *spec = &data->spec;
  int64_t shape[4], stride[4];
  shape[0] = is_past ? data->sequences.past_rows : data->sequences.present_rows;
  int axes = 1 + data->of->state_shape(spec, shape + 1);
  state_strides(spec->state_layout, is_past, shape, axes, stride);
  for (int axis = 0; axis < axes && spec->is_complex; axis++) stride[axis] *= 2;
  if (spec->is_complex) {
    shape[axes] = 2;
    stride[axes++] = 1;
  }
  return tensor_new(is_past ? "past_state" : "present_state",
                    is_past ? spec->state_dtype : spec->present_dtype, axes, shape, stride,
                    spec->at.skew);
}

static void draw_states(scan_data *data, random_state *random) {
  const scan_case *spec = &data->spec;
  test_tensor *past = NULL, *present = NULL;
  if (spec->states & STATES_PAST) {
    int64_t index[SEQMIX_MAX_DIMS];
    past = new_state(data, 1);
    tensor_fill_gaps(past);
    for (int64_t n = 0; n < spec->at.batch; n++) {
      index[0] = data->sequences.each[n].past_row;
      if (index[0] >= 0) fill(data, past, index, 1, spec->is_complex, scan_normal, random);
    }
  }
  if (spec->at.in_place) {
    const seqmix_tensor *view = &past->view;
    present = tensor_view_of(past, "present_state", view->ndim, view->shape, view->stride, 0);
  } else if (spec->states & STATES_PRESENT) {
    present = new_state(data, 0);
    tensor_poison(present);
  }
  data->tensors[SCAN_PAST] = past;
  data->tensors[SCAN_PRESENT] = present;
}

int64_t scan_max_seqlen(const scan_data *data) {
  return data->spec.hints && data->spec.at.packed ? data->sequences.longest : 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void new_output(scan_data *data) {
  const scan_case *spec = &data->spec;
  scan_input out = {"out", 1, 0, spec->is_complex && data->of->complex_tokens, 1, {spec->channels}};
  data->tensors[SCAN_OUT] = new_tensor(data, &out, spec->out_f32 ? SEQMIX_F32 : spec->dtype, 1);
  tensor_poison(data->tensors[SCAN_OUT]);
}

static scan_case with_defaults(const scan_operator *of, const scan_case *given) {
  scan_case spec = *given;
  if (!spec.dtype) spec.dtype = SEQMIX_F32;
  if (!spec.state_dtype) spec.state_dtype = SEQMIX_F32;
  if (of->copies_tokens) spec.state_dtype = spec.present_dtype = spec.dtype;
  if (!spec.present_dtype || spec.at.in_place) spec.present_dtype = spec.state_dtype;
  if (!spec.width) spec.width = 4;
  if (!spec.groups) spec.groups = 1;
  return spec;
}

scan_data scan_draw(const scan_operator *of, const scan_case *spec, uint64_t seed) {
  scan_data data = {.of = of, .spec = with_defaults(of, spec)};
  random_state random = random_start(seed);
  data.sequences = sequences_draw(&data.spec.at, &random);
  data.tensors[SCAN_CU_SEQLENS] = sequences_cu_seqlens(&data.sequences);
  data.tensors[SCAN_STATE_INDICES] = sequences_state_indices(&data.sequences);
  data.tensors[SCAN_STATE_OUT_INDICES] = sequences_state_out_indices(&data.sequences);
  draw_states(&data, &random);
  of->draw(&data, &random);
  spoil(&data);
  new_output(&data);
  return data;
}

void scan_release(scan_data *data) {
  for (int slot = 0; slot < SCAN_SLOTS; slot++) tensor_free(data->tensors[slot]);
  sequences_release(&data->sequences);
}
