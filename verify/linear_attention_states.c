/* SPDX-License-Identifier: Apache-2.0 */
/* States, and which rows of them sequences begin with and end in. */
#include <math.h>
#include <stdlib.h>

#include "verify/linear_attention_data.h"
#include "verify/memory.h"

/* Rows of a pool that belong to no sequence. */
#define SPARE_ROWS 3

/* ---- rows ------------------------------------------------------------------------------------ */

/* 0 .. count-1 in random order. */
static int64_t *shuffled(int64_t count, random_state *random) {
  int64_t *order = memory_new(((uint64_t)count + 1) * sizeof *order);
  for (int64_t i = 0; i < count; i++) {
    int64_t other = random_integer(random, 0, i);
    order[i] = order[other];
    order[other] = i;
  }
  return order;
}

/* In place with rows of their own to write, every sequence leaves its past where it was: the upper
 * half of the pool is written, the lower half read. */
static void draw_rows(linear_attention_data *data, random_state *random) {
  const linear_attention_case *spec = &data->spec;
  int64_t reads = spec->batch + SPARE_ROWS, writes = reads;
  int apart = spec->in_place && spec->pool == POOL_OTHER_ROWS;
  int64_t *from = shuffled(reads, random), *to = shuffled(writes, random);
  for (int64_t n = 0; n < spec->batch; n++) {
    linear_sequence *at = &data->sequences[n];
    int shared = spec->pool_readers && n > 0 && random_one_in(random, 2);
    if (spec->pool != POOL_OUT_ONLY) at->past_row = shared ? from[0] : from[n];
    at->present_row = spec->pool == POOL_SAME_ROWS ? at->past_row : to[n] + (apart ? reads : 0);
    if (!spec->pool_absences || !random_one_in(random, 3)) continue;
    if (spec->pool != POOL_OUT_ONLY && random_one_in(random, 2)) at->past_row = -1;
    if (spec->pool == POOL_SAME_ROWS)
      at->present_row = at->past_row;
    else if (random_one_in(random, 2))
      at->present_row = -1;
  }
  data->past_rows = spec->pool == POOL_OUT_ONLY ? spec->batch : reads + (apart ? writes : 0);
  data->present_rows = spec->in_place ? data->past_rows : writes;
  free(from);
  free(to);
}

static void new_indices(linear_attention_data *data, linear_slot slot, const char *name) {
  const linear_attention_case *spec = &data->spec;
  int64_t shape[1] = {spec->batch}, stride[1] = {spec->strided_indices ? 3 : 1};
  test_tensor *tensor =
      tensor_new(name, spec->wide_indices ? SEQMIX_I64 : SEQMIX_I32, 1, shape, stride, spec->skew);
  tensor_fill_gaps(tensor);
  for (int64_t n = 0; n < spec->batch; n++) {
    const linear_sequence *at = &data->sequences[n];
    int64_t row = slot == LINEAR_STATE_INDICES ? at->past_row : at->present_row;
    tensor_store(tensor, tensor_at(tensor, &n), (double)row);
  }
  data->tensors[slot] = tensor;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Strides of a state of these axes: of the past, or of a present that is not in place. */
static void state_strides(state_layout layout, int is_past, const int64_t *shape, int axes,
                          int64_t *stride) {
  int64_t step = layout == STATE_PADDED || layout == STATE_REVERSED ? 2 : 1;
  int backwards = layout == STATE_REVERSED && is_past;
  int64_t next = step;
  for (int axis = axes - 1; axis >= 0; axis--) {
    stride[axis] = backwards ? -next : next;
    next = next * shape[axis] + (step > 1 ? 1 + axis : 0);
  }
  if (layout == STATE_TRANSPOSED && axes == 4) {
    stride[2] = 1;
    stride[3] = shape[2];
  }
  if (layout == STATE_TRANSPOSED && axes < 4) { /* rows inside heads */
    int64_t inner = axes == 3 ? shape[2] : 1;
    stride[0] = inner;
    stride[1] = inner * shape[0];
  }
  if (layout == STATE_SHARED && is_past) stride[0] = 0;
}

static test_tensor *new_state(const linear_attention_data *data, linear_slot slot,
                              const char *name) {
  const linear_attention_case *spec = &data->spec;
  int is_past = slot <= LINEAR_PAST_STABILIZER;
  int number = (int)slot - (int)(is_past ? LINEAR_PAST_STATE : LINEAR_PRESENT_STATE);
  int axes = 4 - number;
  int32_t dtype = number == 2 ? SEQMIX_F32 : is_past ? spec->state_dtype : spec->present_dtype;
  int64_t shape[4] = {is_past ? data->past_rows : data->present_rows, spec->hs, spec->d, spec->dv};
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
      if (data->sequences[n].past_row >= 0) {
        fill_row(data, number, data->sequences[n].past_row, random);
      }
    }
  }
}

static void new_present(linear_attention_data *data) {
  static const char *const names[] = {"present_state", "present_normalizer", "present_stabilizer"};
  data->kept = memory_new((uint64_t)data->present_rows + 1);
  for (int64_t n = 0; n < data->spec.batch; n++) {
    const linear_sequence *at = &data->sequences[n];
    if (at->past_row >= 0 && at->present_row >= 0) data->kept[at->present_row] = 1;
  }
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
  data->past_rows = data->present_rows = spec->batch;
  if (spec->pool) draw_rows(data, random);
  if (spec->pool && spec->pool != POOL_OUT_ONLY) {
    new_indices(data, LINEAR_STATE_INDICES, "state_indices");
  }
  if (spec->pool == POOL_OTHER_ROWS || spec->pool == POOL_OUT_ONLY) {
    new_indices(data, LINEAR_STATE_OUT_INDICES, "state_out_indices");
  }
  if (spec->states & STATES_PAST) new_past(data, random);
  if (spec->states & STATES_PRESENT) new_present(data);
}
