/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of linear_recurrence, selective_scan and causal_conv1d as small values: sizes and options,
 * from which scan_data.h draws tensors. The three share what sequences, states and memory are, and
 * the cases that are about those. */
#ifndef SEQMIX_VERIFY_SCAN_CASES_H
#define SEQMIX_VERIFY_SCAN_CASES_H

#include <stdint.h>

#include "verify/random.h"
#include "verify/scan_layouts.h"
#include "verify/sequences.h"

/* What linear_recurrence multiplies with; complex ones have this modulus and any angle. */
typedef enum factor_values {
  FACTORS_SIGNED,   /* -1 to 1 */
  FACTORS_UNIT,     /* 0 to 1 */
  FACTORS_NEAR_ONE, /* 1 to 1 - 1e-3: a thousand tokens back still count */
  FACTORS_ONE,      /* nothing is forgotten */
  FACTORS_ZERO,     /* everything is */
  FACTORS_MIXED,    /* 0, 1, -1, 0.999, 0.5 and -0.9 by turns at random */
  FACTORS_TINY,     /* around 1e-20: their products leave the range of f32 at once */
  FACTORS_GROWING,  /* 1 to 1.1: for short sequences */
  FACTORS
} factor_values;

/* delta of selective_scan. */
typedef enum step_values {
  STEPS_USUAL,  /* 0 to 0.2; before a softplus around -2 */
  STEPS_SMALL,  /* 1e-3, always the same */
  STEPS_ZERO,   /* before a softplus: log 2 */
  STEPS_WIDE,   /* -30 to 30 before a softplus, by 10; else 0 to 30 */
  STEPS_FAINT,  /* -30 before a softplus: about 1e-13 */
  STEPS_BIASED, /* about 0, and a bias of -30, 0 or 30 */
  STEPS
} step_values;

/* A of selective_scan: the real part; complex ones also turn, by up to half a turn per step. */
typedef enum rate_values {
  RATES_USUAL,    /* -0.5 to -4.5 */
  RATES_ONE,      /* -1 */
  RATES_ZERO,     /* nothing is forgotten */
  RATES_STRONG,   /* -1e4 */
  RATES_MIXED,    /* 0, -1e-3, -1, -30 and -1e4 by turns at random */
  RATES_POSITIVE, /* +0.5: for short sequences */
  RATES
} rate_values;

/* Zero stands for the default everywhere. */
typedef struct scan_case {
  const char *name;
  int32_t dtype; /* of b, u or x; 0: f32 */
  int64_t channels;
  sequence_options at; /* its skew is that of all tensors */
  scan_layout layout;
  int out_f32;                        /* f32 output beside 16-bit inputs */
  int gates_own_type;                 /* that of b, u or x, not f32 */
  int hints;                          /* packed: max_seqlen given */
  int spoilt;                         /* a channel in the middle has a NaN or an infinity */
  int states;                         /* STATES_* */
  int32_t state_dtype, present_dtype; /* 0: f32, and the past's */
  state_layout state_layout;
  int is_complex;

  /* linear_recurrence */
  int reverse, constant; /* constant: a is [C] */
  factor_values factors;

  /* selective_scan */
  int64_t width; /* S; of causal_conv1d: W */
  int64_t groups;
  int skip, gate; /* D and z */
  int bias;       /* delta_bias; of causal_conv1d: bias */
  int softplus;
  step_values steps;
  rate_values rates;

  /* causal_conv1d */
  int silu;
} scan_case;

typedef struct scan_table {
  const scan_case *cases;
  int count;
} scan_table;

/* Sizes, layouts, packing, states and pools: for all three. */
extern const scan_table scan_memory_cases;

/* What each has besides. */
extern const scan_table linear_recurrence_own_cases;
extern const scan_table selective_scan_own_cases;
extern const scan_table causal_conv1d_own_cases;

/* A random case, of sizes and options that all three have. `name` must live as long as it. */
scan_case scan_case_random(random_state *random, const char *name);

#endif
