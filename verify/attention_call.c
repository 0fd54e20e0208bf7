/* SPDX-License-Identifier: Apache-2.0 */
/* From drawn tensors to calls of seqmix_attention(). */
#include "verify/attention_data.h"

static seqmix_attention_args filled_args(const void *options,
                                         const seqmix_tensor *const tensors[]) {
  seqmix_attention_args args = *(const seqmix_attention_args *)options;
  args.q = tensors[SLOT_Q];
  args.k = tensors[SLOT_K];
  args.v = tensors[SLOT_V];
  args.out = tensors[SLOT_OUT];
  args.lse = tensors[SLOT_LSE];
  args.scores = tensors[SLOT_SCORES];
  args.query_offsets = tensors[SLOT_QUERY_OFFSETS];
  args.key_lengths = tensors[SLOT_KEY_LENGTHS];
  args.query_lengths = tensors[SLOT_QUERY_LENGTHS];
  args.mask = tensors[SLOT_MASK];
  args.bias = tensors[SLOT_BIAS];
  args.alibi_slopes = tensors[SLOT_ALIBI];
  args.sinks = tensors[SLOT_SINKS];
  args.block_map = tensors[SLOT_BLOCK_MAP];
  args.cu_seqlens_q = tensors[SLOT_CU_Q];
  args.cu_seqlens_k = tensors[SLOT_CU_K];
  args.block_table = tensors[SLOT_BLOCK_TABLE];
  return args;
}

static seqmix_status run(seqmix_context *context, const void *options,
                         const seqmix_tensor *const tensors[], void *workspace,
                         uint64_t workspace_bytes) {
  seqmix_attention_args args = filled_args(options, tensors);
  args.workspace = workspace;
  args.workspace_bytes = workspace_bytes;
  return seqmix_attention(context, &args);
}

static seqmix_status workspace_size(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], uint64_t *bytes) {
  seqmix_attention_args args = filled_args(options, tensors);
  return seqmix_attention_workspace_size(context, &args, bytes);
}

operator_call attention_call(const attention_data *data) {
  operator_call call = {
      .name = data->spec.name,
      .tensor_count = ATTENTION_SLOTS,
      .outputs = 1u << SLOT_OUT | 1u << SLOT_LSE | 1u << SLOT_SCORES,
      .options = &data->args,
      .run = run,
      .workspace_size = workspace_size,
  };
  for (int slot = 0; slot < ATTENTION_SLOTS; slot++) call.tensors[slot] = data->tensors[slot];
  return call;
}

operator_call attention_judge_call(const attention_data *data, test_tensor *own[ATTENTION_SLOTS]) {
  operator_call call = attention_call(data);
  for (int slot = 0; slot < ATTENTION_SLOTS; slot++) {
    own[slot] = NULL;
    if (!(call.outputs >> slot & 1) || !call.tensors[slot]) continue;
    const seqmix_tensor *view = &call.tensors[slot]->view;
    own[slot] = tensor_new(call.tensors[slot]->name, SEQMIX_F32, view->ndim, view->shape, NULL, 0);
    tensor_poison(own[slot]);
    call.tensors[slot] = own[slot];
  }
  return call;
}

test_bound attention_bound(const attention_data *data, attention_slot slot) {
  const attention_case *spec = &data->spec;
  if (slot == SLOT_LSE) return tolerance_log_bound(SEQMIX_OP_ATTENTION, data->score_limit);
  return tolerance_bound(SEQMIX_OP_ATTENTION, spec->dtype, data->tensors[slot]->view.dtype,
                         tensor_elements(data->tensors[slot]), 1, data->score_limit);
}
