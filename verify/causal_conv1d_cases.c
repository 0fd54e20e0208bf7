/* SPDX-License-Identifier: Apache-2.0 */
/* The named cases of causal_conv1d: widths, bias and activation, states longer than sequences. */
#include "verify/scan_cases.h"

#define SIZE(b, n, c) .at.batch = (b), .at.t = (n), .channels = (c)
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16
#define BOTH .states = STATES_BOTH

/* A width in every type and layout, for sequences longer and shorter than it. */
#define WIDTH(n)                                                                               \
  {.name = "width_" #n, SIZE(2, 70, 17), BOTH, .width = (n)},                                  \
      {.name = "width_" #n "_silu_bias", SIZE(2, 70, 33), .width = (n), .silu = 1, .bias = 1}, \
      {.name = "width_" #n "_time_inside",                                                     \
       SIZE(2, 70, 17),                                                                        \
       BOTH,                                                                                   \
       .width = (n),                                                                           \
       .bias = 1,                                                                              \
       .layout = SCAN_TIME},                                                                   \
      {.name = "width_" #n "_bf16", BF16, SIZE(2, 70, 17), BOTH, .width = (n), .silu = 1},     \
      {.name = "width_" #n "_t2", SIZE(3, 2, 17), BOTH, .width = (n)},                         \
      {.name = "width_" #n "_t1",                                                              \
       SIZE(9, 1, 17),                                                                         \
       BOTH,                                                                                   \
       .width = (n),                                                                           \
       .silu = 1,                                                                              \
       .at.in_place = 1},                                                                      \
      {.name = "width_" #n "_spread",                                                          \
       F16,                                                                                    \
       SIZE(2, 33, 9),                                                                         \
       BOTH,                                                                                   \
       .width = (n),                                                                           \
       .layout = SCAN_SPREAD},                                                                 \
  {                                                                                            \
    .name = "width_" #n "_packed", SIZE(6, 9, 9), BOTH, .width = (n), .at.packed = 1           \
  }

static const scan_case cases[] = {
    WIDTH(1),
    WIDTH(2),
    WIDTH(3),
    WIDTH(4),
    WIDTH(5),
    WIDTH(6),
    WIDTH(7),
    WIDTH(8),
    WIDTH(9),
    WIDTH(16),
    WIDTH(33),
    WIDTH(128),

    /* What is added and what is done last. */
    {.name = "bias", SIZE(2, 33, 17), .bias = 1},
    {.name = "bias_f16_own_type", F16, SIZE(2, 33, 17), .bias = 1, .gates_own_type = 1},
    {.name = "bias_spread", SIZE(2, 33, 17), .bias = 1, .layout = SCAN_SPREAD},
    {.name = "silu", SIZE(2, 33, 17), .silu = 1},
    {.name = "silu_out_f32", BF16, SIZE(2, 33, 17), .silu = 1, .bias = 1, .out_f32 = 1},
    {.name = "silu_spoilt", SIZE(3, 40, 17), BOTH, .silu = 1, .spoilt = 1},
    {.name = "width_9_spoilt", SIZE(3, 40, 17), BOTH, .width = 9, .spoilt = 1},

    /* Sequences that leave part of the past in the present. */
    {.name = "width_8_t3_in_place", SIZE(3, 3, 17), BOTH, .width = 8, .at.in_place = 1},
    {.name = "width_8_t0_in_place", SIZE(3, 0, 17), BOTH, .width = 8, .at.in_place = 1},
    {.name = "width_8_t3_present", SIZE(3, 3, 17), .states = STATES_PRESENT, .width = 8},
    {.name = "width_8_t7", SIZE(3, 7, 17), BOTH, .width = 8},
    {.name = "width_8_t8", SIZE(3, 8, 17), BOTH, .width = 8},
    {.name = "width_33_t20_in_place",
     BF16,
     SIZE(3, 20, 9),
     BOTH,
     .width = 33,
     .at.in_place = 1,
     .state_layout = STATE_TRANSPOSED},
    {.name = "width_6_pool_t2",
     SIZE(9, 2, 17),
     BOTH,
     .width = 6,
     .at.pool = POOL_SAME_ROWS,
     .at.in_place = 1,
     .at.pool_absences = 1},
    {.name = "width_6_packed_in_place",
     F16,
     SIZE(7, 8, 17),
     BOTH,
     .width = 6,
     .at.packed = 1,
     .at.in_place = 1,
     .state_layout = STATE_PADDED},

    /* Long. */
    {.name = "long_c1", SIZE(1, 20000, 1), BOTH, .silu = 1},
    {.name = "long_c3_time_inside", SIZE(1, 20000, 3), BOTH, .layout = SCAN_TIME},
};

const scan_table causal_conv1d_own_cases = {cases, sizeof cases / sizeof cases[0]};
