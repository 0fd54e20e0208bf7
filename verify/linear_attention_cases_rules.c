/* SPDX-License-Identifier: Apache-2.0 */
/* The named cases of rules, lengths, dimensions, gates and types, simple ones first. */
#include "verify/linear_attention_cases.h"

#define SIZE(b, n, h, i, j) .batch = (b), .t = (n), .hs = (h), .d = (i), .dv = (j)
#define F16 .dtype = SEQMIX_F16
#define BF16 .dtype = SEQMIX_BF16
#define LINEAR .rule = SEQMIX_UPDATE_LINEAR
#define GATED .rule = SEQMIX_UPDATE_GATED
#define DELTA .rule = SEQMIX_UPDATE_DELTA, .beta = GATE_PER_HEAD
#define GATED_DELTA .rule = SEQMIX_UPDATE_GATED_DELTA, .beta = GATE_PER_HEAD
#define DPLR .rule = SEQMIX_UPDATE_DPLR, .decay = GATE_PER_CHANNEL

/* Every rule with so many tokens. */
#define LENGTH(n)                                                                                \
  {.name = "linear_t" #n, LINEAR, SIZE(1, n, 2, 16, 16)},                                        \
      {.name = "gated_t" #n, GATED, SIZE(1, n, 2, 16, 16)},                                      \
      {.name = "gated_channel_t" #n, GATED, SIZE(1, n, 2, 16, 16), .decay = GATE_PER_CHANNEL},   \
      {.name = "delta_t" #n, DELTA, SIZE(1, n, 2, 16, 16), .states = STATES_BOTH},               \
      {.name = "gated_delta_t" #n, GATED_DELTA, SIZE(1, n, 2, 16, 16), .states = STATES_BOTH}, { \
    .name = "dplr_t" #n, DPLR, SIZE(1, n, 2, 16, 16), .states = STATES_BOTH                      \
  }

/* Keys and values of these dimensions, in a length that is no multiple of any block. */
#define DIM(i, j)                                                                 \
  {.name = "linear_d" #i "_dv" #j, LINEAR, SIZE(1, 37, 1, i, j)},                 \
      {.name = "gated_channel_d" #i "_dv" #j,                                     \
       F16,                                                                       \
       GATED,                                                                     \
       SIZE(1, 37, 1, i, j),                                                      \
       .decay = GATE_PER_CHANNEL},                                                \
      {.name = "gated_delta_d" #i "_dv" #j, GATED_DELTA, SIZE(1, 37, 1, i, j)}, { \
    .name = "dplr_d" #i "_dv" #j, BF16, DPLR, SIZE(1, 37, 1, i, j), .skew = 1     \
  }

/* Decays of these values, of every shape and rule that has them, over two chunks. */
#define DECAYS(kind, name_of)                                                   \
  {.name = "gated_" name_of, GATED, SIZE(2, 130, 2, 16, 24), .decays = (kind)}, \
      {.name = "gated_constant_" name_of,                                       \
       GATED,                                                                   \
       SIZE(2, 70, 2, 16, 24),                                                  \
       .decays = (kind),                                                        \
       .decay = GATE_CONSTANT},                                                 \
      {.name = "gated_channel_" name_of,                                        \
       GATED,                                                                   \
       SIZE(2, 130, 2, 16, 24),                                                 \
       .decays = (kind),                                                        \
       .decay = GATE_PER_CHANNEL,                                               \
       .states = STATES_BOTH},                                                  \
      {.name = "gated_delta_" name_of,                                          \
       GATED_DELTA,                                                             \
       SIZE(2, 130, 2, 16, 24),                                                 \
       .decays = (kind),                                                        \
       .states = STATES_BOTH},                                                  \
      {.name = "gated_delta_channel_" name_of,                                  \
       GATED_DELTA,                                                             \
       SIZE(2, 130, 2, 16, 24),                                                 \
       .decays = (kind),                                                        \
       .decay = GATE_PER_CHANNEL,                                               \
       .states = STATES_BOTH},                                                  \
  {                                                                             \
    .name = "dplr_" name_of, DPLR, SIZE(2, 130, 2, 16, 24), .decays = (kind),   \
    .states = STATES_BOTH                                                       \
  }

static const linear_attention_case cases[] = {
    /* One of everything, then a little more: what a backend can do that has just been begun. */
    {.name = "one_of_everything", LINEAR, SIZE(1, 1, 1, 1, 1)},
    {.name = "one_token", LINEAR, SIZE(1, 1, 1, 8, 8)},
    {.name = "small_gated_delta", F16, GATED_DELTA, SIZE(1, 2, 1, 2, 1), .states = STATES_BOTH},
    {.name = "small_channel", GATED, SIZE(1, 2, 1, 2, 1), .decay = GATE_PER_CHANNEL},
    {.name = "small_dplr", BF16, DPLR, SIZE(1, 2, 1, 2, 1), .states = STATES_BOTH},
    {.name = "small_bidirectional", GATED, SIZE(1, 1, 1, 2, 1), .bidirectional = 1},
    {.name = "plain_f32", LINEAR, SIZE(2, 17, 3, 16, 16)},
    {.name = "plain_f16", F16, LINEAR, SIZE(2, 17, 3, 16, 16)},
    {.name = "plain_bf16", BF16, LINEAR, SIZE(2, 17, 3, 16, 16)},
    {.name = "plain_states", LINEAR, SIZE(2, 17, 3, 16, 16), .states = STATES_BOTH},
    {.name = "gated_constant", GATED, SIZE(2, 17, 3, 16, 16), .decay = GATE_CONSTANT},
    {.name = "gated_head", GATED, SIZE(2, 17, 3, 16, 16), .decay = GATE_PER_HEAD},
    {.name = "gated_channel", GATED, SIZE(2, 17, 3, 16, 16), .decay = GATE_PER_CHANNEL},
    {.name = "delta", DELTA, SIZE(2, 17, 3, 16, 16)},
    {.name = "delta_without_beta", .rule = SEQMIX_UPDATE_DELTA, SIZE(2, 17, 3, 16, 16)},
    {.name = "gated_delta", GATED_DELTA, SIZE(2, 17, 3, 16, 16)},
    {.name = "gated_delta_channel", GATED_DELTA, SIZE(2, 17, 3, 16, 16), .decay = GATE_PER_CHANNEL},
    {.name = "gated_delta_constant", GATED_DELTA, SIZE(2, 17, 3, 16, 16), .decay = GATE_CONSTANT},
    {.name = "dplr", DPLR, SIZE(2, 17, 3, 16, 16)},
    {.name = "dplr_without_decay",
     .rule = SEQMIX_UPDATE_DPLR,
     SIZE(2, 17, 3, 16, 16),
     .no_decay = 1},
    {.name = "dplr_head",
     .rule = SEQMIX_UPDATE_DPLR,
     SIZE(2, 17, 3, 16, 16),
     .decay = GATE_PER_HEAD},
    {.name = "dplr_constant",
     .rule = SEQMIX_UPDATE_DPLR,
     SIZE(2, 17, 3, 16, 16),
     .decay = GATE_CONSTANT},

    LENGTH(0),
    LENGTH(1),
    LENGTH(2),
    LENGTH(7),
    LENGTH(15),
    LENGTH(16),
    LENGTH(17),
    LENGTH(31),
    LENGTH(33),
    LENGTH(63),
    LENGTH(64),
    LENGTH(65),
    LENGTH(130),

    /* Sizes as models have them. */
    {.name = "gated_t65_d64", GATED, SIZE(1, 65, 2, 64, 64)},
    {.name = "delta_t65_d128_dv64", DELTA, SIZE(1, 65, 1, 128, 64)},
    {.name = "gated_delta_t65_d128",
     BF16,
     GATED_DELTA,
     SIZE(1, 65, 2, 128, 128),
     .states = STATES_BOTH},
    {.name = "dplr_t65_d64", DPLR, SIZE(1, 65, 2, 64, 64), .states = STATES_BOTH},
    {.name = "linear_t1000", LINEAR, SIZE(1, 1000, 1, 33, 17), .states = STATES_BOTH},
    {.name = "gated_t1000", GATED, SIZE(1, 1000, 1, 64, 64), .decays = DECAYS_WEAK},
    {.name = "gated_channel_t1000_d256",
     GATED,
     SIZE(1, 1000, 1, 256, 64),
     .decay = GATE_PER_CHANNEL,
     .states = STATES_PRESENT},
    {.name = "delta_t1000", DELTA, SIZE(1, 1000, 1, 64, 32), .states = STATES_BOTH},
    {.name = "gated_delta_t1000",
     GATED_DELTA,
     SIZE(1, 1000, 1, 64, 64),
     .decays = DECAYS_WEAK,
     .states = STATES_BOTH},
    {.name = "dplr_t1000",
     DPLR,
     SIZE(1, 1000, 1, 64, 64),
     .decays = DECAYS_WEAK,
     .states = STATES_BOTH},
    {.name = "decode_linear", LINEAR, SIZE(9, 1, 2, 64, 64), .states = STATES_BOTH},
    {.name = "decode_gated", F16, GATED, SIZE(9, 1, 2, 64, 64), .states = STATES_BOTH},
    {.name = "decode_gated_delta",
     BF16,
     GATED_DELTA,
     SIZE(17, 1, 2, 64, 64),
     .states = STATES_BOTH},
    {.name = "decode_dplr", BF16, DPLR, SIZE(17, 1, 2, 64, 64), .states = STATES_BOTH},
    {.name = "batch_zero", GATED, SIZE(0, 5, 2, 8, 8), .states = STATES_BOTH},
    {.name = "many_sequences", GATED_DELTA, SIZE(23, 19, 1, 16, 8), .states = STATES_BOTH},
    {.name = "many_heads", GATED, SIZE(1, 19, 23, 16, 8), .states = STATES_BOTH},

    DIM(1, 1),
    DIM(3, 8),
    DIM(8, 3),
    DIM(16, 1),
    DIM(1, 17),
    DIM(17, 33),
    DIM(33, 17),
    DIM(64, 96),
    DIM(96, 64),
    DIM(128, 16),
    DIM(16, 128),
    DIM(192, 64),
    DIM(64, 192),
    DIM(256, 33),
    DIM(33, 256),
    DIM(320, 8),
    DIM(8, 320),

    DECAYS(DECAYS_WEAK, "weak"),
    DECAYS(DECAYS_ZERO, "decay_zero"),
    DECAYS(DECAYS_STEEP, "steep"),
    DECAYS(DECAYS_STRONG, "strong"),
    DECAYS(DECAYS_INFINITE, "infinite"),
    DECAYS(DECAYS_MIXED, "mixed"),
    DECAYS(DECAYS_POSITIVE, "positive"),

    /* Beta and erase. */
    {.name = "beta_zero",
     DELTA,
     SIZE(2, 70, 2, 16, 24),
     .betas = BETAS_ZERO,
     .states = STATES_BOTH},
    {.name = "beta_whole",
     DELTA,
     SIZE(2, 130, 2, 16, 24),
     .betas = BETAS_WHOLE,
     .states = STATES_BOTH},
    {.name = "beta_whole_gated",
     GATED_DELTA,
     SIZE(2, 130, 2, 16, 24),
     .betas = BETAS_WHOLE,
     .states = STATES_BOTH},
    {.name = "beta_channel",
     .rule = SEQMIX_UPDATE_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .beta = GATE_PER_CHANNEL,
     .states = STATES_BOTH},
    {.name = "beta_channel_whole",
     F16,
     .rule = SEQMIX_UPDATE_GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .beta = GATE_PER_CHANNEL,
     .betas = BETAS_WHOLE,
     .states = STATES_BOTH},
    {.name = "beta_channel_decay_channel",
     .rule = SEQMIX_UPDATE_GATED_DELTA,
     SIZE(2, 70, 2, 33, 17),
     .beta = GATE_PER_CHANNEL,
     .decay = GATE_PER_CHANNEL,
     .states = STATES_BOTH},
    {.name = "gated_delta_without_beta",
     .rule = SEQMIX_UPDATE_GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .states = STATES_BOTH},
    {.name = "erase", DELTA, SIZE(2, 70, 2, 16, 24), .erase = 1, .states = STATES_BOTH},
    {.name = "erase_gated",
     BF16,
     GATED_DELTA,
     SIZE(2, 130, 2, 64, 24),
     .erase = 1,
     .states = STATES_BOTH},
    {.name = "erase_without_beta", .rule = SEQMIX_UPDATE_DELTA, SIZE(2, 70, 2, 16, 24), .erase = 1},
    {.name = "erase_beta_channel_decay_channel",
     .rule = SEQMIX_UPDATE_GATED_DELTA,
     SIZE(2, 70, 2, 33, 17),
     .beta = GATE_PER_CHANNEL,
     .decay = GATE_PER_CHANNEL,
     .erase = 1,
     .states = STATES_BOTH},
    {.name = "erase_mixed",
     GATED_DELTA,
     SIZE(2, 130, 2, 16, 24),
     .erase = 1,
     .decay = GATE_PER_CHANNEL,
     .decays = DECAYS_MIXED,
     .states = STATES_BOTH},

    /* Keys of zeros. */
    {.name = "keys_some_zero", LINEAR, SIZE(2, 70, 2, 16, 24), .keys = KEYS_SOME_ZERO},
    {.name = "keys_all_zero",
     GATED,
     SIZE(2, 70, 2, 16, 24),
     .keys = KEYS_ALL_ZERO,
     .states = STATES_BOTH},
    {.name = "keys_some_zero_delta",
     DELTA,
     SIZE(2, 70, 2, 16, 24),
     .keys = KEYS_SOME_ZERO,
     .states = STATES_BOTH},
    {.name = "keys_some_zero_erase",
     GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .keys = KEYS_SOME_ZERO,
     .erase = 1,
     .states = STATES_BOTH},
    {.name = "keys_some_zero_l2norm",
     GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .keys = KEYS_SOME_ZERO,
     .feature_map = SEQMIX_FEATURE_L2NORM,
     .states = STATES_BOTH},
    {.name = "keys_all_zero_dplr",
     DPLR,
     SIZE(2, 70, 2, 16, 24),
     .keys = KEYS_ALL_ZERO,
     .states = STATES_BOTH},

    /* Gates of q's type. */
    {.name = "gates_f16", F16, GATED_DELTA, SIZE(2, 70, 2, 16, 24), .gates_own_type = 1},
    {.name = "gates_bf16",
     BF16,
     GATED,
     SIZE(2, 70, 2, 16, 24),
     .gates_own_type = 1,
     .decay = GATE_PER_CHANNEL},
    {.name = "gates_bf16_dplr", BF16, DPLR, SIZE(2, 70, 2, 16, 24), .gates_own_type = 1},
    {.name = "gates_f16_mixed",
     F16,
     GATED,
     SIZE(2, 70, 2, 16, 24),
     .gates_own_type = 1,
     .decays = DECAYS_MIXED},
    {.name = "gates_f16_erase",
     F16,
     .rule = SEQMIX_UPDATE_GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .gates_own_type = 1,
     .erase = 1,
     .beta = GATE_PER_CHANNEL},
    {.name = "gates_bf16_constant",
     BF16,
     GATED,
     SIZE(2, 70, 2, 16, 24),
     .gates_own_type = 1,
     .decay = GATE_CONSTANT},
    {.name = "gates_steady",
     GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .steady_gates = 1,
     .states = STATES_BOTH},
    {.name = "gates_steady_channel",
     BF16,
     .rule = SEQMIX_UPDATE_GATED_DELTA,
     SIZE(2, 70, 2, 16, 24),
     .beta = GATE_PER_CHANNEL,
     .decay = GATE_PER_CHANNEL,
     .steady_gates = 1},
    {.name = "gates_steady_dplr", DPLR, SIZE(2, 70, 2, 16, 24), .steady_gates = 1},

    /* 16 bits and several chunks of every rule that tensor cores have, in both sizes of theirs. */
    {.name = "half_linear", F16, LINEAR, SIZE(1, 200, 2, 128, 128), .states = STATES_BOTH},
    {.name = "half_gated", BF16, GATED, SIZE(1, 200, 2, 128, 65), .decays = DECAYS_MIXED},
    {.name = "half_gated_channel",
     F16,
     GATED,
     SIZE(1, 200, 2, 64, 64),
     .decays = DECAYS_MIXED,
     .decay = GATE_PER_CHANNEL,
     .states = STATES_BOTH},
    {.name = "half_delta", F16, DELTA, SIZE(1, 200, 2, 64, 128), .states = STATES_BOTH},
    {.name = "half_gated_delta",
     F16,
     GATED_DELTA,
     SIZE(1, 200, 2, 128, 128),
     .states = STATES_BOTH},
    {.name = "half_gated_delta_channel",
     F16,
     GATED_DELTA,
     SIZE(1, 200, 2, 128, 64),
     .decay = GATE_PER_CHANNEL,
     .states = STATES_BOTH},
    {.name = "half_gated_delta_steep",
     BF16,
     GATED_DELTA,
     SIZE(1, 130, 2, 100, 70),
     .decays = DECAYS_STEEP,
     .decay = GATE_PER_CHANNEL,
     .states = STATES_BOTH},
};

const linear_attention_table linear_attention_rule_cases = {cases, sizeof cases / sizeof cases[0]};
