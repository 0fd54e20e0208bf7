/* SPDX-License-Identifier: Apache-2.0 */
/* What a score is besides its product, element by element, for all algorithms of attention. */
#include "attention/sequence.h"

/* A row of scores: query i of head h. */
typedef struct score_row {
  key_range keys;                /* that lengths and window leave */
  int64_t position;              /* of the query among the keys */
  int64_t mask, bias, block_map; /* its first elements */
  int32_t is_mapped;             /* whether the block map reaches to the row */
  float slope;
} score_row;

DEVICE score_row score_row_of(const attention_arguments *a, const attention_memory *m,
                              const attention_sequence *s, int64_t i, int64_t h) {
  score_row row;
  row.keys = keys_of_rows(a, s, i, i);
  row.position = i + s->offset;
  row.mask = a->mask.dtype ? score_at(&a->mask, s->n, h, i) : 0;
  row.bias = a->bias.dtype ? score_at(&a->bias, s->n, h, i) : 0;
  row.block_map = 0;
  row.is_mapped = 1;
  if (a->block_map.dtype) {
    int64_t block = i / a->block_map_queries;
    row.block_map = score_at(&a->block_map, s->n, h, block);
    row.is_mapped = block < a->block_map_rows;
  }
  row.slope = a->alibi.dtype ? load_element(m->alibi, a->alibi.dtype, h * a->alibi.stride) : 0.0f;
  return row;
}

/* Whether the block map leaves the key to the row; a map that ends too early does not. */
DEVICE int is_in_map(const attention_arguments *a, const attention_memory *m, const score_row *row,
                     int64_t j) {
  int64_t block = j / a->block_map_keys;
  if (row->is_mapped && block < a->block_map_columns)
    return m->block_map[row->block_map + block * a->block_map.stride[3]] != 0;
  keep_largest(m->faults, a->fault_of_block_map);
  return 0;
}

DEVICE int is_live(const attention_arguments *a, const attention_memory *m, const score_row *row,
                   int64_t j) {
  if (j < row->keys.begin || j >= row->keys.end) return 0;
  if (a->block_map.dtype && !is_in_map(a, m, row, j)) return 0;
  return !a->mask.dtype || m->mask[row->mask + j * a->mask.stride[3]] != 0;
}

/* Near 0 tanh is its argument, and the quotient might be too small to be a float. */
DEVICE float capped_score(const attention_arguments *a, float score) {
  if (!(a->softcap > 0.0f)) return score;
  float x = score / a->softcap;
  return fabs(x) < 1e-4f ? score : a->softcap * tanh(x);
}

/* From scale * q.k to what is exponentiated; -inf if the key is masked. */
DEVICE float final_score(const attention_arguments *a, const attention_memory *m,
                         const score_row *row, int64_t j, float score) {
  if (!is_live(a, m, row, j)) return -INFINITY;
  score = capped_score(a, score);
  if (a->bias.dtype)
    score += load_element(m->bias, a->bias.dtype, row->bias + j * a->bias.stride[3]);
  if (a->alibi.dtype) score -= row->slope * fabs((float)(row->position - j));
  return score;
}

/* What a row's softmax begins with: its sink, as a score without a value. */
DEVICE float sink_of(const attention_arguments *a, const attention_memory *m, int64_t h) {
  return a->sinks.dtype ? load_element(m->sinks, a->sinks.dtype, h * a->sinks.stride) : -INFINITY;
}
DEVICE float denominator_of_sink(float sink) {
  if (sink != sink) return sink;
  return sink == -INFINITY ? 0.0f : 1.0f;
}

/* By what sums shrink when `largest` takes the place of `before`. Where nothing lives, any number
 * will do but NaN. */
DEVICE float shrink_to(float before, float largest) {
  return before == largest && largest == -INFINITY ? 0.0f : exp(before - largest);
}
