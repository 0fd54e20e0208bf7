/* SPDX-License-Identifier: Apache-2.0 */
#include "core/features.h"

#include <stdio.h>

#include "seqmix/backend.h"

typedef struct feature_name {
  int32_t op;
  uint64_t bit;
  const char *name;
} feature_name;

static const feature_name names[] = {
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_WINDOW, "causal or window"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_OFFSETS, "query_offsets"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_KEY_LENGTHS, "key_lengths"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_QUERY_LENGTHS, "query_lengths"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_MASK, "mask"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_BIAS, "bias"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_ALIBI, "alibi_slopes"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_SOFTCAP, "softcap"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_SINKS, "sinks"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_BLOCK_MAP, "block_map"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_PACKED_QUERIES, "cu_seqlens_q"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_PACKED_KEYS, "cu_seqlens_k"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_PAGED, "block_table"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_LSE, "lse"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_SCORES, "scores"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_TILED_HEADS, "head_sharing tiled"},
    {SEQMIX_OP_ATTENTION, SEQMIX_ATTENTION_OUT_F32, "f32 out beside 16-bit inputs"},
    {SEQMIX_OP_ATTENTION_MERGE, SEQMIX_ATTENTION_MERGE_SINKS, "sinks"},
    {SEQMIX_OP_ATTENTION_MERGE, SEQMIX_ATTENTION_MERGE_LSE, "lse"},
    {SEQMIX_OP_ATTENTION_MERGE, SEQMIX_ATTENTION_MERGE_OUT_F32, "f32 out beside 16-bit inputs"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_GATED, "update_rule gated"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_DELTA, "update_rule delta or gated_delta"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_DPLR, "update_rule dplr"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_DECAY, "decay per head"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY, "decay per channel"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_BETA, "beta per head"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA, "beta per channel"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_ERASE, "erase"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_BONUS, "bonus"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_NORMALIZE, "normalize"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_INPUT_GATE, "input_gate"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_FEATURE_MAP, "feature_map"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_TILED_HEADS, "head_sharing tiled"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL, "causal off"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_REVERSE, "reverse"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL, "bidirectional"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_PAST, "past_state"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_PRESENT, "present_state"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_STATE_INDICES, "state_indices"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_PACKED, "cu_seqlens"},
    {SEQMIX_OP_LINEAR_ATTENTION, SEQMIX_LINEAR_ATTENTION_OUT_F32, "f32 out beside 16-bit inputs"},
};

void seqmix_feature_list(int32_t op, uint64_t features, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].op != op || !(features & names[i].bit) || used >= size) continue;
    used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", names[i].name);
    features &= ~names[i].bit;
  }
  if (features && used < size)
    snprintf(text + used, size - used, "%sfeatures 0x%llx", used ? ", " : "",
             (unsigned long long)features);
}
