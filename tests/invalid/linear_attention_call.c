/* SPDX-License-Identifier: Apache-2.0 */
#include "linear_attention_call.h"

#include <stddef.h>
#include <string.h>

#include "../support/suite.h"

static const struct {
  const char *name;
  size_t tensor, member;
  int kind;
} layout[LINEAR_ATTENTION_TENSORS] = {
#define TENSOR(which, argument, kind)                              \
  [which] = {#argument, offsetof(linear_attention_call, argument), \
             offsetof(seqmix_linear_attention_args, argument), kind}
    TENSOR(Q, q, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_SETS_SIZES),
    TENSOR(K, k, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE),
    TENSOR(V, v, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_SETS_SIZES),
    TENSOR(OUT, out, SUBJECT_REQUIRED | SUBJECT_LAST_DENSE | SUBJECT_OUTPUT),
    TENSOR(DECAY, decay, SUBJECT_ANY_RANK),
    TENSOR(DECAY_REVERSE, decay_reverse, 0),
    TENSOR(BETA, beta, SUBJECT_ANY_RANK),
    TENSOR(ERASE, erase, 0),
    TENSOR(VECTOR_A, a, 0),
    TENSOR(VECTOR_B, b, 0),
    TENSOR(BONUS, bonus, 0),
    TENSOR(INPUT_GATE, input_gate, 0),
    TENSOR(PAST_STATE, past_state, SUBJECT_SETS_SIZES),
    TENSOR(PAST_NORMALIZER, past_normalizer, 0),
    TENSOR(PAST_STABILIZER, past_stabilizer, 0),
    TENSOR(PRESENT_STATE, present_state, SUBJECT_OUTPUT | SUBJECT_SETS_SIZES),
    TENSOR(PRESENT_NORMALIZER, present_normalizer, SUBJECT_OUTPUT),
    TENSOR(PRESENT_STABILIZER, present_stabilizer, SUBJECT_OUTPUT),
    TENSOR(STATE_INDICES, state_indices, SUBJECT_INDEX),
    TENSOR(STATE_OUT_INDICES, state_out_indices, SUBJECT_INDEX),
    TENSOR(CU_SEQLENS, cu_seqlens, SUBJECT_INDEX | SUBJECT_SETS_SIZES),
#undef TENSOR
};

static seqmix_tensor *tensor_of(linear_attention_call *call, int which) {
  return (seqmix_tensor *)((char *)call + layout[which].tensor);
}

static const seqmix_tensor **member_of(linear_attention_call *call, int which) {
  return (const seqmix_tensor **)((char *)&call->args + layout[which].member);
}

subject linear_attention_call_subject(linear_attention_call *call, int which) {
  subject s = {layout[which].name, tensor_of(call, which), member_of(call, which),
               layout[which].kind};
  return s;
}

void give(linear_attention_call *call, int which, seqmix_tensor sizes) {
  sizes.data = arena_cell(which);
  if (sizes.dtype == SEQMIX_F32 && !(layout[which].kind & SUBJECT_OUTPUT))
    fill_numbers(&sizes, layout[which].name);
  *tensor_of(call, which) = sizes;
  *member_of(call, which) = tensor_of(call, which);
}

static void give_indices(linear_attention_call *call, int which, int count, const int32_t *values) {
  memcpy(arena_cell(which), values, (size_t)count * sizeof *values);
  give(call, which, seqmix_tensor_1d(NULL, SEQMIX_I32, count));
}

void name_rows(linear_attention_call *call, int which, int32_t first, int32_t second) {
  give_indices(call, which, 2, (const int32_t[]){first, second});
}

/* ---- the bases ------------------------------------------------------------------------------ */

static seqmix_tensor f32_of(int64_t n0, int64_t n1, int64_t n2, int64_t n3) {
  int64_t shape[] = {n0, n1, n2, n3};
  int32_t rank = 4;
  while (rank > 1 && shape[rank - 1] == 0) rank--;
  return seqmix_tensor_nd(NULL, SEQMIX_F32, rank, shape, NULL);
}

static void give_rows(linear_attention_call *call, int64_t batch, int64_t time, int64_t q_heads,
                      int64_t k_heads) {
  give(call, Q, f32_of(batch, time, q_heads, 4));
  give(call, K, f32_of(batch, time, k_heads, 4));
  give(call, V, f32_of(batch, time, 4, 3));
  give(call, OUT, f32_of(batch, time, q_heads > 4 ? q_heads : 4, 3));
}

static void make_gated(linear_attention_call *call) {
  give_rows(call, 2, 3, 4, 2);
  give(call, DECAY, f32_of(2, 3, 4, 0));
  give(call, INPUT_GATE, f32_of(2, 3, 4, 0));
  give(call, PAST_STATE, f32_of(3, 4, 4, 3));
  give(call, PAST_NORMALIZER, f32_of(3, 4, 4, 0));
  give(call, PAST_STABILIZER, f32_of(3, 4, 0, 0));
  give(call, PRESENT_STATE, f32_of(4, 4, 4, 3));
  give(call, PRESENT_NORMALIZER, f32_of(4, 4, 4, 0));
  give(call, PRESENT_STABILIZER, f32_of(4, 4, 0, 0));
  name_rows(call, STATE_INDICES, 2, 0);
  name_rows(call, STATE_OUT_INDICES, 1, 3);
  call->args.update_rule = SEQMIX_UPDATE_GATED;
  call->args.feature_map = SEQMIX_FEATURE_EXP;
  call->args.normalize = SEQMIX_NORMALIZE_ABS_MAX;
  call->args.eps = 0.01;
}

static void make_delta(linear_attention_call *call) {
  give_rows(call, 2, 3, 2, 2);
  give(call, DECAY, f32_of(2, 3, 4, 4));
  give(call, BETA, f32_of(2, 3, 4, 3));
  give(call, ERASE, f32_of(2, 3, 4, 4));
  give(call, PAST_STATE, f32_of(2, 4, 4, 3));
  narrow_to_bf16(&call->past_state);
  give(call, PRESENT_STATE, f32_of(2, 4, 4, 3));
  call->args.update_rule = SEQMIX_UPDATE_GATED_DELTA;
  call->args.feature_map = SEQMIX_FEATURE_L2NORM;
  call->args.head_sharing = SEQMIX_HEADS_TILED;
}

static void make_dplr(linear_attention_call *call) {
  give_rows(call, 2, 3, 8, 4);
  give(call, DECAY, f32_of(4, 0, 0, 0));
  give(call, VECTOR_A, f32_of(2, 3, 4, 4));
  give(call, VECTOR_B, f32_of(2, 3, 4, 4));
  give(call, PRESENT_STATE, f32_of(2, 4, 4, 3));
  call->args.update_rule = SEQMIX_UPDATE_DPLR;
  call->args.reverse = 1;
}

static void make_two_ways(linear_attention_call *call) {
  give_rows(call, 2, 3, 4, 2);
  give(call, DECAY, f32_of(2, 3, 4, 0));
  give(call, DECAY_REVERSE, f32_of(2, 3, 4, 0));
  call->args.update_rule = SEQMIX_UPDATE_GATED;
  call->args.feature_map = SEQMIX_FEATURE_ELU1;
  call->args.normalize = SEQMIX_NORMALIZE_SUM;
  call->args.bidirectional = 1;
}

static void make_packed(linear_attention_call *call) {
  give_rows(call, 1, 5, 4, 2);
  give(call, BONUS, f32_of(4, 4, 0, 0));
  give(call, PAST_STATE, f32_of(2, 4, 4, 3));
  give(call, PAST_NORMALIZER, f32_of(2, 4, 4, 0));
  give(call, PRESENT_STATE, f32_of(2, 4, 4, 3));
  give(call, PRESENT_NORMALIZER, f32_of(2, 4, 4, 0));
  give_indices(call, CU_SEQLENS, 3, (const int32_t[]){0, 2, 5});
  call->args.max_seqlen = 3;
  call->args.feature_map = SEQMIX_FEATURE_RELU;
  call->args.normalize = SEQMIX_NORMALIZE_SUM;
  call->args.eps = 5; /* far from dividing by 0 */
}

void linear_attention_call_make(linear_attention_call *call, seqmix_context *context, int base) {
  static void (*const makers[LINEAR_ATTENTION_BASES])(linear_attention_call * call) = {
      [GATED] = make_gated,       [DELTA] = make_delta,   [DPLR] = make_dplr,
      [TWO_WAYS] = make_two_ways, [PACKED] = make_packed,
  };
  static const seqmix_linear_attention_args initial = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  memset(call, 0, sizeof *call);
  arena_clear();
  call->context = context;
  call->args = initial;
  call->passed = &call->args;
  makers[base](call);
}

seqmix_status linear_attention_call_run(void *call) {
  linear_attention_call *c = call;
  return seqmix_linear_attention(c->context, c->passed);
}

/* ---- changes that take more than a line ------------------------------------------------------ */

void drop_past(linear_attention_call *call) {
  for (int which = PAST_STATE; which <= PAST_STABILIZER; which++) *member_of(call, which) = NULL;
}

void drop_present(linear_attention_call *call) {
  for (int which = PRESENT_STATE; which <= PRESENT_STABILIZER; which++)
    *member_of(call, which) = NULL;
}

void set_past_rows(linear_attention_call *call, int64_t rows) {
  for (int which = PAST_STATE; which <= PAST_STABILIZER; which++)
    tensor_of(call, which)->shape[0] = rows;
}

void set_present_rows(linear_attention_call *call, int64_t rows) {
  for (int which = PRESENT_STATE; which <= PRESENT_STABILIZER; which++)
    tensor_of(call, which)->shape[0] = rows;
}

void update_in_place(linear_attention_call *call) {
  for (int which = PAST_STATE; which <= PAST_STABILIZER; which++) {
    int present = which + PRESENT_STATE - PAST_STATE;
    *tensor_of(call, present) = *tensor_of(call, which);
    *member_of(call, present) = *member_of(call, which) ? tensor_of(call, present) : NULL;
  }
}

void drop_tokens(linear_attention_call *call) {
  for (int which = Q; which <= INPUT_GATE; which++)
    if (which != BONUS && tensor_of(call, which)->ndim > 1) tensor_of(call, which)->shape[1] = 0;
}

void make_many(linear_attention_call *call) {
  enum { MANY = 100 };
  int32_t read[MANY] = {0}, written[MANY];
  for (int n = 0; n < MANY; n++) written[n] = -1;
  drop_tokens(call);
  for (int which = Q; which <= INPUT_GATE; which++) tensor_of(call, which)->shape[0] = MANY;
  give_indices(call, STATE_INDICES, MANY, read);
  give_indices(call, STATE_OUT_INDICES, MANY, written);
}

void pass_longer(linear_attention_call *call, int which, uint64_t value) {
  call->longer.known = call->args;
  call->longer.known.struct_size = sizeof call->longer;
  call->longer.unknown[which] = value;
  call->passed = &call->longer.known;
}

void pass_workspace(linear_attention_call *call, int misalignment, uint64_t shortfall) {
  static _Alignas(64) char memory[1 << 22];
  uint64_t bytes = 0;
  seqmix_status status = seqmix_linear_attention_workspace_size(call->context, &call->args, &bytes);
  ck_assert_msg(status == SEQMIX_OK && bytes > shortfall && bytes + 64 < sizeof memory,
                "no workspace to make wrong: %llu bytes", (unsigned long long)bytes);
  call->args.workspace = memory + misalignment;
  call->args.workspace_bytes = bytes - shortfall;
}
