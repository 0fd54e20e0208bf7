/* SPDX-License-Identifier: Apache-2.0 */
/* Attention calls as small values: sizes and options, from which attention_data.h draws tensors.
 * The tables hold the named corner cases; attention_case_random() makes any number more. */
#ifndef SEQMIX_VERIFY_ATTENTION_CASES_H
#define SEQMIX_VERIFY_ATTENTION_CASES_H

#include <stdint.h>

#include <seqmix/attention.h>

#include "verify/layouts.h"
#include "verify/random.h"

/* How key_lengths and query_lengths are drawn. */
typedef enum case_lengths {
  LENGTHS_ABSENT,
  LENGTHS_RANDOM, /* 0 to the full length, both likely */
  LENGTHS_FULL,
  LENGTHS_ZERO
} case_lengths;

typedef enum case_offset {
  OFFSET_END,         /* SEQMIX_OFFSET_END */
  OFFSET_VALUE,       /* attention_case::offset */
  OFFSET_PER_SEQUENCE /* query_offsets, drawn from -Tq .. Tk + 2 */
} case_offset;

typedef enum case_bias {
  BIAS_ABSENT,
  BIAS_NORMAL,
  BIAS_NEG_INF, /* a third of the elements -inf, some rows wholly */
  BIAS_LOWEST,  /* a third of the elements the type's lowest number, some rows wholly */
  BIAS_HUGE,    /* normal times 3000 */
  BIAS_ONE_INF  /* one element +inf */
} case_bias;

typedef enum case_sinks {
  SINKS_ABSENT,
  SINKS_NORMAL,
  SINKS_LARGE,  /* far above every score: 40, and 400, which no exp() holds */
  SINKS_NEG_INF /* every second one */
} case_sinks;

typedef enum case_plant {
  PLANT_NOTHING,
  PLANT_NAN_KEY,   /* NaN in a key in the middle of sequence 0 */
  PLANT_INF_KEY,   /* +inf there */
  PLANT_NAN_QUERY, /* NaN in a query in the middle of sequence 0 */
  PLANT_INF_VALUE  /* +inf in a value there */
} case_plant;

/* Layout of mask, bias and block map. */
typedef enum case_table_layout {
  TABLE_CONTIGUOUS,
  TABLE_STRIDED,    /* every second element along the keys */
  TABLE_TRANSPOSED, /* keys outside queries */
  TABLE_EXPANDED    /* broadcast axes written out with stride 0 */
} case_table_layout;

/* Broadcast axes of a mask or bias. */
enum { OVER_BATCH = 1, OVER_HEADS = 2, OVER_QUERIES = 4 };

/* Zero stands for the default everywhere. */
typedef struct attention_case {
  const char *name;
  int32_t dtype;                         /* of q, k and v; 0: f32 */
  int64_t batch, tq, tk, hq, hkv, d, dv; /* batch is N; dv 0: d; packed: tq, tk bound lengths */
  case_layout layout;
  int skew;    /* elements all tensors are moved away from 64-byte alignment */
  int out_f32; /* f32 output beside 16-bit inputs */
  int no_lse;
  int scores; /* 1 + a seqmix_scores_mode */
  int scores_f32;
  int tiled_heads;
  double scale;     /* 0: the default */
  double magnitude; /* deviation of q's elements; 0: 1 */
  double softcap;
  int causal;
  int window; /* window_left and window_right are set */
  int64_t window_left, window_right;
  case_offset offset_kind;
  int64_t offset;
  case_lengths key_lengths, query_lengths;
  int mask_rank, mask_broadcast;
  int64_t mask_keys;   /* key extent; 0: Tk */
  double mask_density; /* 0: one half */
  case_bias bias;
  int bias_rank, bias_broadcast; /* rank 0: 4 */
  int64_t bias_keys;
  int bias_own_type; /* q's type, not f32 */
  case_table_layout table_layout;
  int alibi;
  case_sinks sinks;
  int sinks_own_type;                /* q's type, not f32 */
  int64_t map_queries, map_keys;     /* block sizes; 0: no block map */
  int map_broadcast, map_bytes;      /* OVER_BATCH | OVER_HEADS; u8, not bool */
  int packed_queries, packed_keys;   /* cu_seqlens_q, cu_seqlens_k */
  int empty_ends;                    /* the first and the last packed segment are empty */
  int hints;                         /* max_seqlen_q and max_seqlen_k are given */
  int64_t page_size;                 /* 0: not paged */
  int wide_indices, strided_indices; /* int64; stride 3 */
  case_plant plant;
} attention_case;

/* The named cases: those of sizes, layouts, packing and paging, and those of options. */
extern const attention_case attention_shape_cases[];
extern const int attention_shape_case_count;
extern const attention_case attention_option_cases[];
extern const int attention_option_case_count;

/* A random case: sizes and options by the state alone. `name` must live as long as the case. */
attention_case attention_case_random(random_state *state, const char *name);

#endif
