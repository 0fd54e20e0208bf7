/* SPDX-License-Identifier: Apache-2.0 */
/* The linear attention of models people know, one layer of it, and shapes that kernels are tuned
 * on. */
#include "bench/linear_attention.h"

#define GATED SEQMIX_UPDATE_GATED
#define DELTA SEQMIX_UPDATE_DELTA
#define GATED_DELTA SEQMIX_UPDATE_GATED_DELTA
#define DPLR SEQMIX_UPDATE_DPLR
#define L2NORM SEQMIX_FEATURE_L2NORM

/* A prompt, whose last state is kept, and one token for 1, 16 and 64 sequences, whose states are
 * updated in place. `...`: Hq, Hk, H, D, Dv, rule, decay, beta, map, bonus. */
#define MODEL(name, ...)                                                                  \
  {"models", name "-prefill", "prefill", {1, 4096, __VA_ARGS__, 0, STATES_PRESENT}},      \
      {"models", name "-decode", "decode", {1, 1, __VA_ARGS__, 0, STATES_UPDATE}},        \
      {"models", name "-decode-b16", "decode", {16, 1, __VA_ARGS__, 0, STATES_UPDATE}}, { \
    "models", name "-decode-b64", "decode", { 64, 1, __VA_ARGS__, 0, STATES_UPDATE }      \
  }

/* Columns: B, T, Hq, Hk, H, D, Dv, rule, decay, beta, map, bonus, state_type, states, packed. */
const bench_preset linear_attention_presets[LINEAR_ATTENTION_PRESETS] = {
    /* RetNet 3B: a constant decay per head. */
    MODEL("retnet-3b", 0, 0, 10, 256, 428, GATED, DECAY_CONSTANT, BETA_NONE, 0, 0),
    /* Mamba-2 2.7B: all heads share B and C, which are k and q. */
    MODEL("mamba2-2.7b", 1, 1, 80, 128, 64, GATED, DECAY_HEAD, BETA_NONE, 0, 0),
    /* Gated linear attention 1.3B. */
    MODEL("gla-1.3b", 0, 0, 4, 256, 512, GATED, DECAY_CHANNEL, BETA_NONE, 0, 0),
    /* DeltaNet 1.3B. */
    MODEL("deltanet-1.3b", 0, 0, 16, 128, 128, DELTA, DECAY_NONE, BETA_HEAD, L2NORM, 0),
    /* Qwen3-Next 80B-A3B: two states share a key head. */
    MODEL("qwen3-next", 16, 16, 32, 128, 128, GATED_DELTA, DECAY_HEAD, BETA_HEAD, L2NORM, 0),
    /* Kimi Linear 48B-A3B. */
    MODEL("kimi-linear", 0, 0, 32, 128, 128, GATED_DELTA, DECAY_CHANNEL, BETA_HEAD, L2NORM, 0),
    /* RWKV-6 7B. */
    MODEL("rwkv6-7b", 0, 0, 64, 64, 64, GATED, DECAY_CHANNEL, BETA_NONE, 0, 1),
    /* RWKV-7 7.2B. */
    MODEL("rwkv7-7b", 0, 0, 64, 64, 64, DPLR, DECAY_CHANNEL, BETA_NONE, 0, 0),

    {"kernel",
     "gated-delta-d128",
     "prefill",
     {1, 4096, 0, 0, 16, 128, 128, GATED_DELTA, DECAY_HEAD, BETA_HEAD, 0, 0, 0, STATES_PRESENT}},
    {"kernel",
     "kda-d128",
     "prefill",
     {1, 4096, 0, 0, 16, 128, 128, GATED_DELTA, DECAY_CHANNEL, BETA_HEAD, 0, 0, 0, STATES_PRESENT}},
    {"kernel",
     "gla-d64",
     "prefill",
     {1, 4096, 0, 0, 32, 64, 64, GATED, DECAY_CHANNEL, BETA_NONE, 0, 0, 0, STATES_PRESENT}},
    {"kernel",
     "scalar-decay-d128",
     "prefill",
     {1, 4096, 0, 0, 16, 128, 128, GATED, DECAY_HEAD, BETA_NONE, 0, 0, 0, STATES_PRESENT}},
    {"kernel",
     "gated-delta-one-head",
     "prefill",
     {1, 65536, 0, 0, 1, 128, 128, GATED_DELTA, DECAY_HEAD, BETA_HEAD, 0, 0, 0, STATES_PRESENT}},
    /* 128, 32 and 2 MiB of states. */
    {"kernel",
     "gated-delta-decode-b64",
     "decode",
     {64, 1, 0, 0, 32, 128, 128, GATED_DELTA, DECAY_HEAD, BETA_HEAD, 0, 0, 0, STATES_UPDATE}},
    {"kernel",
     "gated-delta-decode-b16",
     "decode",
     {16, 1, 0, 0, 32, 128, 128, GATED_DELTA, DECAY_HEAD, BETA_HEAD, 0, 0, 0, STATES_UPDATE}},
    {"kernel",
     "gated-delta-decode-b1",
     "decode",
     {1, 1, 0, 0, 32, 128, 128, GATED_DELTA, DECAY_HEAD, BETA_HEAD, 0, 0, 0, STATES_UPDATE}},
    {"kernel",
     "scalar-decay-decode-b64",
     "decode",
     {64, 1, 0, 0, 32, 128, 128, GATED, DECAY_HEAD, BETA_NONE, 0, 0, 0, STATES_UPDATE}},
};
