/* SPDX-License-Identifier: Apache-2.0 */
/* The states sequences begin with and end in. */
#include <math.h>

#include "verify/linear_attention_data.h"

static test_tensor *new_state(const linear_attention_data *data, linear_slot slot,
                              const char *name) {
  const linear_attention_case *spec = &data->spec;
  int is_past = slot <= LINEAR_PAST_STABILIZER;
  int number = (int)slot - (int)(is_past ? LINEAR_PAST_STATE : LINEAR_PRESENT_STATE);
  int axes = 4 - number;
  int32_t dtype = number == 2 ? SEQMIX_F32 : is_past ? spec->state_dtype : spec->present_dtype;
  int64_t shape[4] = {is_past ? data->sequences.past_rows : data->sequences.present_rows, spec->hs,
                      spec->d, spec->dv};
  int64_t stride[4];
  state_strides(spec->state_layout, is_past, shape, axes, stride);
  return tensor_new(name, dtype, axes, shape, stride, spec->skew);
}

/* Whether a state tensor of this number (S, z, m) is called for. */
static int is_called_for(const linear_attention_case *spec, int number) {
  return number == 0 || (number == 1 && spec->normalize) || (number == 2 && spec->input_gate);
}

static double draw_state(const linear_attention_case *spec, int number, random_state *random) {
  static const double extreme[] = {-INFINITY, -60, 0, 5, 120};
  if (number == 0) return random_normal(random);
  if (number == 1) return 1 + random_unit(random); /* of positive keys, like theirs */
  if (spec->input_gate != INPUT_GATE_EXTREME) return random_normal(random);
  return extreme[random_integer(random, 0, 4)];
}

/* One row: every head's part of S, z or m. Where m is -inf there is no past. */
static void fill_row(linear_attention_data *data, int number, int64_t row, random_state *random) {
  test_tensor *tensor = data->tensors[LINEAR_PAST_STATE + number];
  const test_tensor *m = data->tensors[LINEAR_PAST_STABILIZER];
  tensor_walk w = tensor_start(tensor);
  for (; w.left; tensor_next(&w)) {
    if (w.index[0] != row) continue;
    int64_t of_m[2] = {row, w.index[1]};
    int none = number < 2 && m && isinf(tensor_load(m, m->storage->bytes, tensor_at(m, of_m)));
    tensor_store(tensor, w.at, none ? 0 : draw_state(&data->spec, number, random));
  }
}

static void new_past(linear_attention_data *data, random_state *random) {
  static const char *const names[] = {"past_state", "past_normalizer", "past_stabilizer"};
  for (int number = 2; number >= 0; number--) { /* m first */
    linear_slot slot = (linear_slot)(LINEAR_PAST_STATE + number);
    if (!is_called_for(&data->spec, number)) continue;
    data->tensors[slot] = new_state(data, slot, names[number]);
    tensor_fill_gaps(data->tensors[slot]);
    for (int64_t n = 0; n < data->spec.batch; n++) {
      if (data->sequences.each[n].past_row >= 0) {
        fill_row(data, number, data->sequences.each[n].past_row, random);
      }
    }
  }
}

static void new_present(linear_attention_data *data) {
  static const char *const names[] = {"present_state", "present_normalizer", "present_stabilizer"};
  for (int number = 0; number < 3; number++) {
    linear_slot slot = (linear_slot)(LINEAR_PRESENT_STATE + number);
    if (!is_called_for(&data->spec, number)) continue;
    if (data->spec.in_place) {
      const test_tensor *past = data->tensors[LINEAR_PAST_STATE + number];
      data->tensors[slot] = tensor_view_of(past, names[number], past->view.ndim, past->view.shape,
                                           past->view.stride, 0);
    } else {
      data->tensors[slot] = new_state(data, slot, names[number]);
      tensor_poison(data->tensors[slot]);
    }
  }
}

void linear_attention_draw_states(linear_attention_data *data, random_state *random) {
  const linear_attention_case *spec = &data->spec;
  data->tensors[LINEAR_STATE_INDICES] = sequences_state_indices(&data->sequences);
  data->tensors[LINEAR_STATE_OUT_INDICES] = sequences_state_out_indices(&data->sequences);
  if (spec->states & STATES_PAST) new_past(data, random);
  if (spec->states & STATES_PRESENT) new_present(data);
}
