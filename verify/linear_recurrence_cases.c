/* SPDX-License-Identifier: Apache-2.0 */
/* The named cases of linear_recurrence: factors, complex numbers, directions, long sequences. */
#include "verify/scan_cases.h"

#define SIZE(b, n, c) .at.batch = (b), .at.t = (n), .channels = (c)
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16
#define BOTH .states = STATES_BOTH
#define COMPLEX .is_complex = 1
#define REVERSE .reverse = 1
#define CONSTANT .constant = 1
#define FACTORS_OF(kind) .factors = FACTORS_##kind

/* Every kind of factor, of each token and constant, real and complex. */
#define KIND(kind, name_of)                                                                        \
  {.name = "factors_" name_of, SIZE(2, 300, 9), BOTH, FACTORS_OF(kind)},                           \
      {.name = "factors_" name_of "_time_inside",                                                  \
       SIZE(2, 300, 9),                                                                            \
       BOTH,                                                                                       \
       FACTORS_OF(kind),                                                                           \
       .layout = SCAN_TIME},                                                                       \
      {.name = "factors_" name_of "_constant", SIZE(2, 300, 9), BOTH, FACTORS_OF(kind), CONSTANT}, \
      {.name = "factors_" name_of "_complex", SIZE(2, 300, 9), BOTH, FACTORS_OF(kind), COMPLEX}, { \
    .name = "factors_" name_of "_complex_constant", SIZE(2, 300, 9), BOTH, FACTORS_OF(kind),       \
    COMPLEX, CONSTANT                                                                              \
  }

static const scan_case cases[] = {
    KIND(SIGNED, "signed"),
    KIND(UNIT, "unit"),
    KIND(NEAR_ONE, "near_one"),
    KIND(ONE, "one"),
    KIND(ZERO, "zero"),
    KIND(MIXED, "mixed"),
    KIND(TINY, "tiny"),
    {.name = "factors_growing", SIZE(2, 40, 9), BOTH, FACTORS_OF(GROWING)},
    {.name = "factors_growing_constant", SIZE(2, 40, 9), BOTH, FACTORS_OF(GROWING), CONSTANT},
    {.name = "factors_two", SIZE(2, 20, 9), BOTH, FACTORS_OF(TWO)},
    {.name = "factors_two_silent", SIZE(2, 3000, 9), FACTORS_OF(TWO), .silent = 1},
    {.name = "factors_two_silent_c1",
     SIZE(1, 30000, 1),
     .states = STATES_PRESENT,
     FACTORS_OF(TWO),
     .silent = 1},
    {.name = "factors_growing_complex", SIZE(2, 40, 9), BOTH, FACTORS_OF(GROWING), COMPLEX},

    /* Types of complex numbers. */
    {.name = "small_complex", BF16, SIZE(1, 2, 1), BOTH, COMPLEX},
    {.name = "complex_f16", F16, SIZE(3, 40, 17), BOTH, COMPLEX},
    {.name = "complex_f16_own_factors", F16, SIZE(3, 40, 17), BOTH, COMPLEX, .gates_own_type = 1},
    {.name = "complex_bf16_out_f32", BF16, SIZE(3, 40, 17), BOTH, COMPLEX, .out_f32 = 1},
    {.name = "complex_t1", SIZE(9, 1, 33), BOTH, COMPLEX, .at.in_place = 1},
    {.name = "complex_t0", SIZE(2, 0, 9), BOTH, COMPLEX},
    {.name = "complex_c1", SIZE(2, 100, 1), BOTH, COMPLEX},
    {.name = "complex_c1030", SIZE(1, 9, 1030), BOTH, COMPLEX},
    {.name = "complex_time_inside", SIZE(2, 70, 17), BOTH, COMPLEX, .layout = SCAN_TIME},
    {.name = "complex_channels_padded",
     SIZE(2, 70, 17),
     BOTH,
     COMPLEX,
     .layout = SCAN_CHANNELS_PADDED,
     .state_layout = STATE_PADDED},
    {.name = "complex_time_padded_bf16",
     BF16,
     SIZE(2, 70, 17),
     BOTH,
     COMPLEX,
     .layout = SCAN_TIME_PADDED,
     .state_layout = STATE_TRANSPOSED,
     .state_dtype = SEQMIX_BF16},
    {.name = "complex_spread", SIZE(2, 70, 17), BOTH, COMPLEX, .layout = SCAN_SPREAD},
    {.name = "complex_backwards", SIZE(2, 70, 17), BOTH, COMPLEX, .layout = SCAN_BACKWARDS},
    {.name = "complex_shared_channels",
     SIZE(2, 70, 17),
     BOTH,
     COMPLEX,
     .layout = SCAN_SHARED_CHANNELS},
    {.name = "complex_packed", SIZE(5, 40, 17), BOTH, COMPLEX, .at.packed = 1},
    {.name = "complex_spoilt", SIZE(3, 40, 17), BOTH, COMPLEX, .spoilt = 1},
    {.name = "complex_pool",
     SIZE(7, 17, 9),
     BOTH,
     COMPLEX,
     .at.pool = POOL_OTHER_ROWS,
     .at.pool_absences = 1},

    /* Constant factors. */
    {.name = "constant", SIZE(2, 70, 17), BOTH, CONSTANT},
    {.name = "constant_time_inside", SIZE(2, 70, 17), BOTH, CONSTANT, .layout = SCAN_TIME},
    {.name = "constant_spread_bf16", BF16, SIZE(2, 70, 17), CONSTANT, .layout = SCAN_SPREAD},
    {.name = "constant_backwards",
     F16,
     SIZE(2, 70, 17),
     CONSTANT,
     .layout = SCAN_BACKWARDS,
     .gates_own_type = 1},
    {.name = "constant_shared", SIZE(2, 70, 17), CONSTANT, .layout = SCAN_SHARED_CHANNELS},
    {.name = "constant_packed", SIZE(5, 40, 17), BOTH, CONSTANT, .at.packed = 1},

    /* Backwards in time. */
    {.name = "reverse", SIZE(2, 70, 17), BOTH, REVERSE},
    {.name = "reverse_t1", SIZE(2, 1, 17), BOTH, REVERSE},
    {.name = "reverse_time_inside", SIZE(2, 70, 17), BOTH, REVERSE, .layout = SCAN_TIME},
    {.name = "reverse_spread_bf16", BF16, SIZE(2, 70, 17), BOTH, REVERSE, .layout = SCAN_SPREAD},
    {.name = "reverse_backwards", SIZE(2, 70, 17), BOTH, REVERSE, .layout = SCAN_BACKWARDS},
    {.name = "reverse_constant", SIZE(2, 70, 17), BOTH, REVERSE, CONSTANT},
    {.name = "reverse_complex", SIZE(2, 70, 17), BOTH, REVERSE, COMPLEX},
    {.name = "reverse_complex_time_inside",
     SIZE(2, 70, 17),
     BOTH,
     REVERSE,
     COMPLEX,
     .layout = SCAN_TIME},
    {.name = "reverse_packed", SIZE(5, 40, 17), BOTH, REVERSE, .at.packed = 1, .hints = 1},
    {.name = "reverse_packed_complex",
     SIZE(5, 40, 17),
     BOTH,
     REVERSE,
     COMPLEX,
     .at.packed = 1,
     .at.empty_ends = 1},
    {.name = "reverse_pool",
     SIZE(7, 17, 9),
     BOTH,
     REVERSE,
     .at.pool = POOL_SAME_ROWS,
     .at.in_place = 1,
     .at.pool_absences = 1},
    {.name = "reverse_t1000", SIZE(1, 1000, 3), BOTH, REVERSE, FACTORS_OF(NEAR_ONE)},

    /* Long sequences: what is added up tens of thousands of times. */
    {.name = "long_c1", SIZE(1, 70000, 1), BOTH, FACTORS_OF(NEAR_ONE)},
    {.name = "long_c3", SIZE(1, 70000, 3), BOTH, FACTORS_OF(ONE)},
    {.name = "long_c3_time_inside", SIZE(1, 70000, 3), FACTORS_OF(ONE), .layout = SCAN_TIME},
    {.name = "long_wide", SIZE(1, 6000, 40), BOTH, FACTORS_OF(ONE)},
    {.name = "long_wider", SIZE(1, 2000, 260), BOTH, FACTORS_OF(NEAR_ONE)},
    {.name = "long_steady",
     SIZE(1, 10000, 9),
     FACTORS_OF(NEAR_ONE),
     CONSTANT,
     .layout = SCAN_SHARED_TIME},
    {.name = "long_constant", SIZE(2, 5000, 3), BOTH, FACTORS_OF(NEAR_ONE), CONSTANT},
    {.name = "long_tiny", SIZE(2, 3000, 2), BOTH, FACTORS_OF(TINY)},
    {.name = "long_mixed", SIZE(2, 3000, 2), BOTH, FACTORS_OF(MIXED)},
    {.name = "long_packed", SIZE(5, 3000, 2), BOTH, FACTORS_OF(NEAR_ONE), .at.packed = 1},
    {.name = "long_packed_reverse",
     SIZE(5, 3000, 1),
     BOTH,
     REVERSE,
     .at.packed = 1,
     .at.in_place = 1,
     .layout = SCAN_TIME},
    {.name = "long_pool",
     SIZE(5, 1500, 3),
     BOTH,
     .at.pool = POOL_OTHER_ROWS,
     .at.pool_absences = 1,
     .layout = SCAN_SPREAD},
    /* An infinity times more factors than f64 has a product of may be NaN: these are near 1. */
    {.name = "long_spoilt", SIZE(3, 3000, 2), BOTH, FACTORS_OF(NEAR_ONE), .spoilt = 1},
    {.name = "long_spoilt_wide", SIZE(3, 2100, 9), BOTH, FACTORS_OF(NEAR_ONE), .spoilt = 1},
    {.name = "long_complex", SIZE(1, 20000, 2), BOTH, COMPLEX, FACTORS_OF(NEAR_ONE)},
    {.name = "long_reverse_bf16", BF16, SIZE(1, 20000, 2), BOTH, REVERSE, FACTORS_OF(NEAR_ONE)},
    {.name = "million_tokens", SIZE(1, 1000000, 1), .states = STATES_PRESENT, FACTORS_OF(ONE)},
};

const scan_table linear_recurrence_own_cases = {cases, sizeof cases / sizeof cases[0]};
