/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of linear attention take: read by them and by the host.
 *
 * A *stream* is a state head of a sequence. A launch is about some streams and, of each, about a
 * window of chunks of tokens; each of these has a *slot* of workspace, in which kernels leave rows
 * of f32 for the next one. */
#ifndef SEQMIX_KERNELS_LINEAR_ATTENTION_ARGUMENTS_H
#define SEQMIX_KERNELS_LINEAR_ATTENTION_ARGUMENTS_H

#include "shared/arguments.h"

/* Rows are filled up with zeros to a multiple of this, the most floats a lane has. */
#define DIMS_UNIT 16

/* linear_call::decay_kind */
#define DECAY_NONE 0
#define DECAY_HEAD 1    /* one factor for the whole state */
#define DECAY_CHANNEL 2 /* one for each of its rows */

/* linear_call::normalize, feature_map: as in linear_attention.h. */
#define NORMALIZED_BY_SUM 1
#define NORMALIZED_BY_ABS_MAX 2
#define MAP_ELU1 1
#define MAP_RELU 2
#define MAP_RELU2 3
#define MAP_EXP 4
#define MAP_SOFTMAX 5
#define MAP_SILU 6
#define MAP_L2NORM 7

/* Numbers that an input gate leaves of each token, in workspace. */
#define GATE_DECAY 0      /* log of what the state is multiplied by */
#define GATE_GAIN 1       /* what k is multiplied by */
#define GATE_PAST_GAIN 2  /* and what an early query reads of the past, */
#define GATE_OWN_GAIN 3   /* and of its own token */
#define GATE_STABILIZER 4 /* m as queries have it */
#define GATE_NUMBERS 5

/** A tensor, strides in elements; absent if dtype is 0. */
typedef struct linear_tensor {
  int64_t byte_offset;
  int64_t stride[4];
  int32_t dtype;
  int32_t reserved;
} linear_tensor;

/** What all kernels know of a call. Places in workspace are counted in floats. */
typedef struct linear_call {
  sequences_argument at;
  int64_t first_stream, streams; /* of this launch */
  int64_t first_token, chunks;   /* of this launch, in each stream */
  int64_t q_heads, k_heads, state_heads;
  int64_t queries; /* that read one state */
  int64_t head_dim, dims;
  int64_t value_dim;

  int64_t slots_at, slot_floats;
  int64_t eraser_at, keys_at, low_rank_at, decays_at; /* in a slot; queries are at 0 */
  int64_t keep_at, weights_at, solve_at, scratch_at;
  int64_t states_at;                                   /* [stream][panel][dims][PANEL] */
  int64_t carries_at;                                  /* [stream]: m after the window */
  int64_t gates_at, gates_tokens;                      /* [stream][token][GATE_NUMBERS] */
  int64_t results_at, results_tokens, results_columns; /* [stream][query][token][column] */

  int32_t chunk;   /* tokens */
  int32_t writers; /* 1, or 2 with dplr */
  int32_t decay_kind;
  int32_t has_eraser, is_early, is_gated, is_normalized;
  int32_t is_tiled;     /* heads that are shared */
  int32_t is_backwards; /* token 0 of a stream is the last of its sequence */
  int32_t reads, writes;
  int32_t is_by_position; /* gates and results are those of all tokens, in the order of time */
  int32_t has_results;    /* what is read stays in workspace until finished */
} linear_call;

/** linear_gates. The past and the present are m. */
typedef struct linear_gates_arguments {
  linear_call call;
  linear_tensor decay, input_gate, past, present;
} linear_gates_arguments;

/** linear_rows. */
typedef struct linear_rows_arguments {
  linear_call call;
  linear_tensor q, k, decay, beta, erase, a, b;
  float scale;
  int32_t feature_map;
  int32_t beta_scales_eraser;
  int32_t reserved;
} linear_rows_arguments;

/** What takes rows further: for tokens one by one, or in chunks. */
typedef struct linear_weights_arguments {
  linear_call call;
  linear_tensor bonus;
  int32_t leaves_diagonal_out; /* a reverse pass beside a forward one: that has it */
  int32_t solves_by_channel;   /* beta belongs to columns of the eraser's y */
} linear_weights_arguments;

/** What passes over states. Of what is absent, dtype is 0. */
typedef struct linear_walk_arguments {
  linear_call call;
  linear_tensor v, beta, out;
  linear_tensor past, past_normalizer, present, present_normalizer;
  int64_t blocks, block_panels; /* of a state's columns; a group takes one */
  int64_t panels;
  int32_t keeps;             /* the state, for later launches, even after the last token */
  int32_t solves_by_channel; /* beta belongs to columns of the eraser's y */
} linear_walk_arguments;

/** linear_finish. */
typedef struct linear_finish_arguments {
  linear_call call;
  linear_tensor out;
  int64_t forward_at, forward_tokens; /* results of the other direction, by position */
  int64_t forward_gates_at;
  float eps, floor;
  int32_t normalize;
  int32_t joins; /* both directions */
} linear_finish_arguments;

#endif
