/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/linear_attention_data.h"

#include <math.h>

static sequence_options options_of(const linear_attention_case *spec) {
  return (sequence_options){
      .batch = spec->batch,
      .t = spec->t,
      .packed = spec->packed,
      .empty_ends = spec->empty_ends,
      .in_place = spec->in_place,
      .pool = spec->pool,
      .pool_absences = spec->pool_absences,
      .pool_readers = spec->pool_readers,
      .wide_indices = spec->wide_indices,
      .strided_indices = spec->strided_indices,
      .skew = spec->skew,
  };
}

void linear_attention_token(const linear_attention_data *data, int64_t n, int64_t i,
                            int64_t index[2]) {
  sequences_token(&data->sequences, n, i, index);
}

static void new_output(linear_attention_data *data) {
  const linear_attention_case *spec = &data->spec;
  int64_t shape[4] = {spec->packed ? 1 : spec->batch, data->sequences.total,
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
  if (spec->hints && spec->packed) args.max_seqlen = data->sequences.longest;
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
  sequence_options options = options_of(&data.spec);
  data.sequences = sequences_draw(&options, &random);
  data.tensors[LINEAR_CU_SEQLENS] = sequences_cu_seqlens(&data.sequences);
  linear_attention_draw_states(&data, &random);
  linear_attention_draw_tokens(&data, &random);
  new_output(&data);
  set_args(&data);
  if (!spec->scale) data.args.scale = SEQMIX_SCALE_DEFAULT;
  return data;
}

void linear_attention_release(linear_attention_data *data) {
  for (int slot = 0; slot < LINEAR_SLOTS; slot++) tensor_free(data->tensors[slot]);
  sequences_release(&data->sequences);
}
