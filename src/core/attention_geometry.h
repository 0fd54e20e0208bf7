/* SPDX-License-Identifier: Apache-2.0 */
/* Where the sequences of an attention problem lie and which keys its rows may see: what packing,
 * paging, lengths, offsets and windows come to. For backends that work in host memory. */
#ifndef SEQMIX_CORE_ATTENTION_GEOMETRY_H
#define SEQMIX_CORE_ATTENTION_GEOMETRY_H

#include "seqmix/backend.h"

/** Sequence n of a problem. */
typedef struct seqmix_sequence {
  int64_t n;       /* for strides along the batch axis */
  int64_t q_first; /* its first row along q's time axis */
  int64_t q_rows;  /* rows of out to write */
  int64_t q_live;  /* Tq_n: rows beyond are 0 and -inf */
  int64_t k_first; /* its first row along k's time axis; not when paged */
  int64_t k_live;  /* Tk_n */
  int64_t offset;  /* position of row 0 among the keys */
} seqmix_sequence;

/** Keys begin .. end-1. */
typedef struct seqmix_key_range {
  int64_t begin, end;
} seqmix_key_range;

static inline seqmix_sequence seqmix_sequence_at(const seqmix_attention_problem *p, int64_t n) {
  seqmix_sequence s = {.n = n, .q_rows = p->query_length, .k_live = p->key_length};
  if (p->cu_seqlens_q.bits) {
    s.q_first = seqmix_index_at(&p->cu_seqlens_q, n, 0);
    s.q_rows = seqmix_index_at(&p->cu_seqlens_q, n + 1, 0) - s.q_first;
  }
  if (p->cu_seqlens_k.bits) {
    s.k_first = seqmix_index_at(&p->cu_seqlens_k, n, 0);
    s.k_live = seqmix_index_at(&p->cu_seqlens_k, n + 1, 0) - s.k_first;
  }
  s.q_live = p->query_lengths.bits ? seqmix_index_at(&p->query_lengths, n, 0) : s.q_rows;
  if (p->key_lengths.bits) s.k_live = seqmix_index_at(&p->key_lengths, n, 0);
  if (p->query_offsets.bits)
    s.offset = seqmix_index_at(&p->query_offsets, n, 0);
  else
    s.offset = p->query_offset == SEQMIX_OFFSET_END ? s.k_live - s.q_live : p->query_offset;
  return s;
}

/** Keys that lengths and window leave to rows first .. last; empty if begin >= end. */
static inline seqmix_key_range seqmix_keys_of_rows(const seqmix_attention_problem *p,
                                                   const seqmix_sequence *s, int64_t first,
                                                   int64_t last) {
  seqmix_key_range keys = {0, s->k_live};
  if (p->mask.dtype && p->mask_keys < keys.end) keys.end = p->mask_keys;
  if (p->bias.dtype && p->bias_keys < keys.end) keys.end = p->bias_keys;
  if (p->window_left >= 0 && first + s->offset - p->window_left > keys.begin)
    keys.begin = first + s->offset - p->window_left;
  if (p->window_right >= 0 && last + s->offset + p->window_right + 1 < keys.end)
    keys.end = last + s->offset + p->window_right + 1;
  if (first >= s->q_live) keys.end = keys.begin;
  return keys;
}

/** The kv head that query head h reads. */
static inline int64_t seqmix_kv_head(const seqmix_attention_problem *p, int64_t h) {
  if (p->header.features & SEQMIX_ATTENTION_TILED_HEADS) return h % p->kv_heads;
  return h / (p->q_heads / p->kv_heads);
}

/** Element distance of key j of kv head h within k or v. */
static inline int64_t seqmix_key_at(const seqmix_attention_problem *p, const seqmix_view *view,
                                    const seqmix_sequence *s, int64_t j, int64_t h) {
  if (!p->page_size)
    return s->n * view->stride[0] + (s->k_first + j) * view->stride[1] + h * view->stride[2];
  int64_t page = seqmix_index_at(&p->block_table, s->n, j / p->page_size);
  return page * view->stride[0] + j % p->page_size * view->stride[1] + h * view->stride[2];
}

/** Element distance of row i of head h within q or out. (Packed, the batch axis has stride 0.) */
static inline int64_t seqmix_row_at(const seqmix_view *view, const seqmix_sequence *s, int64_t i,
                                    int64_t h) {
  return s->n * view->stride[0] + (s->q_first + i) * view->stride[1] + h * view->stride[2];
}

/** The same within lse, whose time axis comes last. */
static inline int64_t seqmix_lse_at(const seqmix_view *view, const seqmix_sequence *s, int64_t i,
                                    int64_t h) {
  return s->n * view->stride[0] + h * view->stride[1] + (s->q_first + i) * view->stride[2];
}

/** Element distance within a tensor per score: mask, bias, scores. */
static inline int64_t seqmix_score_at(const seqmix_view *view, int64_t n, int64_t h, int64_t i,
                                      int64_t j) {
  return n * view->stride[0] + h * view->stride[1] + i * view->stride[2] + j * view->stride[3];
}

/** Whether the block map (if there is one) leaves key j to row i. */
static inline int seqmix_block_is_live(const seqmix_attention_problem *p, const seqmix_sequence *s,
                                       int64_t h, int64_t i, int64_t j) {
  if (!p->block_map.dtype) return 1;
  int64_t at =
      seqmix_score_at(&p->block_map, s->n, h, i / p->block_map_queries, j / p->block_map_keys);
  return ((const uint8_t *)p->block_map.data)[at] != 0;
}

#endif
