/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of attention take: read by them and by the host. It fits, with the memory's
 * handles, into the 1024 bytes that any device passes. */
#ifndef SEQMIX_KERNELS_ATTENTION_ARGUMENTS_H
#define SEQMIX_KERNELS_ATTENTION_ARGUMENTS_H

#include "shared/arguments.h"

/** A tensor of rows, strides in elements; `dtype` 0: absent. */
typedef struct attention_rows {
  int64_t byte_offset;
  int64_t stride[3];
  int32_t dtype;
  int32_t reserved;
} attention_rows;

/** A tensor with an element per score [n, h, i, j]. */
typedef struct attention_scores {
  int64_t byte_offset;
  int64_t stride[4];
  int32_t dtype;
  int32_t reserved;
} attention_scores;

/** A tensor with an element per head. */
typedef struct attention_heads {
  int64_t byte_offset;
  int64_t stride;
  int32_t dtype;
  int32_t reserved;
} attention_heads;

/** seqmix_attention_problem, and what the plan adds to it. */
typedef struct attention_arguments {
  int64_t sequences;
  int64_t query_length, key_length; /* of the longest sequence, or a bound of it */
  int64_t query_total, key_total;   /* rows along the time axes; paged: key_total is pages */
  int64_t q_heads, kv_heads;
  int64_t head_dim, value_dim;
  int64_t page_size;                 /* 0: not paged */
  int64_t window_left, window_right; /* -1: open */
  int64_t query_offset;
  int64_t block_map_queries, block_map_keys; /* of a block */
  int64_t block_map_rows, block_map_columns; /* blocks */
  int64_t mask_keys, bias_keys;
  int64_t piece, pieces; /* decode: keys of a piece, and how many there are */
  int64_t first, count;  /* unfused: the blocks of rows under way */
  /* Of the unfused algorithm with a library's products, where in workspace what is gathered lies,
   * in floats; flags_at is 0 without. */
  int64_t rows_at, keys_at, values_at, flags_at;
  attention_rows q, k, v, out, lse;
  attention_scores mask, bias, block_map, scores;
  attention_heads alibi, sinks;
  index_argument cu_seqlens_q, cu_seqlens_k, key_lengths, query_lengths, query_offsets, block_table;
  int64_t page_step; /* stride of block_table from page to page */
  float scale, softcap;
  int32_t offset_is_end;         /* the offset is Tk_n - Tq_n instead */
  int32_t is_tiled;              /* query head h reads kv head h % kv_heads */
  int32_t has_terms;             /* there is more to a score than its product and its window */
  int32_t scores_mode;           /* a seqmix_scores_mode */
  int32_t fault_of_query_length; /* for a sequence longer than the bound */
  int32_t fault_of_key_length;
  int32_t fault_of_block_map; /* for a map that is too small */
  int32_t reserved;
} attention_arguments;

#endif
