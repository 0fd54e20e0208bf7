/* SPDX-License-Identifier: Apache-2.0 */
/* The named cases of selective_scan: steps, rates, states per channel, groups, options. */
#include "verify/scan_cases.h"

#define SIZE(b, n, c, s) .at.batch = (b), .at.t = (n), .channels = (c), .width = (s)
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16
#define BOTH .states = STATES_BOTH
#define COMPLEX .is_complex = 1
#define SOFTPLUS .softplus = 1
#define STEPS_OF(kind) .steps = STEPS_##kind
#define RATES_OF(kind) .rates = RATES_##kind
#define ALL .skip = 1, .gate = 1, .bias = 1, .softplus = 1

/* So many states per channel, in every direction of memory. */
#define WIDTH(n)                                                                          \
  {.name = "s" #n, SIZE(2, 33, 9, n), BOTH},                                              \
      {.name = "s" #n "_time_inside", SIZE(2, 33, 9, n), BOTH, ALL, .layout = SCAN_TIME}, \
      {.name = "s" #n "_bf16", BF16, SIZE(2, 33, 9, n), BOTH, ALL},                       \
      {.name = "s" #n "_complex", SIZE(2, 33, 5, n), BOTH, COMPLEX}, {                    \
    .name = "s" #n "_t1", SIZE(5, 1, 33, n), BOTH, ALL, .at.in_place = 1                  \
  }

/* Options alone and together. */
#define OPTIONS(d, with_z, with_bias, soft, name_of)                                           \
  {.name = "options_" name_of,                                                                 \
   SIZE(2, 40, 17, 8),                                                                         \
   .skip = (d),                                                                                \
   .gate = (with_z),                                                                           \
   .bias = (with_bias),                                                                        \
   .softplus = (soft)},                                                                        \
  {                                                                                            \
    .name = "options_" name_of "_f16", F16, SIZE(2, 40, 17, 8), .skip = (d), .gate = (with_z), \
    .bias = (with_bias), .softplus = (soft), .gates_own_type = 1                               \
  }

static const scan_case cases[] = {
    WIDTH(1),
    WIDTH(3),
    WIDTH(8),
    WIDTH(16),
    WIDTH(17),
    WIDTH(64),
    {.name = "s16_t200_c64", SIZE(1, 200, 64, 16), BOTH, ALL},
    {.name = "s256", SIZE(1, 20, 5, 256), BOTH, ALL},
    {.name = "s256_complex", SIZE(1, 20, 3, 256), BOTH, COMPLEX},

    OPTIONS(1, 0, 0, 0, "d"),
    OPTIONS(0, 1, 0, 0, "z"),
    OPTIONS(0, 0, 1, 0, "bias"),
    OPTIONS(0, 0, 0, 1, "softplus"),
    OPTIONS(1, 1, 0, 0, "d_z"),
    OPTIONS(0, 0, 1, 1, "bias_softplus"),
    OPTIONS(1, 1, 1, 1, "all"),

    /* Groups. */
    {.name = "groups_2", SIZE(2, 33, 16, 8), BOTH, .groups = 2},
    {.name = "groups_2_odd", SIZE(2, 33, 34, 16), BOTH, .groups = 2},
    {.name = "groups_3_of_9_bf16", BF16, SIZE(2, 33, 9, 8), BOTH, ALL, .groups = 3},
    {.name = "groups_of_one", SIZE(2, 33, 9, 8), BOTH, .groups = 9},
    {.name = "groups_of_one_time_inside", SIZE(2, 33, 17, 8), .groups = 17, .layout = SCAN_TIME},
    {.name = "groups_shared", SIZE(2, 33, 8, 8), .groups = 4, .layout = SCAN_SHARED_CHANNELS},
    {.name = "groups_complex", SIZE(2, 33, 8, 4), BOTH, COMPLEX, .groups = 4},
    {.name = "groups_packed", SIZE(5, 33, 8, 16), BOTH, ALL, .groups = 2, .at.packed = 1},

    /* Steps. */
    {.name = "steps_small", SIZE(2, 300, 9, 4), BOTH, STEPS_OF(SMALL)},
    {.name = "steps_zero", SIZE(2, 70, 9, 4), BOTH, STEPS_OF(ZERO)},
    {.name = "steps_zero_softplus", SIZE(2, 70, 9, 4), BOTH, STEPS_OF(ZERO), SOFTPLUS},
    {.name = "steps_wide", SIZE(2, 70, 9, 4), BOTH, STEPS_OF(WIDE)},
    {.name = "steps_wide_softplus", SIZE(2, 70, 9, 4), BOTH, STEPS_OF(WIDE), SOFTPLUS},
    {.name = "steps_wide_softplus_f16",
     F16,
     SIZE(2, 70, 9, 4),
     BOTH,
     STEPS_OF(WIDE),
     SOFTPLUS,
     .out_f32 = 1,
     .gates_own_type = 1},
    {.name = "steps_faint_softplus", SIZE(2, 70, 9, 4), STEPS_OF(FAINT), SOFTPLUS},
    {.name = "steps_biased", SIZE(2, 70, 9, 4), BOTH, STEPS_OF(BIASED), .bias = 1},
    {.name = "steps_biased_softplus",
     SIZE(2, 70, 9, 4),
     BOTH,
     STEPS_OF(BIASED),
     SOFTPLUS,
     .bias = 1},

    /* Rates. */
    {.name = "rates_one_t1000", SIZE(1, 1000, 3, 4), BOTH, RATES_OF(ONE)},
    {.name = "rates_zero", SIZE(2, 300, 9, 4), BOTH, RATES_OF(ZERO)},
    {.name = "rates_zero_complex", SIZE(2, 300, 5, 4), BOTH, COMPLEX, RATES_OF(ZERO)},
    {.name = "rates_strong", SIZE(2, 70, 9, 4), BOTH, RATES_OF(STRONG)},
    {.name = "rates_strong_complex", SIZE(2, 70, 9, 4), BOTH, COMPLEX, RATES_OF(STRONG)},
    {.name = "rates_mixed", SIZE(2, 300, 9, 8), BOTH, ALL, RATES_OF(MIXED)},
    {.name = "rates_mixed_wide", SIZE(2, 70, 9, 8), BOTH, RATES_OF(MIXED), STEPS_OF(WIDE)},
    {.name = "rates_positive", SIZE(2, 20, 9, 4), BOTH, RATES_OF(POSITIVE)},

    /* Slow decay over long sequences, in which a rounded factor would add up. */
    {.name = "slow", SIZE(1, 4000, 3, 2), BOTH, STEPS_OF(SMALL), RATES_OF(ONE)},
    {.name = "slow_time_inside",
     SIZE(1, 4000, 3, 2),
     BOTH,
     STEPS_OF(SMALL),
     RATES_OF(ONE),
     .layout = SCAN_TIME},
    {.name = "slow_usual", SIZE(1, 4000, 3, 2), BOTH, STEPS_OF(SMALL)},
    {.name = "slow_complex", SIZE(1, 4000, 2, 2), BOTH, COMPLEX, STEPS_OF(SMALL), RATES_OF(ONE)},
    {.name = "slow_bf16", BF16, SIZE(1, 4000, 3, 2), BOTH, STEPS_OF(SMALL), RATES_OF(ONE)},
    {.name = "long_c1", SIZE(1, 20000, 1, 2), BOTH, RATES_OF(ZERO)},

    /* So few channels that sequences are cut in time: a length that stretches divide, and others.
     */
    {.name = "small", SIZE(1, 1, 1, 1), BOTH, ALL},
    {.name = "small_complex_f16", F16, SIZE(1, 1, 1, 1), BOTH, COMPLEX},
    {.name = "small_cut", SIZE(1, 129, 1, 1), BOTH},
    {.name = "small_cut_complex", SIZE(1, 129, 1, 1), COMPLEX},
    {.name = "cut", SIZE(1, 512, 1, 16), BOTH, ALL},
    {.name = "cut_t513", SIZE(2, 513, 3, 5), BOTH, ALL},
    {.name = "cut_t1023", SIZE(1, 1023, 5, 17), BOTH, ALL, .at.in_place = 1},
    {.name = "cut_t1040", SIZE(1, 1040, 15, 4), BOTH, SOFTPLUS},
    {.name = "cut_s100", SIZE(1, 700, 2, 100), BOTH, ALL},
    {.name = "cut_f16", F16, SIZE(2, 1100, 2, 8), BOTH, ALL, .gates_own_type = 1},
    {.name = "cut_groups", SIZE(1, 600, 6, 8), BOTH, ALL, .groups = 3},
    {.name = "cut_groups_time_inside", SIZE(1, 600, 6, 8), ALL, .groups = 6, .layout = SCAN_TIME},
    {.name = "cut_backwards", SIZE(2, 600, 2, 3), BOTH, ALL, .layout = SCAN_BACKWARDS},
    {.name = "cut_spread",
     SIZE(2, 600, 2, 3),
     BOTH,
     ALL,
     .layout = SCAN_SPREAD,
     .state_layout = STATE_TRANSPOSED},
    {.name = "cut_shared", SIZE(1, 600, 4, 3), .groups = 2, .layout = SCAN_SHARED_CHANNELS},
    {.name = "cut_packed", SIZE(5, 1500, 2, 8), BOTH, ALL, .at.packed = 1},
    {.name = "cut_pool",
     BF16,
     SIZE(5, 600, 3, 8),
     BOTH,
     ALL,
     .at.in_place = 1,
     .at.pool = POOL_SAME_ROWS,
     .at.pool_absences = 1},
    {.name = "cut_steps_wide", SIZE(2, 1100, 2, 4), BOTH, STEPS_OF(WIDE)},
    {.name = "cut_steps_zero", SIZE(2, 1100, 2, 4), BOTH, STEPS_OF(ZERO)},
    {.name = "cut_rates_mixed", SIZE(2, 1100, 2, 8), BOTH, ALL, RATES_OF(MIXED)},
    {.name = "cut_rates_strong", SIZE(2, 1100, 2, 4), BOTH, RATES_OF(STRONG)},
    {.name = "cut_rates_positive", SIZE(1, 520, 2, 4), BOTH, RATES_OF(POSITIVE)},
    {.name = "cut_spoilt", SIZE(3, 1600, 2, 4), BOTH, .spoilt = 1},
    {.name = "cut_complex", SIZE(2, 1100, 2, 8), BOTH, COMPLEX, ALL},
    {.name = "cut_complex_packed", SIZE(5, 1500, 2, 3), BOTH, COMPLEX, .at.packed = 1},
    {.name = "cut_complex_rates_mixed", SIZE(1, 600, 2, 4), BOTH, COMPLEX, RATES_OF(MIXED)},
    {.name = "cut_complex_spoilt", SIZE(3, 1600, 2, 4), BOTH, COMPLEX, .spoilt = 1},

    /* Complex. */
    {.name = "complex", SIZE(2, 70, 17, 8), BOTH, COMPLEX},
    {.name = "complex_all", SIZE(2, 70, 17, 8), BOTH, COMPLEX, ALL},
    {.name = "complex_bf16", BF16, SIZE(2, 70, 17, 8), BOTH, COMPLEX, ALL, .gates_own_type = 1},
    {.name = "complex_t1", SIZE(9, 1, 17, 16), BOTH, COMPLEX, ALL, .at.in_place = 1},
    {.name = "complex_spread",
     SIZE(2, 33, 9, 3),
     BOTH,
     COMPLEX,
     ALL,
     .layout = SCAN_SPREAD,
     .state_layout = STATE_PADDED},
    {.name = "complex_time_inside",
     SIZE(2, 33, 9, 3),
     BOTH,
     COMPLEX,
     .layout = SCAN_TIME,
     .state_layout = STATE_TRANSPOSED},
    {.name = "complex_backwards", SIZE(2, 33, 9, 3), BOTH, COMPLEX, .layout = SCAN_BACKWARDS},
    {.name = "complex_packed", SIZE(5, 33, 9, 8), BOTH, COMPLEX, .at.packed = 1},
    {.name = "complex_spoilt", SIZE(3, 33, 9, 8), BOTH, COMPLEX, .spoilt = 1},

    /* One token for many sequences. */
    {.name = "step", SIZE(8, 1, 64, 16), BOTH, ALL, .at.in_place = 1},
    {.name = "step_bf16_states",
     BF16,
     SIZE(8, 1, 64, 16),
     BOTH,
     ALL,
     .at.in_place = 1,
     .state_dtype = SEQMIX_BF16},
    {.name = "step_pool",
     SIZE(9, 1, 33, 16),
     BOTH,
     ALL,
     .at.in_place = 1,
     .at.pool = POOL_SAME_ROWS,
     .at.pool_absences = 1},
    {.name = "step_transposed",
     SIZE(5, 1, 33, 16),
     BOTH,
     ALL,
     .state_layout = STATE_TRANSPOSED,
     .at.in_place = 1},
    {.name = "step_s3_groups", SIZE(5, 1, 33, 3), BOTH, ALL, .groups = 3},
};

const scan_table selective_scan_own_cases = {cases, sizeof cases / sizeof cases[0]};
