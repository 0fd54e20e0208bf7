/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/linear_attention_data.h"

#include <math.h>
#include <stdlib.h>

#include "verify/memory.h"

/* ---- sequences ----------------------------------------------------------------------------- */

static int64_t packed_length(const linear_attention_case *spec, int64_t n, random_state *random) {
  int end = n == 0 || n == spec->batch - 1;
  if (spec->empty_ends && end) return 0;
  if (n == spec->batch / 2) return spec->t;
  return random_one_in(random, 4) ? 0 : random_integer(random, 0, spec->t);
}

static void draw_sequences(linear_attention_data *data, random_state *random) {
  const linear_attention_case *spec = &data->spec;
  data->sequences = memory_new(((uint64_t)spec->batch + 1) * sizeof *data->sequences);
  data->total = spec->packed ? 0 : spec->t;
  for (int64_t n = 0; n < spec->batch; n++) {
    linear_sequence *at = &data->sequences[n];
    at->start = spec->packed ? data->total : 0;
    at->length = spec->packed ? packed_length(spec, n, random) : spec->t;
    at->past_row = at->present_row = n;
    if (spec->packed) data->total += at->length;
    if (at->length > data->longest) data->longest = at->length;
  }
}

void linear_attention_token(const linear_attention_data *data, int64_t n, int64_t i,
                            int64_t index[2]) {
  index[0] = data->spec.packed ? 0 : n;
  index[1] = data->sequences[n].start + i;
}

static void draw_cu_seqlens(linear_attention_data *data) {
  const linear_attention_case *spec = &data->spec;
  int64_t shape[1] = {spec->batch + 1}, stride[1] = {spec->strided_indices ? 3 : 1};
  if (!spec->packed) return;
  test_tensor *tensor = tensor_new("cu_seqlens", spec->wide_indices ? SEQMIX_I64 : SEQMIX_I32, 1,
                                   shape, stride, spec->skew);
  tensor_fill_gaps(tensor);
  for (int64_t n = 0; n < spec->batch; n++) {
    tensor_store(tensor, tensor_at(tensor, &n), (double)data->sequences[n].start);
  }
  tensor_store(tensor, tensor_at(tensor, &spec->batch), (double)data->total);
  data->tensors[LINEAR_CU_SEQLENS] = tensor;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void new_output(linear_attention_data *data) {
  const linear_attention_case *spec = &data->spec;
  int64_t shape[4] = {spec->packed ? 1 : spec->batch, data->total,
                      spec->hq > spec->hs ? spec->hq : spec->hs, spec->dv};
  test_tensor *out = layout_tensor("out", spec->out_f32 ? SEQMIX_F32 : spec->dtype, shape,
                                   layout_of_outputs(spec->layout), spec->skew);
  tensor_poison(out);
  data->tensors[LINEAR_OUT] = out;
}

static void set_args(linear_attention_data *data) {
  const linear_attention_case *spec = &data->spec;
  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  args.update_rule = spec->rule;
  args.feature_map = spec->feature_map;
  args.normalize = spec->normalize;
  args.head_sharing = spec->tiled_heads ? SEQMIX_HEADS_TILED : SEQMIX_HEADS_INTERLEAVED;
  args.causal = !spec->not_causal;
  args.reverse = spec->reverse;
  args.bidirectional = spec->bidirectional;
  args.scale = spec->scale;
  args.eps = spec->eps;
  if (spec->floor_given) args.floor = spec->floor;
  args.chunk_size = spec->chunk_size;
  if (spec->hints && spec->packed) args.max_seqlen = data->longest;
  data->args = args;
}

static int needs_decay(const linear_attention_case *spec) {
  return spec->rule == SEQMIX_UPDATE_GATED || spec->rule == SEQMIX_UPDATE_GATED_DELTA ||
         (spec->rule == SEQMIX_UPDATE_DPLR && !spec->no_decay);
}

static linear_attention_case with_defaults(const linear_attention_case *given) {
  linear_attention_case spec = *given;
  if (!spec.dtype) spec.dtype = SEQMIX_F32;
  if (!spec.hq) spec.hq = spec.hs;
  if (!spec.hk) spec.hk = spec.hs;
  if (!spec.dv) spec.dv = spec.d;
  if (!spec.scale) spec.scale = 1 / sqrt((double)spec.d);
  if (!spec.state_dtype) spec.state_dtype = SEQMIX_F32;
  if (!spec.present_dtype || spec.in_place) spec.present_dtype = spec.state_dtype;
  if (spec.decay == GATE_ABSENT && needs_decay(&spec)) spec.decay = GATE_PER_HEAD;
  return spec;
}

linear_attention_data linear_attention_draw(const linear_attention_case *spec, uint64_t seed) {
  linear_attention_data data = {.spec = with_defaults(spec)};
  random_state random = random_start(seed);
  draw_sequences(&data, &random);
  draw_cu_seqlens(&data);
  linear_attention_draw_states(&data, &random);
  linear_attention_draw_tokens(&data, &random);
  new_output(&data);
  set_args(&data);
  if (!spec->scale) data.args.scale = SEQMIX_SCALE_DEFAULT;
  return data;
}

void linear_attention_release(linear_attention_data *data) {
  for (int slot = 0; slot < LINEAR_SLOTS; slot++) tensor_free(data->tensors[slot]);
  free(data->sequences);
  free(data->kept);
}
