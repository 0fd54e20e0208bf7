/* SPDX-License-Identifier: Apache-2.0 */
/* The named cases of prefix_scan. */
#include "verify/prefix_scan_cases.h"

#define SHAPE_1(a) .rank = 1, .shape = {a}
#define SHAPE_2(a, b) .rank = 2, .shape = {a, b}
#define SHAPE_3(a, b, c) .rank = 3, .shape = {a, b, c}
#define SHAPE_4(a, b, c, d) .rank = 4, .shape = {a, b, c, d}
#define SHAPE_5 .rank = 5, .shape = {3, 4, 5, 2, 6}
#define SHAPE_8 .rank = 8, .shape = {2, 3, 1, 2, 4, 2, 3, 2}
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16
#define F64 .dtype = SEQMIX_F64
#define I32 .dtype = SEQMIX_I32
#define SUM .op = SEQMIX_SCAN_SUM
#define PRODUCT .op = SEQMIX_SCAN_PRODUCT
#define MAX .op = SEQMIX_SCAN_MAX
#define LOGSUMEXP .op = SEQMIX_SCAN_LOGSUMEXP
#define EXCLUSIVE .exclusive = 1
#define REVERSE .reverse = 1
#define SEGMENTS(n) .segmented = 1, .segments = (n)
#define VALUES_OF(kind) .values = VALUES_##kind

/* An operation in every type, direction and length. */
/* NOLINTBEGIN(bugprone-macro-parentheses): designators have none. */
#define OPERATION(op_of, name_of)                                                                 \
  {.name = name_of, op_of, SHAPE_2(9, 70)}, {.name = name_of "_f16", F16, op_of, SHAPE_2(9, 70)}, \
      {.name = name_of "_f16_out_f32", F16, op_of, SHAPE_2(9, 70), .out_f32 = 1},                 \
      {.name = name_of "_bf16", BF16, op_of, SHAPE_2(9, 70), .skew = 1},                          \
      {.name = name_of "_bf16_first_axis", BF16, op_of, SHAPE_2(70, 33)},                         \
      {.name = name_of "_bf16_out_f32", BF16, op_of, SHAPE_2(70, 33), .out_f32 = 1},              \
      {.name = name_of "_f64", F64, op_of, SHAPE_2(9, 70)},                                       \
      {.name = name_of "_f64_first_axis", F64, op_of, SHAPE_2(70, 9), EXCLUSIVE, REVERSE},        \
      {.name = name_of "_exclusive", op_of, SHAPE_2(70, 33), .axis = 0, EXCLUSIVE},               \
      {.name = name_of "_reverse", op_of, SHAPE_2(9, 70), .axis = 1, REVERSE},                    \
      {.name = name_of "_exclusive_reverse",                                                      \
       op_of,                                                                                     \
       SHAPE_2(9, 70),                                                                            \
       .axis = 1,                                                                                 \
       EXCLUSIVE,                                                                                 \
       REVERSE},                                                                                  \
      {.name = name_of "_segments", op_of, SHAPE_2(9, 40), .axis = 1, SEGMENTS(5)},               \
      {.name = name_of "_segments_exclusive_reverse",                                             \
       op_of,                                                                                     \
       SHAPE_2(40, 17),                                                                           \
       SEGMENTS(5),                                                                               \
       EXCLUSIVE,                                                                                 \
       REVERSE,                                                                                   \
       .hints = 1},                                                                               \
      {.name = name_of "_t0", op_of, SHAPE_2(0, 9)},                                              \
      {.name = name_of "_t1", op_of, SHAPE_2(1, 9)},                                              \
      {.name = name_of "_t1_exclusive", op_of, SHAPE_2(9, 1), .axis = 1, EXCLUSIVE},              \
      {.name = name_of "_t2", op_of, SHAPE_2(9, 2), .axis = 1},                                   \
      {.name = name_of "_t3", op_of, SHAPE_2(3, 9)},                                              \
      {.name = name_of "_t7", op_of, SHAPE_2(9, 7), .axis = 1},                                   \
      {.name = name_of "_t8", op_of, SHAPE_2(8, 7)},                                              \
      {.name = name_of "_t9", op_of, SHAPE_2(7, 9), .axis = 1},                                   \
      {.name = name_of "_t63", op_of, SHAPE_2(63, 16)},                                           \
      {.name = name_of "_t64", op_of, SHAPE_2(16, 64), .axis = 1},                                \
      {.name = name_of "_t65", op_of, SHAPE_2(65, 17)},                                           \
      {.name = name_of "_t1000", op_of, SHAPE_2(3, 1000), .axis = 1},                             \
      {.name = name_of "_t1000_f16", F16, op_of, SHAPE_2(1000, 3)},                               \
      {.name = name_of "_t70000", op_of, SHAPE_1(70000)},                                         \
      {.name = name_of "_t20000_c3", op_of, SHAPE_2(20000, 3), EXCLUSIVE},                        \
      {.name = name_of "_c1030", op_of, SHAPE_2(9, 1030)},                                        \
      {.name = name_of "_c40_t3000", op_of, SHAPE_2(3000, 40)},                                   \
      {.name = name_of "_segments_long",                                                          \
       op_of,                                                                                     \
       SHAPE_2(2, 2000),                                                                          \
       .axis = 1,                                                                                 \
       SEGMENTS(4),                                                                               \
       REVERSE},                                                                                  \
      {.name = name_of "_late_nan", op_of, SHAPE_2(2000, 2), VALUES_OF(LATE_NAN)},                \
      {.name = name_of "_late_infinite",                                                          \
       op_of,                                                                                     \
       SHAPE_2(2, 2000),                                                                          \
       .axis = 1,                                                                                 \
       VALUES_OF(LATE_INFINITE)},                                                                 \
      {.name = name_of "_ones", op_of, SHAPE_2(300, 5), VALUES_OF(ONES)},                         \
      {.name = name_of "_positive", op_of, SHAPE_2(100, 5), VALUES_OF(POSITIVE)},                 \
      {.name = name_of "_some_zero", op_of, SHAPE_2(100, 33), VALUES_OF(SOME_ZERO)},              \
      {.name = name_of "_some_nan", op_of, SHAPE_2(40, 33), VALUES_OF(SOME_NAN)},                 \
      {.name = name_of "_some_nan_inside",                                                        \
       op_of,                                                                                     \
       SHAPE_2(33, 40),                                                                           \
       .axis = 1,                                                                                 \
       VALUES_OF(SOME_NAN),                                                                       \
       EXCLUSIVE},                                                                                \
      {.name = name_of "_some_infinite", op_of, SHAPE_2(40, 33), VALUES_OF(SOME_INFINITE)},       \
      {.name = name_of "_some_infinite_inside",                                                   \
       op_of,                                                                                     \
       SHAPE_2(33, 40),                                                                           \
       .axis = 1,                                                                                 \
       VALUES_OF(SOME_INFINITE)},                                                                 \
  {                                                                                               \
    .name = name_of "_some_infinite_f64", F64, op_of, SHAPE_2(33, 40), .axis = 1,                 \
    VALUES_OF(SOME_INFINITE)                                                                      \
  }
/* NOLINTEND(bugprone-macro-parentheses) */

/* A layout, scanned along an axis that is contiguous in none, some or all of them. */
#define LAYOUT(kind, name_of)                                                                      \
  {.name = "layout_" name_of, SUM, SHAPE_3(5, 33, 17), .axis = 1, .layout = (kind)},               \
      {.name = "layout_" name_of "_last", SUM, SHAPE_3(5, 4, 70), .axis = 2, .layout = (kind)},    \
      {.name = "layout_" name_of "_first",                                                         \
       PRODUCT,                                                                                    \
       BF16,                                                                                       \
       SHAPE_3(33, 3, 9),                                                                          \
       .layout = (kind),                                                                           \
       .skew = 1},                                                                                 \
      {.name = "layout_" name_of "_reverse",                                                       \
       LOGSUMEXP,                                                                                  \
       SHAPE_2(40, 17),                                                                            \
       .layout = (kind),                                                                           \
       REVERSE},                                                                                   \
      {.name = "layout_" name_of "_segments",                                                      \
       F16,                                                                                        \
       MAX,                                                                                        \
       SHAPE_3(3, 20, 9),                                                                          \
       .axis = 1,                                                                                  \
       SEGMENTS(4),                                                                                \
       .layout = (kind)},                                                                          \
      {.name = "layout_" name_of "_f64", F64, SUM, SHAPE_3(5, 8, 9), .axis = 1, .layout = (kind)}, \
  {                                                                                                \
    .name = "layout_" name_of "_i32", I32, SUM, SHAPE_3(5, 8, 9), .axis = 2, .layout = (kind)      \
  }

#define AXIS(rank_of, shape_of, number)                                                           \
  {.name = "rank_" rank_of "_axis_" #number, SUM, shape_of, .axis = (number)}, {                  \
    .name = "rank_" rank_of "_axis_" #number "_exclusive", LOGSUMEXP, shape_of, .axis = (number), \
    EXCLUSIVE                                                                                     \
  }

static const prefix_case cases[] = {
    OPERATION(SUM, "sum"),
    OPERATION(PRODUCT, "product"),
    OPERATION(MAX, "max"),
    OPERATION(LOGSUMEXP, "logsumexp"),

    LAYOUT(PREFIX_CONTIGUOUS, "contiguous"),
    LAYOUT(PREFIX_TURNED, "turned"),
    LAYOUT(PREFIX_AXIS_INSIDE, "axis_inside"),
    LAYOUT(PREFIX_PADDED, "padded"),
    LAYOUT(PREFIX_SPREAD, "spread"),
    LAYOUT(PREFIX_BACKWARDS, "backwards"),
    LAYOUT(PREFIX_SHARED_AXIS, "shared_axis"),
    LAYOUT(PREFIX_SHARED_OTHER, "shared_other"),

    AXIS("1", SHAPE_1(33), 0),
    AXIS("2", SHAPE_2(7, 33), 0),
    AXIS("2", SHAPE_2(7, 33), 1),
    AXIS("3", SHAPE_3(3, 9, 17), 0),
    AXIS("3", SHAPE_3(3, 9, 17), 1),
    AXIS("3", SHAPE_3(3, 9, 17), 2),
    AXIS("4", SHAPE_4(3, 5, 4, 9), 0),
    AXIS("4", SHAPE_4(3, 5, 4, 9), 1),
    AXIS("4", SHAPE_4(3, 5, 4, 9), 2),
    AXIS("4", SHAPE_4(3, 5, 4, 9), 3),
    AXIS("5", SHAPE_5, 0),
    AXIS("5", SHAPE_5, 1),
    AXIS("5", SHAPE_5, 2),
    AXIS("5", SHAPE_5, 3),
    AXIS("5", SHAPE_5, 4),
    AXIS("8", SHAPE_8, 0),
    AXIS("8", SHAPE_8, 1),
    AXIS("8", SHAPE_8, 2),
    AXIS("8", SHAPE_8, 3),
    AXIS("8", SHAPE_8, 4),
    AXIS("8", SHAPE_8, 5),
    AXIS("8", SHAPE_8, 6),
    AXIS("8", SHAPE_8, 7),
    {.name = "rank_8_spread", SUM, SHAPE_8, .axis = 4, .layout = PREFIX_SPREAD},
    {.name = "rank_8_turned_segments",
     MAX,
     SHAPE_8,
     .axis = 3,
     .layout = PREFIX_TURNED,
     SEGMENTS(3)},
    {.name = "without_elements", SUM, SHAPE_3(3, 5, 0), .axis = 1},

    /* Segments. */
    {.name = "segments_of_ones", SUM, SHAPE_2(1, 33), SEGMENTS(19)},
    {.name = "segments_empty_ends",
     PRODUCT,
     SHAPE_2(33, 17),
     SEGMENTS(6),
     .empty_ends = 1,
     .wide_indices = 1},
    {.name = "segments_all_empty", SUM, SHAPE_2(33, 17), SEGMENTS(2), .empty_ends = 1},
    {.name = "segments_none", SUM, SHAPE_2(33, 17), SEGMENTS(0)},
    {.name = "segments_one", LOGSUMEXP, SHAPE_2(33, 17), SEGMENTS(1), .strided_indices = 1},
    {.name = "segments_long_f64", F64, SUM, SHAPE_1(500), SEGMENTS(5)},
    {.name = "segments_i32", I32, MAX, SHAPE_2(50, 5), SEGMENTS(5), EXCLUSIVE},

    /* Integers wrap around. */
    {.name = "i32_sum", I32, SUM, SHAPE_2(9, 70), .axis = 1},
    {.name = "i32_sum_wraps", I32, SUM, SHAPE_2(70, 9), VALUES_OF(LARGE)},
    {.name = "i32_sum_reverse", I32, SUM, SHAPE_2(70, 9), REVERSE, EXCLUSIVE},
    {.name = "i32_product", I32, PRODUCT, SHAPE_2(70, 9)},
    {.name = "i32_product_wraps", I32, PRODUCT, SHAPE_2(9, 70), .axis = 1, VALUES_OF(LARGE)},
    {.name = "i32_product_zeros", I32, PRODUCT, SHAPE_2(70, 9), VALUES_OF(SOME_ZERO), EXCLUSIVE},
    {.name = "i32_max", I32, MAX, SHAPE_2(70, 33), VALUES_OF(LARGE)},
    {.name = "i32_max_exclusive", I32, MAX, SHAPE_2(9, 70), .axis = 1, EXCLUSIVE},
    {.name = "i32_max_reverse", I32, MAX, SHAPE_2(9, 70), .axis = 1, REVERSE, VALUES_OF(LARGE)},
    {.name = "i32_long", I32, SUM, SHAPE_1(20000), VALUES_OF(LARGE)},

    /* Products that pass where no number of their type is. */
    {.name = "product_dip", PRODUCT, SHAPE_2(20, 17), VALUES_OF(DIP)},
    {.name = "product_dip_inside", PRODUCT, SHAPE_2(17, 20), .axis = 1, VALUES_OF(DIP)},
    {.name = "product_dip_long", PRODUCT, SHAPE_2(2000, 3), VALUES_OF(DIP)},
    {.name = "product_dip_long_inside", PRODUCT, SHAPE_1(30000), VALUES_OF(DIP)},
    {.name = "product_dip_reverse", PRODUCT, SHAPE_2(100, 9), VALUES_OF(DIP), REVERSE},
    {.name = "product_dip_f16", F16, PRODUCT, SHAPE_2(40, 9), VALUES_OF(DIP)},
    {.name = "product_dip_bf16", BF16, PRODUCT, SHAPE_2(40, 9), VALUES_OF(DIP)},
    {.name = "product_dip_f64", F64, PRODUCT, SHAPE_2(40, 9), VALUES_OF(DIP)},
    {.name = "product_swing", PRODUCT, SHAPE_2(20, 17), VALUES_OF(SWING)},
    {.name = "product_swing_long", PRODUCT, SHAPE_2(3, 2000), .axis = 1, VALUES_OF(SWING)},
    {.name = "product_swing_f64", F64, PRODUCT, SHAPE_2(20, 17), VALUES_OF(SWING)},

    /* Logarithms of sums far from 0, and of nothing. */
    {.name = "logsumexp_large", LOGSUMEXP, SHAPE_2(70, 33), VALUES_OF(LARGE)},
    {.name = "logsumexp_large_inside", LOGSUMEXP, SHAPE_2(9, 70), .axis = 1, VALUES_OF(LARGE)},
    {.name = "logsumexp_large_bf16", BF16, LOGSUMEXP, SHAPE_2(70, 33), VALUES_OF(LARGE)},
    {.name = "logsumexp_large_f64", F64, LOGSUMEXP, SHAPE_2(70, 33), VALUES_OF(LARGE)},
    {.name = "logsumexp_some_lost", LOGSUMEXP, SHAPE_2(70, 17), VALUES_OF(SOME_LOST)},
    {.name = "logsumexp_some_lost_reverse",
     LOGSUMEXP,
     SHAPE_2(17, 70),
     .axis = 1,
     VALUES_OF(SOME_LOST),
     REVERSE,
     EXCLUSIVE},
    {.name = "logsumexp_all_lost", LOGSUMEXP, SHAPE_2(70, 17), VALUES_OF(ALL_LOST)},
    {.name = "logsumexp_all_lost_inside", LOGSUMEXP, SHAPE_1(3000), VALUES_OF(ALL_LOST)},
    {.name = "logsumexp_all_lost_f64", F64, LOGSUMEXP, SHAPE_1(3000), VALUES_OF(ALL_LOST)},
    {.name = "max_all_lost", MAX, SHAPE_2(70, 17), VALUES_OF(ALL_LOST)},

    /* Sums and maxima far from 0; a million of them. */
    {.name = "sum_large", SUM, SHAPE_2(300, 9), VALUES_OF(LARGE)},
    {.name = "sum_positive_t70000", SUM, SHAPE_2(70000, 3), VALUES_OF(POSITIVE)},
    {.name = "max_large", MAX, SHAPE_2(300, 9), VALUES_OF(LARGE)},
    {.name = "sum_of_a_million", SUM, SHAPE_1(1000000), VALUES_OF(POSITIVE)},
};

const prefix_table prefix_scan_table = {cases, sizeof cases / sizeof cases[0]};
