/* SPDX-License-Identifier: Apache-2.0 */
/* The named corner cases of attention_merge. */
#include "verify/merge_cases.h"

#define SIZE(p, b, t, h, n) .parts = (p), .batch = (b), .time = (t), .heads = (h), .dv = (n)
#define F32 .dtype = SEQMIX_F32
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16

const merge_case merge_named_cases[] = {
    {.name = "merge_f32", F32, SIZE(3, 2, 17, 4, 64)},
    {.name = "merge_f16", F16, SIZE(3, 2, 17, 4, 33)},
    {.name = "merge_bf16", BF16, SIZE(3, 2, 17, 4, 65)},
    {.name = "merge_f16_to_f32", F16, SIZE(3, 2, 17, 4, 16), .out_f32 = 1},
    {.name = "merge_bf16_to_f32", BF16, SIZE(3, 2, 17, 4, 16), .out_f32 = 1, .no_lse = 1},
    {.name = "merge_no_parts", F32, SIZE(0, 2, 5, 3, 8)},
    {.name = "merge_no_parts_sinks", F32, SIZE(0, 2, 5, 3, 8), .sinks = SINKS_NORMAL},
    {.name = "merge_one_part", BF16, SIZE(1, 2, 5, 3, 8)},
    {.name = "merge_many_parts", F32, SIZE(65, 1, 5, 3, 8), .lses = LSES_SOME_DEAD},
    {.name = "merge_batch_zero", F32, SIZE(2, 0, 5, 3, 8)},
    {.name = "merge_time_zero", F32, SIZE(2, 2, 0, 3, 8)},
    {.name = "merge_dim_1", F32, SIZE(2, 1, 9, 3, 1)},
    {.name = "merge_dim_300", F16, SIZE(2, 1, 9, 3, 300)},
    {.name = "merge_long", F32, SIZE(4, 1, 300, 2, 16)},
    {.name = "merge_some_dead", F32, SIZE(4, 2, 17, 4, 24), .lses = LSES_SOME_DEAD},
    {.name = "merge_some_dead_bf16", BF16, SIZE(4, 2, 17, 4, 24), .lses = LSES_SOME_DEAD},
    {.name = "merge_all_dead", F32, SIZE(4, 2, 7, 4, 24), .lses = LSES_ALL_DEAD},
    {.name = "merge_all_dead_sinks",
     F16,
     SIZE(4, 2, 7, 4, 24),
     .lses = LSES_ALL_DEAD,
     .sinks = SINKS_NEG_INF},
    {.name = "merge_spread", F32, SIZE(5, 2, 17, 4, 24), .lses = LSES_SPREAD},
    {.name = "merge_nan", F32, SIZE(3, 2, 7, 4, 24), .lses = LSES_ONE_NAN},
    {.name = "merge_nan_sinks",
     BF16,
     SIZE(3, 2, 7, 4, 24),
     .lses = LSES_ONE_NAN,
     .sinks = SINKS_NORMAL},
    {.name = "merge_inf", F32, SIZE(3, 2, 7, 4, 24), .lses = LSES_ONE_INF},
    {.name = "merge_sinks", F32, SIZE(3, 2, 7, 4, 24), .sinks = SINKS_NORMAL},
    {.name = "merge_sinks_large", F32, SIZE(3, 2, 7, 4, 24), .sinks = SINKS_LARGE},
    {.name = "merge_sinks_negative_infinity",
     F32,
     SIZE(3, 2, 7, 4, 24),
     .sinks = SINKS_NEG_INF,
     .lses = LSES_SOME_DEAD},
    {.name = "merge_sinks_own_type",
     BF16,
     SIZE(3, 2, 7, 4, 24),
     .sinks = SINKS_NORMAL,
     .sinks_own_type = 1,
     .layout = LAYOUT_PADDED},
    {.name = "merge_padded", F32, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_PADDED, .skew = 1},
    {.name = "merge_padded_f16", F16, SIZE(3, 2, 7, 4, 31), .layout = LAYOUT_PADDED, .skew = 3},
    {.name = "merge_heads_outside", F32, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_BHTD},
    {.name = "merge_reversed", F32, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_REVERSED},
    {.name = "merge_shared_parts", BF16, SIZE(3, 2, 7, 4, 24), .layout = LAYOUT_SHARED_BATCH},
};

const int merge_named_case_count = sizeof merge_named_cases / sizeof merge_named_cases[0];
