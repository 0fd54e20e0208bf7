/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/merge_call.h"

static seqmix_attention_merge_args filled_args(const seqmix_tensor *const tensors[]) {
  seqmix_attention_merge_args args = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  args.outs = tensors[MERGE_OUTS];
  args.lses = tensors[MERGE_LSES];
  args.sinks = tensors[MERGE_SINKS];
  args.out = tensors[MERGE_OUT];
  args.lse = tensors[MERGE_LSE];
  return args;
}

static seqmix_status run(seqmix_context *context, const void *options,
                         const seqmix_tensor *const tensors[], void *workspace,
                         uint64_t workspace_bytes) {
  seqmix_attention_merge_args args = filled_args(tensors);
  (void)options;
  args.workspace = workspace;
  args.workspace_bytes = workspace_bytes;
  return seqmix_attention_merge(context, &args);
}

static seqmix_status workspace_size(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], uint64_t *bytes) {
  seqmix_attention_merge_args args = filled_args(tensors);
  (void)options;
  return seqmix_attention_merge_workspace_size(context, &args, bytes);
}

operator_call merge_call(const char *name, test_tensor *const tensors[MERGE_SLOTS]) {
  operator_call call = {
      .name = name,
      .tensor_count = MERGE_SLOTS,
      .outputs = 1u << MERGE_OUT | 1u << MERGE_LSE,
      .run = run,
      .workspace_size = workspace_size,
  };
  for (int slot = 0; slot < MERGE_SLOTS; slot++) call.tensors[slot] = tensors[slot];
  return call;
}
