/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <inttypes.h>

#include "api/attention.h"
#include "api/segments.h"
#include "core/error.h"

/* ---- sizes --------------------------------------------------------------------------------- */

static seqmix_status lower_query_sizes(const seqmix_checker *checker,
                                       const seqmix_attention_args *args,
                                       seqmix_attention_problem *p) {
  const seqmix_tensor *q = args->q;
  SEQMIX_TRY(seqmix_check_tensor(checker, "q", q, 4, 4));
  SEQMIX_TRY(seqmix_check_dtype(checker, "q", q, SEQMIX_FLOAT_BITS));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "q", q->shape[2], "heads"));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "q", q->shape[3], "head dim"));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "q", q));
  p->header.dtype = q->dtype;
  p->sequences = q->shape[0];
  p->query_length = p->query_total = q->shape[1];
  p->q_heads = q->shape[2];
  p->head_dim = q->shape[3];
  if (!args->cu_seqlens_q) return SEQMIX_OK;
  p->header.features |= SEQMIX_ATTENTION_PACKED_QUERIES;
  if (args->max_seqlen_q > 0 && args->max_seqlen_q < p->query_length)
    p->query_length = args->max_seqlen_q;
  return seqmix_take_segments(checker, "cu_seqlens_q", args->cu_seqlens_q, "q", q, &p->sequences);
}

static seqmix_status lower_pages(const seqmix_checker *checker, const seqmix_attention_args *args,
                                 seqmix_attention_problem *p) {
  const seqmix_tensor *table = args->block_table;
  if (args->cu_seqlens_k)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: block_table and cu_seqlens_k are both given; paged keys are not packed",
                       checker->op);
  if (!args->key_lengths)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: key_lengths is NULL; it must be given with block_table", checker->op);
  SEQMIX_TRY(seqmix_check_index(checker, "block_table", table, 2));
  int64_t expected[] = {p->sequences, -1};
  SEQMIX_TRY(seqmix_check_shape(checker, "block_table", table, expected, "[N, max_pages]"));
  p->header.features |= SEQMIX_ATTENTION_PAGED;
  p->page_size = args->k->shape[1];
  SEQMIX_TRY(seqmix_check_not_zero(checker, "k", p->page_size, "page size"));
  p->max_pages = table->shape[1];
  p->key_total = args->k->shape[0];
  if (__builtin_mul_overflow(p->max_pages, p->page_size, &p->key_length) ||
      p->key_length > SEQMIX_POSITION_LIMIT)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: block_table has %" PRId64 " pages of %" PRId64
                       " keys; they must be countable",
                       checker->op, p->max_pages, p->page_size);
  return SEQMIX_OK;
}

static seqmix_status lower_key_batch(const seqmix_checker *checker,
                                     const seqmix_attention_args *args,
                                     seqmix_attention_problem *p) {
  const seqmix_tensor *k = args->k;
  if (args->block_table) return lower_pages(checker, args, p);
  p->key_length = p->key_total = k->shape[1];
  if (!args->cu_seqlens_k) {
    int64_t expected[] = {p->sequences, -1, -1, -1};
    return seqmix_check_shape(checker, "k", k, expected, "[B, Tk, Hkv, D]");
  }
  int64_t segments = 0;
  SEQMIX_TRY(seqmix_take_segments(checker, "cu_seqlens_k", args->cu_seqlens_k, "k", k, &segments));
  if (segments != p->sequences)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: cu_seqlens_k has %" PRId64 " elements; it must have N+1 = %" PRId64,
                       checker->op, segments + 1, p->sequences + 1);
  p->header.features |= SEQMIX_ATTENTION_PACKED_KEYS;
  if (args->max_seqlen_k > 0 && args->max_seqlen_k < p->key_length)
    p->key_length = args->max_seqlen_k;
  return SEQMIX_OK;
}

static seqmix_status lower_key_sizes(const seqmix_checker *checker,
                                     const seqmix_attention_args *args,
                                     seqmix_attention_problem *p) {
  const seqmix_tensor *k = args->k, *v = args->v;
  uint32_t same_type = SEQMIX_DTYPE_BIT(p->header.dtype);
  SEQMIX_TRY(seqmix_check_tensor(checker, "k", k, 4, 4));
  SEQMIX_TRY(seqmix_check_dtype(checker, "k", k, same_type));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "k", k->shape[2], "heads"));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "k", k));
  if (k->shape[3] != p->head_dim)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: k has head dim %" PRId64 "; it must be q's, %" PRId64, checker->op,
                       k->shape[3], p->head_dim);
  p->kv_heads = k->shape[2];
  if (p->q_heads % p->kv_heads)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: k has %" PRId64 " heads, which does not divide q's %" PRId64,
                       checker->op, p->kv_heads, p->q_heads);
  SEQMIX_TRY(lower_key_batch(checker, args, p));
  SEQMIX_TRY(seqmix_check_tensor(checker, "v", v, 4, 4));
  SEQMIX_TRY(seqmix_check_dtype(checker, "v", v, same_type));
  SEQMIX_TRY(seqmix_check_not_zero(checker, "v", v->shape[3], "head dim"));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "v", v));
  int64_t expected[] = {k->shape[0], k->shape[1], k->shape[2], -1};
  p->value_dim = v->shape[3];
  return seqmix_check_shape(checker, "v", v, expected, "k's first three axes and [Dv]");
}

/* ---- plain options ------------------------------------------------------------------------- */

static seqmix_status lower_numbers(const seqmix_checker *checker, const seqmix_attention_args *args,
                                   seqmix_attention_problem *p) {
  SEQMIX_TRY(seqmix_take_scale(checker, args->scale, p->head_dim, &p->scale));
  if (args->softcap != 0 && !(args->softcap >= FLT_MIN && args->softcap <= FLT_MAX))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: softcap is %g; it must be 0 or positive, finite and within the normal "
                       "range of f32",
                       checker->op, args->softcap);
  SEQMIX_TRY(seqmix_check_range(checker, "scores_mode", args->scores_mode, SEQMIX_SCORES_RAW,
                                SEQMIX_SCORES_PROBABILITIES));
  SEQMIX_TRY(seqmix_check_range(checker, "head_sharing", args->head_sharing,
                                SEQMIX_HEADS_INTERLEAVED, SEQMIX_HEADS_TILED));
  SEQMIX_TRY(seqmix_check_range(checker, "max_seqlen_q", args->max_seqlen_q, 0, INT64_MAX));
  SEQMIX_TRY(seqmix_check_range(checker, "max_seqlen_k", args->max_seqlen_k, 0, INT64_MAX));
  p->softcap = args->softcap;
  p->scores_mode = args->scores_mode;
  p->allow_nondeterministic = args->allow_nondeterministic != 0;
  if (p->softcap > 0) p->header.features |= SEQMIX_ATTENTION_SOFTCAP;
  if (args->head_sharing == SEQMIX_HEADS_TILED && p->kv_heads > 1 && p->q_heads > p->kv_heads)
    p->header.features |= SEQMIX_ATTENTION_TILED_HEADS;
  return SEQMIX_OK;
}

static seqmix_status lower_window(const seqmix_checker *checker, const seqmix_attention_args *args,
                                  seqmix_attention_problem *p) {
  SEQMIX_TRY(seqmix_check_range(checker, "window_left", args->window_left, -1, INT64_MAX));
  SEQMIX_TRY(seqmix_check_range(checker, "window_right", args->window_right, -1, INT64_MAX));
  p->window_left = args->window_left > SEQMIX_POSITION_LIMIT * 2 ? -1 : args->window_left;
  p->window_right = args->window_right > SEQMIX_POSITION_LIMIT * 2 ? -1 : args->window_right;
  if (args->causal) p->window_right = 0;
  if (p->window_left >= 0 || p->window_right >= 0) p->header.features |= SEQMIX_ATTENTION_WINDOW;
  p->query_offset = args->query_offset;
  if (args->query_offset == SEQMIX_OFFSET_END) return SEQMIX_OK;
  if (args->query_offsets)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: query_offset is %" PRId64
                       " beside query_offsets; it must be SEQMIX_OFFSET_END then",
                       checker->op, args->query_offset);
  return seqmix_check_range(checker, "query_offset", args->query_offset, -SEQMIX_POSITION_LIMIT,
                            SEQMIX_POSITION_LIMIT);
}

/* ---- tensors per sequence and per head ------------------------------------------------------- */

static seqmix_status lower_per_sequence(const seqmix_checker *checker, const char *name,
                                        const seqmix_tensor *tensor, uint64_t feature,
                                        seqmix_attention_problem *p, seqmix_index_view *view) {
  if (tensor) p->header.features |= feature;
  return seqmix_take_per_sequence(checker, name, tensor, p->sequences, view);
}

static seqmix_status lower_per_head(const seqmix_checker *checker, const char *name,
                                    const seqmix_tensor *tensor, uint32_t types, uint64_t feature,
                                    seqmix_attention_problem *p, seqmix_view *view) {
  if (!tensor) return SEQMIX_OK;
  SEQMIX_TRY(seqmix_check_tensor(checker, name, tensor, 1, 1));
  SEQMIX_TRY(seqmix_check_dtype(checker, name, tensor, types));
  SEQMIX_TRY(seqmix_check_shape(checker, name, tensor, &p->q_heads, "[Hq]"));
  *view = seqmix_view_of(checker, tensor, (const int32_t[4]){0, -1, -1, -1});
  p->header.features |= feature;
  return SEQMIX_OK;
}

static seqmix_status lower_indices(const seqmix_checker *checker, const seqmix_attention_args *args,
                                   seqmix_attention_problem *p) {
  SEQMIX_TRY(lower_per_sequence(checker, "key_lengths", args->key_lengths,
                                SEQMIX_ATTENTION_KEY_LENGTHS, p, &p->key_lengths));
  SEQMIX_TRY(lower_per_sequence(checker, "query_lengths", args->query_lengths,
                                SEQMIX_ATTENTION_QUERY_LENGTHS, p, &p->query_lengths));
  SEQMIX_TRY(lower_per_sequence(checker, "query_offsets", args->query_offsets,
                                SEQMIX_ATTENTION_OFFSETS, p, &p->query_offsets));
  p->cu_seqlens_q = seqmix_index_view_of(checker, args->cu_seqlens_q);
  p->cu_seqlens_k = seqmix_index_view_of(checker, args->cu_seqlens_k);
  p->block_table = seqmix_index_view_of(checker, args->block_table);
  /* In device memory the kernels check them. */
  return seqmix_is_host(checker) ? seqmix_check_attention_indices(checker, args, p) : SEQMIX_OK;
}

/* ---- mask, bias, block map ---------------------------------------------------------------------
 */

static int is_packed(const seqmix_attention_problem *p) {
  return (p->header.features & (SEQMIX_ATTENTION_PACKED_QUERIES | SEQMIX_ATTENTION_PACKED_KEYS)) !=
         0;
}

static seqmix_status fail_packed(const seqmix_checker *checker, const char *name) {
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s is given beside cu_seqlens_q or cu_seqlens_k; it must be absent with "
                     "packing",
                     checker->op, name);
}

/* A tensor of rank 1 to 4, right-aligned to [B, Hq, Tq, Tk]. */
static seqmix_status lower_per_score(const seqmix_checker *checker, const char *name,
                                     const seqmix_tensor *tensor, uint32_t types, uint64_t feature,
                                     seqmix_attention_problem *p, seqmix_view *view,
                                     int64_t *keys) {
  if (!tensor) return SEQMIX_OK;
  if (is_packed(p)) return fail_packed(checker, name);
  SEQMIX_TRY(seqmix_check_tensor(checker, name, tensor, 1, 4));
  SEQMIX_TRY(seqmix_check_dtype(checker, name, tensor, types));
  const int64_t full[4] = {p->sequences, p->q_heads, p->query_length, p->key_length};
  int64_t expected[4];
  int32_t axes[4];
  for (int32_t i = 0; i < 4; i++) {
    int32_t axis = i - (4 - tensor->ndim);
    axes[i] = axis >= 0 ? axis : -1;
    if (axis < 0) continue;
    int fits = i == 3 ? tensor->shape[axis] <= full[3] : tensor->shape[axis] == 1;
    expected[axis] = fits ? -1 : full[i];
  }
  SEQMIX_TRY(seqmix_check_shape(checker, name, tensor, expected,
                                "[B, Hq, Tq, Tk], right-aligned, 1 where it broadcasts"));
  *view = seqmix_view_of(checker, tensor, axes);
  *keys = tensor->shape[tensor->ndim - 1];
  p->header.features |= feature;
  return SEQMIX_OK;
}

static int64_t blocks_of(int64_t length, int64_t block) {
  return length / block + (length % block != 0);
}

static seqmix_status lower_block_map(const seqmix_checker *checker,
                                     const seqmix_attention_args *args,
                                     seqmix_attention_problem *p) {
  const seqmix_tensor *map = args->block_map;
  if (!map) return SEQMIX_OK;
  SEQMIX_TRY(seqmix_check_tensor(checker, "block_map", map, 4, 4));
  SEQMIX_TRY(seqmix_check_dtype(checker, "block_map", map,
                                SEQMIX_DTYPE_BIT(SEQMIX_BOOL) | SEQMIX_DTYPE_BIT(SEQMIX_U8)));
  SEQMIX_TRY(
      seqmix_check_range(checker, "block_map_queries", args->block_map_queries, 1, INT64_MAX));
  SEQMIX_TRY(seqmix_check_range(checker, "block_map_keys", args->block_map_keys, 1, INT64_MAX));
  int64_t rows = blocks_of(p->query_length, args->block_map_queries);
  int64_t columns = blocks_of(p->key_length, args->block_map_keys);
  /* Packed lengths may be known as bounds only: a map may then be larger than it needs to be. In
   * device memory they are not known, and the kernels see whether it is large enough. */
  int knows_rows = seqmix_is_host(checker) || !args->cu_seqlens_q;
  int knows_columns = seqmix_is_host(checker) || !args->cu_seqlens_k;
  int64_t expected[] = {map->shape[0] == 1 ? -1 : p->sequences,
                        map->shape[1] == 1 ? -1 : p->q_heads,
                        !knows_rows || (is_packed(p) && map->shape[2] > rows) ? -1 : rows,
                        !knows_columns || (is_packed(p) && map->shape[3] > columns) ? -1 : columns};
  SEQMIX_TRY(seqmix_check_shape(checker, "block_map", map, expected,
                                "[B or 1, Hq or 1, ceil(Tq/bq), ceil(Tk/bk)]"));
  p->block_map = seqmix_view_of(checker, map, (const int32_t[4]){0, 1, 2, 3});
  p->block_map_queries = args->block_map_queries;
  p->block_map_keys = args->block_map_keys;
  p->block_map_rows = map->shape[2];
  p->block_map_columns = map->shape[3];
  p->header.features |= SEQMIX_ATTENTION_BLOCK_MAP;
  return SEQMIX_OK;
}

static seqmix_status lower_score_terms(const seqmix_checker *checker,
                                       const seqmix_attention_args *args,
                                       seqmix_attention_problem *p) {
  uint32_t floats = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype);
  SEQMIX_TRY(lower_per_score(checker, "mask", args->mask, SEQMIX_DTYPE_BIT(SEQMIX_BOOL),
                             SEQMIX_ATTENTION_MASK, p, &p->mask, &p->mask_keys));
  SEQMIX_TRY(lower_per_score(checker, "bias", args->bias, floats, SEQMIX_ATTENTION_BIAS, p,
                             &p->bias, &p->bias_keys));
  SEQMIX_TRY(lower_per_head(checker, "alibi_slopes", args->alibi_slopes, SEQMIX_F32_BIT,
                            SEQMIX_ATTENTION_ALIBI, p, &p->alibi));
  SEQMIX_TRY(
      lower_per_head(checker, "sinks", args->sinks, floats, SEQMIX_ATTENTION_SINKS, p, &p->sinks));
  return lower_block_map(checker, args, p);
}

/* ---- outputs --------------------------------------------------------------------------------- */

static seqmix_status lower_scores(const seqmix_checker *checker, const seqmix_attention_args *args,
                                  seqmix_attention_problem *p) {
  if (!args->scores) return SEQMIX_OK;
  if (is_packed(p)) return fail_packed(checker, "scores");
  int64_t expected[] = {p->sequences, p->q_heads, p->query_length, p->key_length};
  SEQMIX_TRY(seqmix_check_output(checker, "scores", args->scores,
                                 SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype), expected, 4,
                                 "[B, Hq, Tq, Tk]"));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "scores", args->scores));
  p->scores = seqmix_view_of(checker, args->scores, (const int32_t[4]){0, 1, 2, 3});
  p->header.features |= SEQMIX_ATTENTION_SCORES;
  return SEQMIX_OK;
}

static seqmix_status lower_outputs(const seqmix_checker *checker, const seqmix_attention_args *args,
                                   seqmix_attention_problem *p) {
  const int64_t *q = args->q->shape;
  int64_t out_shape[] = {q[0], q[1], q[2], p->value_dim}, lse_shape[] = {q[0], q[2], q[1]};
  SEQMIX_TRY(seqmix_check_output(checker, "out", args->out,
                                 SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(p->header.dtype), out_shape, 4,
                                 "[B, Tq, Hq, Dv]"));
  SEQMIX_TRY(seqmix_check_last_contiguous(checker, "out", args->out));
  p->out = seqmix_view_of(checker, args->out, (const int32_t[4]){0, 1, 2, 3});
  if (p->out.dtype != p->header.dtype) p->header.features |= SEQMIX_ATTENTION_OUT_F32;
  if (args->lse) {
    SEQMIX_TRY(seqmix_check_output(checker, "lse", args->lse, SEQMIX_F32_BIT, lse_shape, 3,
                                   "[B, Hq, Tq]"));
    p->lse = seqmix_view_of(checker, args->lse, (const int32_t[4]){0, 1, 2, -1});
    p->header.features |= SEQMIX_ATTENTION_LSE;
  }
  return lower_scores(checker, args, p);
}

static seqmix_status check_all_overlaps(const seqmix_checker *checker,
                                        const seqmix_attention_args *args) {
  const seqmix_named_tensor outputs[] = {
      {"out", args->out}, {"lse", args->lse}, {"scores", args->scores}};
  const seqmix_named_tensor inputs[] = {
      {"q", args->q},
      {"k", args->k},
      {"v", args->v},
      {"query_offsets", args->query_offsets},
      {"key_lengths", args->key_lengths},
      {"query_lengths", args->query_lengths},
      {"mask", args->mask},
      {"bias", args->bias},
      {"alibi_slopes", args->alibi_slopes},
      {"sinks", args->sinks},
      {"block_map", args->block_map},
      {"cu_seqlens_q", args->cu_seqlens_q},
      {"cu_seqlens_k", args->cu_seqlens_k},
      {"block_table", args->block_table},
  };
  return seqmix_check_overlaps(checker, outputs, sizeof outputs / sizeof *outputs, inputs,
                               sizeof inputs / sizeof *inputs);
}

seqmix_status seqmix_lower_attention(const seqmix_checker *checker,
                                     const seqmix_attention_args *args,
                                     seqmix_attention_problem *p) {
  static const int32_t all_axes[4] = {0, 1, 2, 3};
  *p = (seqmix_attention_problem){.header = {.struct_size = sizeof *p, .op = SEQMIX_OP_ATTENTION}};
  SEQMIX_TRY(lower_query_sizes(checker, args, p));
  SEQMIX_TRY(lower_key_sizes(checker, args, p));
  SEQMIX_TRY(lower_numbers(checker, args, p));
  SEQMIX_TRY(lower_window(checker, args, p));
  p->q = seqmix_view_of(checker, args->q, all_axes);
  p->k = seqmix_view_of(checker, args->k, all_axes);
  p->v = seqmix_view_of(checker, args->v, all_axes);
  SEQMIX_TRY(lower_indices(checker, args, p));
  SEQMIX_TRY(lower_score_terms(checker, args, p));
  SEQMIX_TRY(lower_outputs(checker, args, p));
  return check_all_overlaps(checker, args);
}
