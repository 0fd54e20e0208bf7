/* SPDX-License-Identifier: Apache-2.0 */
#include "attention_call.h"

#include <stddef.h>
#include <string.h>

#include "../support/suite.h"
#include "verify/random.h"

static const struct {
  const char *name;
  size_t tensor, member;
  int kind;
} layout[ATTENTION_TENSORS] = {
#define TENSOR(which, field, argument, kind)             \
  [which] = {#argument, offsetof(attention_call, field), \
             offsetof(seqmix_attention_args, argument), kind}
    TENSOR(Q, q, q, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_SETS_SIZES),
    TENSOR(K, k, k, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE),
    TENSOR(V, v, v, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_SETS_SIZES),
    TENSOR(OUT, out, out, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_OUTPUT),
    TENSOR(LSE, lse, lse, SUBJECT_OUTPUT),
    TENSOR(SCORES, scores, scores, SUBJECT_OUTPUT | SUBJECT_LAST_DENSE),
    TENSOR(MASK, mask, mask, SUBJECT_ANY_RANK),
    TENSOR(BIAS, bias, bias, SUBJECT_ANY_RANK),
    TENSOR(SLOPES, slopes, alibi_slopes, 0),
    TENSOR(SINKS, sinks, sinks, 0),
    TENSOR(BLOCK_MAP, block_map, block_map, SUBJECT_FREE_SIZES),
    TENSOR(CU_Q, cu_q, cu_seqlens_q, SUBJECT_INDEX | SUBJECT_SETS_SIZES),
    TENSOR(CU_K, cu_k, cu_seqlens_k, SUBJECT_INDEX),
    TENSOR(KEY_LENGTHS, key_lengths, key_lengths, SUBJECT_INDEX),
    TENSOR(QUERY_LENGTHS, query_lengths, query_lengths, SUBJECT_INDEX),
    TENSOR(QUERY_OFFSETS, query_offsets, query_offsets, SUBJECT_INDEX),
    TENSOR(BLOCK_TABLE, block_table, block_table, SUBJECT_INDEX | SUBJECT_FREE_SIZES),
#undef TENSOR
};

static seqmix_tensor *tensor_of(attention_call *call, int which) {
  return (seqmix_tensor *)((char *)call + layout[which].tensor);
}

static const seqmix_tensor **member_of(attention_call *call, int which) {
  return (const seqmix_tensor **)((char *)&call->args + layout[which].member);
}

subject attention_call_subject(attention_call *call, int which) {
  subject s = {layout[which].name, tensor_of(call, which), member_of(call, which),
               layout[which].kind};
  return s;
}

static void use(attention_call *call, int which, seqmix_tensor tensor) {
  *tensor_of(call, which) = tensor;
  *member_of(call, which) = tensor_of(call, which);
}

static void use_numbers(attention_call *call, int which, seqmix_tensor tensor) {
  fill_numbers(&tensor, layout[which].name);
  use(call, which, tensor);
}

/* A third of the flags is false, the rest any byte but 0. */
static void use_flags(attention_call *call, int which, seqmix_tensor tensor) {
  random_state random = random_start(suite_seed(layout[which].name));
  int64_t count = tensor_bytes(&tensor);
  for (int64_t i = 0; i < count; i++) {
    int live = !random_one_in(&random, 3);
    ((uint8_t *)tensor.data)[i] = (uint8_t)(live * random_integer(&random, 1, 255));
  }
  use(call, which, tensor);
}

static void use_indices(attention_call *call, int which, int count, const int32_t *values) {
  void *data = arena_cell(which);
  memcpy(data, values, (size_t)count * sizeof *values);
  use(call, which, seqmix_tensor_1d(data, SEQMIX_I32, count));
}

static void make_dense(attention_call *call) {
  const int32_t f32 = SEQMIX_F32, flag = SEQMIX_BOOL, byte = SEQMIX_U8;
  use_numbers(call, Q, seqmix_tensor_4d(arena_cell(Q), f32, 2, 3, 4, 8));
  use_numbers(call, K, seqmix_tensor_4d(arena_cell(K), f32, 2, 5, 2, 8));
  use_numbers(call, V, seqmix_tensor_4d(arena_cell(V), f32, 2, 5, 2, 6));
  use(call, OUT, seqmix_tensor_4d(arena_cell(OUT), f32, 2, 3, 4, 6));
  use(call, LSE, seqmix_tensor_3d(arena_cell(LSE), f32, 2, 4, 3));
  use(call, SCORES, seqmix_tensor_4d(arena_cell(SCORES), f32, 2, 4, 3, 5));
  use_flags(call, MASK, seqmix_tensor_4d(arena_cell(MASK), flag, 2, 4, 3, 5));
  use_numbers(call, BIAS, seqmix_tensor_4d(arena_cell(BIAS), f32, 2, 4, 3, 5));
  use_flags(call, BLOCK_MAP, seqmix_tensor_4d(arena_cell(BLOCK_MAP), byte, 2, 4, 2, 3));
  use_indices(call, KEY_LENGTHS, 2, (const int32_t[]){5, 3});
  use_indices(call, QUERY_LENGTHS, 2, (const int32_t[]){3, 2});
  use_indices(call, QUERY_OFFSETS, 2, (const int32_t[]){1, -1});
}

static void make_packed(attention_call *call) {
  const int32_t f32 = SEQMIX_F32;
  use_numbers(call, Q, seqmix_tensor_4d(arena_cell(Q), f32, 1, 5, 4, 8));
  use_numbers(call, K, seqmix_tensor_4d(arena_cell(K), f32, 1, 7, 2, 8));
  use_numbers(call, V, seqmix_tensor_4d(arena_cell(V), f32, 1, 7, 2, 6));
  use(call, OUT, seqmix_tensor_4d(arena_cell(OUT), f32, 1, 5, 4, 6));
  use(call, LSE, seqmix_tensor_3d(arena_cell(LSE), f32, 1, 4, 5));
  use_flags(call, BLOCK_MAP, seqmix_tensor_4d(arena_cell(BLOCK_MAP), SEQMIX_BOOL, 1, 4, 2, 2));
  use_indices(call, CU_Q, 3, (const int32_t[]){0, 2, 5});
  use_indices(call, CU_K, 3, (const int32_t[]){0, 3, 7});
  use_indices(call, KEY_LENGTHS, 2, (const int32_t[]){3, 2});
  use_indices(call, QUERY_LENGTHS, 2, (const int32_t[]){1, 3});
  use_indices(call, QUERY_OFFSETS, 2, (const int32_t[]){1, -1});
  call->args.max_seqlen_q = 3;
  call->args.max_seqlen_k = 4;
}

static void make_paged(attention_call *call) {
  static const int32_t pages[] = {3, 0, 1, 1000}; /* the last has no live key */
  const int32_t f32 = SEQMIX_F32;
  use_numbers(call, Q, seqmix_tensor_4d(arena_cell(Q), f32, 1, 5, 4, 8));
  use_numbers(call, K, seqmix_tensor_4d(arena_cell(K), f32, 4, 3, 2, 8));
  use_numbers(call, V, seqmix_tensor_4d(arena_cell(V), f32, 4, 3, 2, 6));
  use(call, OUT, seqmix_tensor_4d(arena_cell(OUT), f32, 1, 5, 4, 6));
  use(call, LSE, seqmix_tensor_3d(arena_cell(LSE), f32, 1, 4, 5));
  use_indices(call, CU_Q, 3, (const int32_t[]){0, 2, 5});
  use_indices(call, KEY_LENGTHS, 2, (const int32_t[]){5, 2});
  use_indices(call, BLOCK_TABLE, 4, pages);
  call->block_table = seqmix_tensor_2d(arena_cell(BLOCK_TABLE), SEQMIX_I32, 2, 2);
}

void attention_call_make(attention_call *call, seqmix_context *context, int base) {
  static const seqmix_attention_args initial = SEQMIX_ATTENTION_ARGS_INIT;
  memset(call, 0, sizeof *call);
  arena_clear();
  call->context = context;
  call->args = initial;
  call->passed = &call->args;
  if (base == DENSE) make_dense(call);
  if (base == PACKED) make_packed(call);
  if (base == PAGED) make_paged(call);
  use_numbers(call, SLOPES, seqmix_tensor_1d(arena_cell(SLOPES), SEQMIX_F32, 4));
  use_numbers(call, SINKS, seqmix_tensor_1d(arena_cell(SINKS), SEQMIX_F32, 4));
  if (call->args.block_map) call->args.block_map_queries = call->args.block_map_keys = 2;
  call->args.softcap = 5;
  call->args.window_left = 4;
}

seqmix_status attention_call_run(void *call) {
  attention_call *c = call;
  return seqmix_attention(c->context, c->passed);
}

void drop_options(attention_call *call) {
  static const int options[] = {SCORES, MASK,      BIAS,          SLOPES,
                                SINKS,  BLOCK_MAP, QUERY_LENGTHS, QUERY_OFFSETS};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) *member_of(call, options[i]) = NULL;
  if (!call->args.block_table) call->args.key_lengths = NULL;
}

void join_qkv(attention_call *call) {
  int64_t batch = call->q.shape[0], time = call->q.shape[1];
  int64_t q_width = call->q.shape[2] * call->q.shape[3];
  int64_t k_width = call->k.shape[2] * call->k.shape[3];
  int64_t width = q_width + k_width + call->v.shape[2] * call->v.shape[3];
  seqmix_tensor *parts[] = {&call->q, &call->k, &call->v};
  use_numbers(call, Q, seqmix_tensor_4d(arena_cell(Q), SEQMIX_F32, batch, time, 1, width));
  call->q.shape[2] = 4;
  call->q.shape[3] = 8;
  for (int i = 0; i < 3; i++) {
    parts[i]->shape[1] = time;
    parts[i]->stride[0] = time * width;
    parts[i]->stride[1] = width;
    parts[i]->stride[2] = parts[i]->shape[3];
  }
  call->k.data = (float *)call->q.data + q_width;
  call->v.data = (float *)call->k.data + k_width;
}

void put_out_into_q(attention_call *call, int shift) {
  int64_t width = call->q.shape[3] + call->out.shape[3], heads = call->q.shape[2];
  int64_t batch = call->q.shape[0], time = call->q.shape[1], dim = call->q.shape[3];
  use_numbers(call, Q, seqmix_tensor_4d(arena_cell(Q), SEQMIX_F32, batch, time, heads, width));
  call->q.shape[3] = dim;
  for (int axis = 0; axis < 3; axis++) call->out.stride[axis] = call->q.stride[axis];
  call->out.data = (float *)call->q.data + dim + shift;
}

void pass_longer(attention_call *call, int which, uint64_t value) {
  call->longer.known = call->args;
  call->longer.known.struct_size = sizeof call->longer;
  call->longer.unknown[which] = value;
  call->passed = &call->longer.known;
}

void pass_workspace(attention_call *call, int misalignment, uint64_t shortfall) {
  static _Alignas(64) char memory[1 << 22];
  uint64_t bytes = 0;
  seqmix_status status = seqmix_attention_workspace_size(call->context, &call->args, &bytes);
  ck_assert_msg(status == SEQMIX_OK && bytes > shortfall && bytes + 64 < sizeof memory,
                "no workspace to make wrong: %llu bytes", (unsigned long long)bytes);
  call->args.workspace = memory + misalignment;
  call->args.workspace_bytes = bytes - shortfall;
}
