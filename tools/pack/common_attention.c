/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of models: each size of heads, in prefill and in decode, with the masks there are code
 * for, and dense, packed or paged. */
#include "tools/pack/common.h"

static const int64_t dims[] = {64, 96, 128, 192, 256};

/* Pages of 16 tokens are what servers have. */
enum { PAGE = 16 };

/* How keys and queries lie. */
typedef enum layout { DENSE, PACKED, PAGED } layout;
static const struct {
  int64_t batch, queries, keys, q_heads, kv_heads;
  layout lie;
} shapes[] = {
    {2, 2048, 2048, 16, 16, DENSE}, {1, 4096, 4096, 32, 8, DENSE}, {8, 1024, 1024, 32, 8, PACKED},
    {4, 512, 4096, 32, 8, PAGED},   {4, 1, 4096, 16, 16, DENSE},   {16, 1, 8192, 32, 8, DENSE},
    {16, 1, 8192, 32, 8, PAGED},
};

/* What kernels are told apart by: nothing hidden, a border that positions make, anything. */
typedef enum mask { OPEN, CAUSAL, WINDOW, MASKED, BIASED, MASKS } mask;

enum {
  DIMS = sizeof dims / sizeof *dims,
  SHAPES = sizeof shapes / sizeof *shapes,
  FUSED = COMMON_TYPES * DIMS * SHAPES * MASKS,
};

typedef struct attention_tensors {
  seqmix_tensor q, k, v, out, cu_q, cu_k, lengths, pages, terms;
} attention_tensors;

static void lie_dense(seqmix_attention_args *args, attention_tensors *x, int32_t type, int32_t at,
                      int64_t dim) {
  x->q = common_tensor(type, shapes[at].batch, shapes[at].queries, shapes[at].q_heads, dim);
  x->k = common_tensor(type, shapes[at].batch, shapes[at].keys, shapes[at].kv_heads, dim);
  x->v = common_tensor(type, shapes[at].batch, shapes[at].keys, shapes[at].kv_heads, dim);
  x->out = common_tensor(type, shapes[at].batch, shapes[at].queries, shapes[at].q_heads, dim);
  args->q = &x->q;
  args->k = &x->k;
  args->v = &x->v;
  args->out = &x->out;
}

static void lie_packed(seqmix_attention_args *args, attention_tensors *x, int32_t type, int32_t at,
                       int64_t dim) {
  int64_t count = shapes[at].batch, queries = count * shapes[at].queries;
  int64_t keys = count * shapes[at].keys;
  x->q = common_tensor(type, 1, queries, shapes[at].q_heads, dim);
  x->k = common_tensor(type, 1, keys, shapes[at].kv_heads, dim);
  x->v = common_tensor(type, 1, keys, shapes[at].kv_heads, dim);
  x->out = common_tensor(type, 1, queries, shapes[at].q_heads, dim);
  x->cu_q = common_tensor(SEQMIX_I32, count + 1, 0, 0, 0);
  x->cu_k = common_tensor(SEQMIX_I32, count + 1, 0, 0, 0);
  args->cu_seqlens_q = &x->cu_q;
  args->cu_seqlens_k = &x->cu_k;
  args->max_seqlen_q = shapes[at].queries;
  args->max_seqlen_k = shapes[at].keys;
}

static void lie_paged(seqmix_attention_args *args, attention_tensors *x, int32_t type, int32_t at,
                      int64_t dim) {
  int64_t pages = shapes[at].keys / PAGE, all = shapes[at].batch * pages;
  x->k = common_tensor(type, all, PAGE, shapes[at].kv_heads, dim);
  x->v = common_tensor(type, all, PAGE, shapes[at].kv_heads, dim);
  x->pages = common_tensor(SEQMIX_I32, shapes[at].batch, pages, 0, 0);
  x->lengths = common_tensor(SEQMIX_I32, shapes[at].batch, 0, 0, 0);
  args->block_table = &x->pages;
  args->key_lengths = &x->lengths;
}

static void hide(seqmix_attention_args *args, attention_tensors *x, mask which, int32_t at) {
  args->causal = which == CAUSAL || which == WINDOW;
  if (which == WINDOW) args->window_left = 1023;
  /* Masks have no place for packed sequences, whose terms are those of positions. */
  if (which == MASKED && shapes[at].lie != PACKED) {
    x->terms = common_tensor(SEQMIX_BOOL, 1, 1, shapes[at].queries, shapes[at].keys);
    args->mask = &x->terms;
  } else if (which == MASKED || which == BIASED) {
    x->terms = common_tensor(SEQMIX_F32, shapes[at].q_heads, 0, 0, 0);
    args->alibi_slopes = &x->terms;
    args->softcap = 50;
  }
}

static seqmix_status make_fused(seqmix_context *context, int32_t index) {
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  attention_tensors x;
  int32_t type = common_type(common_digit(&index, COMMON_TYPES));
  int64_t dim = dims[common_digit(&index, DIMS)];
  mask which = (mask)common_digit(&index, MASKS);
  lie_dense(&args, &x, type, index, dim);
  if (shapes[index].lie == PACKED) lie_packed(&args, &x, type, index, dim);
  if (shapes[index].lie == PAGED) lie_paged(&args, &x, type, index, dim);
  hide(&args, &x, which, index);
  return seqmix_attention(context, &args);
}

/* Heads of more than 256, and scores that are wanted, for which scores lie in memory. */
enum { UNFUSED_DIM = 512, UNFUSED_LENGTH = 1024, UNFUSED_HEADS = 8, UNFUSED = 2 * COMMON_TYPES };

static seqmix_status make_unfused(seqmix_context *context, int32_t index) {
  seqmix_attention_args args = SEQMIX_ATTENTION_ARGS_INIT;
  int32_t type = common_type(common_digit(&index, COMMON_TYPES));
  int64_t dim = index ? UNFUSED_DIM / 4 : UNFUSED_DIM;
  seqmix_tensor each[4], scores;
  for (int i = 0; i < 4; i++) each[i] = common_tensor(type, 1, UNFUSED_LENGTH, UNFUSED_HEADS, dim);
  scores = common_tensor(SEQMIX_F32, 1, UNFUSED_HEADS, UNFUSED_LENGTH, UNFUSED_LENGTH);
  args.q = &each[0];
  args.k = &each[1];
  args.v = &each[2];
  args.out = &each[3];
  if (index) args.scores = &scores;
  args.causal = 1;
  return seqmix_attention(context, &args);
}

static seqmix_status make_attention(seqmix_context *context, int32_t index) {
  return index < FUSED ? make_fused(context, index) : make_unfused(context, index - FUSED);
}

const common_calls common_attention = {"attention", FUSED + UNFUSED, make_attention};

/* ---- merge ----------------------------------------------------------------------------------- */

static seqmix_status make_merge(seqmix_context *context, int32_t index) {
  enum { PARTS = 4, BATCH = 2, TIME = 512, HEADS = 16 };
  seqmix_attention_merge_args args = SEQMIX_ATTENTION_MERGE_ARGS_INIT;
  int32_t type = common_type(common_digit(&index, COMMON_TYPES));
  int64_t dim = dims[index];
  const int64_t shape[] = {PARTS, BATCH, TIME, HEADS, dim};
  seqmix_tensor outs = common_tensor(type, PARTS * BATCH, TIME, HEADS, dim);
  outs = seqmix_tensor_nd(outs.data, type, 5, shape, NULL);
  seqmix_tensor lses = common_tensor(SEQMIX_F32, PARTS, BATCH, HEADS, TIME);
  seqmix_tensor out = common_tensor(type, BATCH, TIME, HEADS, dim);
  args.outs = &outs;
  args.lses = &lses;
  args.out = &out;
  return seqmix_attention_merge(context, &args);
}

const common_calls common_attention_merge = {"attention_merge", COMMON_TYPES *DIMS, make_merge};
