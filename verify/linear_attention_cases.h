/* SPDX-License-Identifier: Apache-2.0 */
/* Linear attention calls as small values: sizes and options, from which linear_attention_data.h
 * draws tensors. The tables hold the named cases, simple ones first; linear_attention_case_random()
 * makes any number more.
 *
 * What is drawn stays well-conditioned, so that f32 arithmetic can meet f32 bounds: states of delta
 * rules contract, and denominators that nothing keeps from 0 are sums of positive numbers. */
#ifndef SEQMIX_VERIFY_LINEAR_ATTENTION_CASES_H
#define SEQMIX_VERIFY_LINEAR_ATTENTION_CASES_H

#include <stdint.h>

#include <seqmix/linear_attention.h>

#include "verify/layouts.h"
#include "verify/sequences.h"

/* The axes of decay and beta. */
typedef enum gate_shape {
  GATE_ABSENT,
  GATE_CONSTANT,   /* [Hs], decay only */
  GATE_PER_HEAD,   /* [B, T, Hs] */
  GATE_PER_CHANNEL /* [B, T, Hs, D] or [B, T, Hs, Dv] */
} gate_shape;

typedef enum decay_values {
  DECAYS_MILD,     /* around -0.1 */
  DECAYS_WEAK,     /* 0 to -0.002: a thousand tokens back still count */
  DECAYS_ZERO,     /* nothing is forgotten */
  DECAYS_STEEP,    /* -1 to -8: their sums leave the range of exp() within a few tokens */
  DECAYS_STRONG,   /* -1e4 everywhere */
  DECAYS_INFINITE, /* -inf everywhere */
  DECAYS_MIXED,    /* 0, -0.01, -1, -30, -1e4 and -inf by turns at random */
  DECAYS_POSITIVE  /* +0.01 */
} decay_values;

typedef enum beta_values {
  BETAS_UNIT,  /* 0 to 1 */
  BETAS_WHOLE, /* 0, 1 and 2 */
  BETAS_ZERO
} beta_values;

typedef enum key_values {
  KEYS_NORMAL,
  KEYS_SOME_ZERO, /* one in three, the first among them */
  KEYS_ALL_ZERO
} key_values;

typedef enum input_gates {
  INPUT_GATE_ABSENT,
  INPUT_GATE_MODERATE, /* within a few of 0 */
  INPUT_GATE_EXTREME   /* -inf, -1e4, +120 and between: no exp() of them can be taken alone */
} input_gates;

/* Zero stands for the default everywhere. */
typedef struct linear_attention_case {
  const char *name;
  int32_t dtype;        /* of q, k and v; 0: f32 */
  int64_t batch, t, hs; /* batch is N; packed: t bounds lengths; hs: heads of v */
  int64_t hq, hk;       /* 0: hs */
  int64_t d, dv;        /* dv 0: d */
  int32_t rule;         /* a seqmix_update_rule; decay is per head where it is required */
  gate_shape decay, beta;
  decay_values decays;
  beta_values betas;
  key_values keys;
  int erase;
  int no_decay; /* dplr without one */
  int bonus;
  int32_t normalize;
  double eps, floor;
  int floor_given;
  input_gates input_gate;
  int32_t feature_map;
  int not_causal, reverse, bidirectional, decay_reverse;
  double scale;       /* 0: the default */
  int gates_own_type; /* q's type, not f32 */
  int steady_gates;   /* decay, beta and input gate have stride 0 along time */
  case_layout layout;
  int skew;    /* elements all tensors are moved away from 64-byte alignment */
  int out_f32; /* f32 output beside 16-bit inputs */
  int tiled_heads;
  int states;                         /* STATES_* */
  int32_t state_dtype, present_dtype; /* 0: f32, and the past's */
  state_layout state_layout;
  int in_place; /* the present is the past's memory */
  state_pool pool;
  int pool_absences;             /* some indices are -1 */
  int pool_readers;              /* some sequences begin with the same row */
  int packed, empty_ends, hints; /* cu_seqlens; the first and last empty; max_seqlen given */
  int64_t chunk_size;
  int wide_indices, strided_indices; /* int64; stride 3 */
} linear_attention_case;

/* The named cases: of rules and sizes, of options, of states and memory. */
typedef struct linear_attention_table {
  const linear_attention_case *cases;
  int count;
} linear_attention_table;

extern const linear_attention_table linear_attention_rule_cases;
extern const linear_attention_table linear_attention_option_cases;
extern const linear_attention_table linear_attention_state_cases;

/* A random case: sizes and options by the state alone. `name` must live as long as the case. */
linear_attention_case linear_attention_case_random(random_state *state, const char *name);

#endif
