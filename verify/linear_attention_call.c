/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/linear_attention_call.h"

#include <math.h>

static seqmix_linear_attention_args filled_args(const void *options,
                                                const seqmix_tensor *const tensors[]) {
  seqmix_linear_attention_args args = *(const seqmix_linear_attention_args *)options;
  args.q = tensors[LINEAR_Q];
  args.k = tensors[LINEAR_K];
  args.v = tensors[LINEAR_V];
  args.out = tensors[LINEAR_OUT];
  args.decay = tensors[LINEAR_DECAY];
  args.decay_reverse = tensors[LINEAR_DECAY_REVERSE];
  args.beta = tensors[LINEAR_BETA];
  args.erase = tensors[LINEAR_ERASE];
  args.a = tensors[LINEAR_A];
  args.b = tensors[LINEAR_B];
  args.bonus = tensors[LINEAR_BONUS];
  args.input_gate = tensors[LINEAR_INPUT_GATE];
  args.past_state = tensors[LINEAR_PAST_STATE];
  args.past_normalizer = tensors[LINEAR_PAST_NORMALIZER];
  args.past_stabilizer = tensors[LINEAR_PAST_STABILIZER];
  args.present_state = tensors[LINEAR_PRESENT_STATE];
  args.present_normalizer = tensors[LINEAR_PRESENT_NORMALIZER];
  args.present_stabilizer = tensors[LINEAR_PRESENT_STABILIZER];
  args.state_indices = tensors[LINEAR_STATE_INDICES];
  args.state_out_indices = tensors[LINEAR_STATE_OUT_INDICES];
  args.cu_seqlens = tensors[LINEAR_CU_SEQLENS];
  return args;
}

static seqmix_status run(seqmix_context *context, const void *options,
                         const seqmix_tensor *const tensors[], void *workspace,
                         uint64_t workspace_bytes) {
  seqmix_linear_attention_args args = filled_args(options, tensors);
  args.workspace = workspace;
  args.workspace_bytes = workspace_bytes;
  return seqmix_linear_attention(context, &args);
}

static seqmix_status workspace_size(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], uint64_t *bytes) {
  seqmix_linear_attention_args args = filled_args(options, tensors);
  return seqmix_linear_attention_workspace_size(context, &args, bytes);
}

operator_call linear_attention_call(const linear_attention_data *data) {
  operator_call call = {
      .name = data->spec.name,
      .tensor_count = LINEAR_SLOTS,
      .outputs = 1u << LINEAR_OUT | 1u << LINEAR_PRESENT_STATE | 1u << LINEAR_PRESENT_NORMALIZER |
                 1u << LINEAR_PRESENT_STABILIZER,
      .options = &data->args,
      .run = run,
      .workspace_size = workspace_size,
  };
  _Static_assert(LINEAR_SLOTS <= TEST_MAX_TENSORS, "too many tensors");
  for (int slot = 0; slot < LINEAR_SLOTS; slot++) call.tensors[slot] = data->tensors[slot];
  for (int slot = LINEAR_PRESENT_STATE; slot <= LINEAR_PRESENT_STABILIZER; slot++) {
    call.rows[slot] = data->sequences.kept;
  }
  return call;
}

operator_call linear_attention_judge_call(const linear_attention_data *data,
                                          test_tensor *own[LINEAR_SLOTS]) {
  operator_call call = linear_attention_call(data);
  for (int slot = 0; slot < LINEAR_SLOTS; slot++) {
    own[slot] = NULL;
    if (!(call.outputs >> slot & 1) || !call.tensors[slot]) continue;
    const seqmix_tensor *view = &call.tensors[slot]->view;
    own[slot] = tensor_new(call.tensors[slot]->name, SEQMIX_F32, view->ndim, view->shape, NULL, 0);
    tensor_poison(own[slot]);
    call.tensors[slot] = own[slot];
  }
  return call;
}

/* The type with fewer bits of fraction. */
static int32_t coarser(int32_t a, int32_t b) {
  if (a == SEQMIX_BF16 || b == SEQMIX_BF16) return SEQMIX_BF16;
  return a == SEQMIX_F16 || b == SEQMIX_F16 ? SEQMIX_F16 : SEQMIX_F32;
}

/* Typical magnitude of the elements of S: one k v^T, and the past. */
static double state_size(const linear_attention_data *data) {
  double past = data->spec.states & STATES_PAST ? 1 : 0;
  return sqrt(data->k_square / (double)data->spec.d) + past;
}

test_bound linear_attention_bound(const linear_attention_data *data, linear_slot slot) {
  const linear_attention_case *spec = &data->spec;
  const test_tensor *tensor = data->tensors[slot];
  double size = state_size(data);
  int32_t type = spec->dtype;
  if (slot == LINEAR_PRESENT_STABILIZER) {
    return tolerance_log_bound(SEQMIX_OP_LINEAR_ATTENTION, 8);
  }
  if (slot == LINEAR_OUT) {
    size = spec->normalize ? 1 : fabs(spec->scale) * sqrt(data->q_square) * size;
  } else {
    type = coarser(type, tensor->view.dtype);
  }
  return tolerance_bound(SEQMIX_OP_LINEAR_ATTENTION, type, tensor->view.dtype,
                         tensor_elements(tensor), size, 8);
}
