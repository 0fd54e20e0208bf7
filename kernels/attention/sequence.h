/* SPDX-License-Identifier: Apache-2.0 */
/* Where the sequences of a call lie and which keys its rows may see: what packing, paging, lengths,
 * offsets and windows come to. Nobody has checked the index arrays: what is wrong in them is told
 * in `faults`, and the sequence is left out. */
#include "attention/arguments.h"
#include "shared/lane.h"
#include "shared/sequences.h"

/* The call's memory, from each tensor's first element on. */
typedef struct attention_memory {
  GLOBAL int32_t *faults;
  const GLOBAL uint8_t *q, *k, *v;
  GLOBAL uint8_t *out, *lse, *scores;
  const GLOBAL uint8_t *mask, *bias, *block_map, *alibi, *sinks;
  const GLOBAL uint8_t *cu_seqlens_q, *cu_seqlens_k;
  const GLOBAL uint8_t *key_lengths, *query_lengths, *query_offsets, *block_table;
} attention_memory;

#define ATTENTION_PARAMETERS                                                                     \
  GLOBAL int32_t *faults, GLOBAL float *work, const GLOBAL uint8_t *q, const GLOBAL uint8_t *k,  \
      const GLOBAL uint8_t *v, GLOBAL uint8_t *out, GLOBAL uint8_t *lse, GLOBAL uint8_t *scores, \
      const GLOBAL uint8_t *mask, const GLOBAL uint8_t *bias, const GLOBAL uint8_t *block_map,   \
      const GLOBAL uint8_t *alibi, const GLOBAL uint8_t *sinks,                                  \
      const GLOBAL uint8_t *cu_seqlens_q, const GLOBAL uint8_t *cu_seqlens_k,                    \
      const GLOBAL uint8_t *key_lengths, const GLOBAL uint8_t *query_lengths,                    \
      const GLOBAL uint8_t *query_offsets, const GLOBAL uint8_t *block_table,                    \
      attention_arguments a

#define ATTENTION_MEMORY                                                                           \
  {                                                                                                \
    faults, q + a.q.byte_offset, k + a.k.byte_offset, v + a.v.byte_offset,                         \
        out + a.out.byte_offset, lse + a.lse.byte_offset, scores + a.scores.byte_offset,           \
        mask + a.mask.byte_offset, bias + a.bias.byte_offset, block_map + a.block_map.byte_offset, \
        alibi + a.alibi.byte_offset, sinks + a.sinks.byte_offset, cu_seqlens_q, cu_seqlens_k,      \
        key_lengths, query_lengths, query_offsets, block_table                                     \
  }

typedef struct attention_sequence {
  int64_t n;
  int64_t q_first; /* its first row along q's time axis */
  int64_t q_rows;  /* rows of out to write; none if the sequence is left out */
  int64_t q_live;  /* rows beyond are 0 and -inf */
  int64_t k_first; /* its first row along k's time axis; not when paged */
  int64_t k_live;
  int64_t offset; /* position of row 0 among the keys */
} attention_sequence;

/* Keys begin .. end-1. */
typedef struct key_range {
  int64_t begin, end;
} key_range;

/* ---- sequences ------------------------------------------------------------------------------- */

/* Rows first .. first+length-1 of a packed axis; 0 if they cannot be. */
DEVICE int find_segment(const GLOBAL uint8_t *array, const index_argument *index, int64_t n,
                        int64_t count, int64_t total, int64_t longest, int32_t fault_of_length,
                        GLOBAL int32_t *faults, int64_t *first, int64_t *length) {
  int64_t begin = load_index(array, index, n), end = load_index(array, index, n + 1);
  int is_right = begin >= 0 && end >= begin && end <= total;
  if (!is_right || (n == 0 && begin != 0) || (n == count - 1 && end != total))
    keep_largest(faults, index->fault);
  *first = begin;
  *length = end - begin;
  if (!is_right || *length <= longest) return is_right;
  keep_largest(faults, fault_of_length);
  return 0;
}

/* The sequence's entry, within `least` and `most`; 0 if it is not. */
DEVICE int find_entry(const GLOBAL uint8_t *array, const index_argument *index, int64_t n,
                      int64_t least, int64_t most, GLOBAL int32_t *faults, int64_t *entry) {
  if (!index->bits) return 1;
  *entry = load_index(array, index, n);
  if (*entry >= least && *entry <= most) return 1;
  keep_largest(faults, index->fault);
  return 0;
}

#define POSITION_LIMIT ((int64_t)1 << 60)

DEVICE attention_sequence attention_sequence_at(const attention_arguments *a,
                                                const attention_memory *m, int64_t n) {
  attention_sequence s = {n, 0, a->query_length, 0, 0, a->key_length, a->query_offset};
  int is_right = 1;
  if (a->cu_seqlens_q.bits)
    is_right &=
        find_segment(m->cu_seqlens_q, &a->cu_seqlens_q, n, a->sequences, a->query_total,
                     a->query_length, a->fault_of_query_length, m->faults, &s.q_first, &s.q_rows);
  if (a->cu_seqlens_k.bits)
    is_right &=
        find_segment(m->cu_seqlens_k, &a->cu_seqlens_k, n, a->sequences, a->key_total,
                     a->key_length, a->fault_of_key_length, m->faults, &s.k_first, &s.k_live);
  s.q_live = s.q_rows;
  is_right &= find_entry(m->query_lengths, &a->query_lengths, n, 0, s.q_rows, m->faults, &s.q_live);
  is_right &= find_entry(m->key_lengths, &a->key_lengths, n, 0, s.k_live, m->faults, &s.k_live);
  if (a->offset_is_end) s.offset = s.k_live - s.q_live;
  is_right &= find_entry(m->query_offsets, &a->query_offsets, n, -POSITION_LIMIT, POSITION_LIMIT,
                         m->faults, &s.offset);
  if (!is_right) s.q_rows = s.q_live = s.k_live = 0;
  return s;
}

/* Keys that lengths and window leave to rows first .. last; 0 .. -1 if there are none. */
DEVICE key_range keys_of_rows(const attention_arguments *a, const attention_sequence *s,
                              int64_t first, int64_t last) {
  key_range keys = {0, s->k_live};
  if (a->mask.dtype && a->mask_keys < keys.end) keys.end = a->mask_keys;
  if (a->bias.dtype && a->bias_keys < keys.end) keys.end = a->bias_keys;
  if (a->window_left >= 0 && first + s->offset - a->window_left > keys.begin)
    keys.begin = first + s->offset - a->window_left;
  if (a->window_right >= 0 && last + s->offset + a->window_right + 1 < keys.end)
    keys.end = last + s->offset + a->window_right + 1;
  if (first >= s->q_live || keys.begin >= keys.end) keys.begin = keys.end = 0;
  return keys;
}

/* Keys that they leave to each of those rows. */
DEVICE key_range keys_of_all_rows(const attention_arguments *a, const attention_sequence *s,
                                  int64_t first, int64_t last) {
  key_range keys = keys_of_rows(a, s, last, last);
  int64_t end = keys_of_rows(a, s, first, first).end;
  if (end < keys.end) keys.end = end;
  return keys;
}

/* ---- elements -------------------------------------------------------------------------------- */

/* Row i of head h of q or out. (Packed, the batch axis has stride 0.) */
DEVICE int64_t row_at(const attention_rows *rows, const attention_sequence *s, int64_t i,
                      int64_t h) {
  return s->n * rows->stride[0] + (s->q_first + i) * rows->stride[1] + h * rows->stride[2];
}

/* The same of lse, whose time axis comes last. */
DEVICE int64_t lse_at(const attention_rows *rows, const attention_sequence *s, int64_t i,
                      int64_t h) {
  return s->n * rows->stride[0] + h * rows->stride[1] + (s->q_first + i) * rows->stride[2];
}

/* Where key j lies: a page and a slot in it, or a sequence and a row of it. */
typedef struct key_place {
  int64_t outer, inner;
} key_place;

DEVICE int64_t page_of(const attention_arguments *a, const attention_memory *m, int64_t n,
                       int64_t page) {
  const GLOBAL uint8_t *table = m->block_table + a->block_table.byte_offset;
  int64_t at = n * a->block_table.stride + page * a->page_step;
  if (a->block_table.bits == 64) return ((const GLOBAL int64_t *)table)[at];
  return ((const GLOBAL int32_t *)table)[at];
}

/* `outer` is -1 if there is no such page. */
DEVICE key_place place_key(const attention_arguments *a, const attention_memory *m,
                           const attention_sequence *s, int64_t j) {
  key_place place = {s->n, s->k_first + j};
  if (!a->page_size) return place;
  place.inner = j % a->page_size;
  place.outer = page_of(a, m, s->n, j / a->page_size);
  if (place.outer >= 0 && place.outer < a->key_total) return place;
  keep_largest(m->faults, a->block_table.fault);
  place.outer = -1;
  return place;
}

/* Its row of k or v for a kv head. */
DEVICE int64_t key_at(const attention_rows *rows, key_place place, int64_t kv_head) {
  return place.outer * rows->stride[0] + place.inner * rows->stride[1] + kv_head * rows->stride[2];
}

DEVICE int64_t score_at(const attention_scores *scores, int64_t n, int64_t h, int64_t i) {
  return n * scores->stride[0] + h * scores->stride[1] + i * scores->stride[2];
}

/* The query head that is member g of the kv head's group. */
DEVICE int64_t head_of(const attention_arguments *a, int64_t kv_head, int64_t g) {
  return a->is_tiled ? g * a->kv_heads + kv_head : kv_head * (a->q_heads / a->kv_heads) + g;
}
