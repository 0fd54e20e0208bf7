/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention of models: each rule with the decays it has, in prefill and token by token. */
#include "tools/pack/common.h"

typedef enum gate { NO_DECAY, OF_HEAD, OF_TOKEN, OF_CHANNEL } gate;

/* RetNet and Mamba-2 have gates of heads, GLA and RWKV of channels, DeltaNet none; Gated DeltaNet
 * and KDA are the gated delta rule, RWKV-7 is dplr. */
static const struct {
  int32_t rule;
  gate decay;
} rules[] = {
    {SEQMIX_UPDATE_LINEAR, NO_DECAY},        {SEQMIX_UPDATE_GATED, OF_HEAD},
    {SEQMIX_UPDATE_GATED, OF_TOKEN},         {SEQMIX_UPDATE_GATED, OF_CHANNEL},
    {SEQMIX_UPDATE_DELTA, NO_DECAY},         {SEQMIX_UPDATE_GATED_DELTA, OF_TOKEN},
    {SEQMIX_UPDATE_GATED_DELTA, OF_CHANNEL}, {SEQMIX_UPDATE_DPLR, OF_CHANNEL},
};

static const int64_t dims[] = {64, 128, 256};

/* Tokens of a prompt, those that are guessed at once, and one. */
static const struct { int64_t batch, length; } shapes[] = {{1, 4096}, {8, 4}, {32, 1}};

/* With sums beneath, as in the first linear transformers and in mLSTM. */
typedef enum extra { PLAIN, NORMALIZED, EXTRAS } extra;

enum {
  HEADS = 16,
  RULES = sizeof rules / sizeof *rules,
  DIMS = sizeof dims / sizeof *dims,
  SHAPES = sizeof shapes / sizeof *shapes,
  ALL = COMMON_TYPES * DIMS * RULES * SHAPES * EXTRAS,
};

typedef struct linear_tensors {
  seqmix_tensor q, k, v, out, decay, beta, a, b, past, present, past_sum, present_sum;
} linear_tensors;

static void take_gates(seqmix_linear_attention_args *args, linear_tensors *x, int32_t rule,
                       int64_t batch, int64_t length, int64_t dim) {
  gate decay = rules[rule].decay;
  args->update_rule = rules[rule].rule;
  x->decay = decay == OF_HEAD    ? common_tensor(SEQMIX_F32, HEADS, 0, 0, 0)
             : decay == OF_TOKEN ? common_tensor(SEQMIX_F32, batch, length, HEADS, 0)
                                 : common_tensor(SEQMIX_F32, batch, length, HEADS, dim);
  if (decay != NO_DECAY) args->decay = &x->decay;
  x->beta = common_tensor(SEQMIX_F32, batch, length, HEADS, 0);
  if (args->update_rule == SEQMIX_UPDATE_DELTA || args->update_rule == SEQMIX_UPDATE_GATED_DELTA)
    args->beta = &x->beta;
  if (args->update_rule != SEQMIX_UPDATE_DPLR) return;
  x->a = common_tensor(SEQMIX_F32, batch, length, HEADS, dim);
  x->b = common_tensor(SEQMIX_F32, batch, length, HEADS, dim);
  args->a = &x->a;
  args->b = &x->b;
}

static void normalize(seqmix_linear_attention_args *args, linear_tensors *x, int64_t batch,
                      int64_t dim) {
  x->past_sum = common_tensor(SEQMIX_F32, batch, HEADS, dim, 0);
  x->present_sum = common_tensor(SEQMIX_F32, batch, HEADS, dim, 0);
  args->normalize = SEQMIX_NORMALIZE_SUM;
  args->feature_map = SEQMIX_FEATURE_ELU1;
  args->past_normalizer = &x->past_sum;
  args->present_normalizer = &x->present_sum;
}

static seqmix_status make(seqmix_context *context, int32_t index) {
  seqmix_linear_attention_args args = SEQMIX_LINEAR_ATTENTION_ARGS_INIT;
  linear_tensors x;
  int32_t type = common_type(common_digit(&index, COMMON_TYPES));
  int64_t dim = dims[common_digit(&index, DIMS)];
  int32_t rule = common_digit(&index, RULES), shape = common_digit(&index, SHAPES);
  int64_t batch = shapes[shape].batch, length = shapes[shape].length;
  x.q = common_tensor(type, batch, length, HEADS, dim);
  x.k = common_tensor(type, batch, length, HEADS, dim);
  x.v = common_tensor(type, batch, length, HEADS, dim);
  x.out = common_tensor(type, batch, length, HEADS, dim);
  x.past = common_tensor(SEQMIX_F32, batch, HEADS, dim, dim);
  x.present = common_tensor(SEQMIX_F32, batch, HEADS, dim, dim);
  args.q = &x.q;
  args.k = &x.k;
  args.v = &x.v;
  args.out = &x.out;
  args.past_state = &x.past;
  args.present_state = &x.present;
  take_gates(&args, &x, rule, batch, length, dim);
  int may_normalize =
      args.update_rule == SEQMIX_UPDATE_LINEAR || args.update_rule == SEQMIX_UPDATE_GATED;
  if (index == NORMALIZED && may_normalize) normalize(&args, &x, batch, dim);
  return seqmix_linear_attention(context, &args);
}

const common_calls common_linear_attention = {"linear_attention", ALL, make};
