/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of a call, whole or of one state: states are independent of each other, so the judge may
 * compute some of them alone. */
#include "bench/linear_attention.h"

static linear_attention_layout over_tokens(const linear_attention_shape *s, int32_t dtype,
                                           int64_t heads, int64_t dim) {
  return (linear_attention_layout){dtype, dim ? 4 : 3, {s->b, s->t, heads, dim}, 0, 2};
}

static linear_attention_layout decay_layout(const linear_attention_shape *s) {
  if (s->decay == DECAY_NONE) return (linear_attention_layout){0};
  if (s->decay == DECAY_CONSTANT) return (linear_attention_layout){SEQMIX_F32, 1, {s->h}, -1, 0};
  return over_tokens(s, SEQMIX_F32, s->h, s->decay == DECAY_CHANNEL ? s->d : 0);
}

linear_attention_layout linear_attention_layout_of(const linear_attention_shape *s, int32_t dtype,
                                                   linear_attention_part part) {
  const linear_attention_layout none = {0};
  int is_dplr = s->rule == SEQMIX_UPDATE_DPLR;
  switch (part) {
    case LINEAR_Q: return over_tokens(s, dtype, s->hq, s->d);
    case LINEAR_K: return over_tokens(s, dtype, s->hk, s->d);
    case LINEAR_V: return over_tokens(s, dtype, s->h, s->dv);
    case LINEAR_OUT: return over_tokens(s, dtype, linear_attention_out_heads(s), s->dv);
    case LINEAR_DECAY: return decay_layout(s);
    case LINEAR_BETA:
      if (s->beta == BETA_NONE) return none;
      return over_tokens(s, dtype, s->h, s->beta == BETA_CHANNEL ? s->dv : 0);
    case LINEAR_A:
    case LINEAR_B: return is_dplr ? over_tokens(s, dtype, s->h, s->d) : none;
    case LINEAR_BONUS:
      return s->bonus ? (linear_attention_layout){dtype, 2, {s->h, s->d}, -1, 0} : none;
    case LINEAR_STATE:
      if (s->states == STATES_NONE) return none;
      return (linear_attention_layout){s->state_type, 4, {s->b, s->h, s->d, s->dv}, 0, 1};
    case LINEAR_STARTS:
      return s->packed ? (linear_attention_layout){SEQMIX_I32, 1, {s->b + 1}, -1, -1} : none;
    default: return none;
  }
}

uint64_t linear_attention_elements(const linear_attention_layout *layout) {
  uint64_t elements = layout->rank > 0;
  for (int i = 0; i < layout->rank; i++) elements *= (uint64_t)layout->extent[i];
  return elements;
}

uint64_t linear_attention_bytes(const linear_attention_layout *layout) {
  return layout->rank ? linear_attention_elements(layout) * seqmix_dtype_size(layout->dtype) : 0;
}

/* ---- tensors ------------------------------------------------------------------------------- */

static seqmix_tensor whole(const linear_attention_layout *layout, void *data) {
  return seqmix_tensor_nd(data, layout->dtype, layout->rank, layout->extent, NULL);
}

/* Sequences side by side on the time axis are the same memory. */
static void pack(seqmix_tensor *tensor) {
  tensor->shape[1] *= tensor->shape[0];
  tensor->shape[0] = 1;
}

/* Items first .. first + count - 1 of an axis. */
static void narrow(seqmix_tensor *tensor, int axis, int64_t first, int64_t count) {
  tensor->byte_offset +=
      (uint64_t)(first * tensor->stride[axis]) * seqmix_dtype_size(tensor->dtype);
  tensor->shape[axis] = count;
}

/* The heads that belong to a state: one that it shares, or several of its own. */
static void narrow_to_state(seqmix_tensor *tensor, const linear_attention_layout *layout,
                            int64_t states, int64_t state) {
  int64_t heads = layout->extent[layout->heads];
  if (heads >= states)
    narrow(tensor, layout->heads, state * (heads / states), heads / states);
  else
    narrow(tensor, layout->heads, state / (states / heads), 1);
}

static void set_options(linear_attention_call *call, const linear_attention_shape *s) {
  seqmix_linear_attention_args *args = &call->args;
  seqmix_tensor *tensors = call->tensors;
  *args = (seqmix_linear_attention_args)SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  args->update_rule = s->rule;
  args->feature_map = s->map;
  args->q = &tensors[LINEAR_Q];
  args->k = &tensors[LINEAR_K];
  args->v = &tensors[LINEAR_V];
  args->out = &tensors[LINEAR_OUT];
  if (s->decay != DECAY_NONE) args->decay = &tensors[LINEAR_DECAY];
  if (s->beta != BETA_NONE) args->beta = &tensors[LINEAR_BETA];
  if (s->rule == SEQMIX_UPDATE_DPLR) args->a = &tensors[LINEAR_A], args->b = &tensors[LINEAR_B];
  if (s->bonus) args->bonus = &tensors[LINEAR_BONUS];
  if (s->states != STATES_NONE) args->present_state = &tensors[LINEAR_STATE];
  if (s->states == STATES_UPDATE) args->past_state = &tensors[LINEAR_STATE];
}

void linear_attention_call_all(linear_attention_call *call, const linear_attention_shape *s,
                               int32_t dtype, void *const data[LINEAR_PARTS]) {
  set_options(call, s);
  for (int part = 0; part < LINEAR_PARTS; part++) {
    linear_attention_layout layout = linear_attention_layout_of(s, dtype, part);
    if (!layout.rank) continue;
    call->tensors[part] = whole(&layout, data[part]);
    if (s->packed && layout.sequences == 0 && part != LINEAR_STATE) pack(&call->tensors[part]);
  }
  if (s->packed) {
    call->args.cu_seqlens = &call->tensors[LINEAR_STARTS];
    call->args.max_seqlen = s->t;
  }
}

void linear_attention_call_one(linear_attention_call *call, const linear_attention_shape *s,
                               int32_t dtype, void *const data[LINEAR_PARTS], int64_t sequence,
                               int64_t head) {
  set_options(call, s);
  for (int part = 0; part < LINEAR_PARTS; part++) {
    linear_attention_layout layout = linear_attention_layout_of(s, dtype, part);
    if (!layout.rank) continue;
    call->tensors[part] = whole(&layout, data[part]);
    if (layout.sequences >= 0) narrow(&call->tensors[part], layout.sequences, sequence, 1);
    if (layout.heads >= 0) narrow_to_state(&call->tensors[part], &layout, s->h, head);
  }
}
