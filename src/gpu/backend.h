/* SPDX-License-Identifier: Apache-2.0 */
/* What a GPU backend's table is made of, whatever its driver: the variants, and the functions of
 * seqmix_backend (context.h). To add an operator's algorithm: its functions here, its row below. */
#ifndef SEQMIX_GPU_BACKEND_H
#define SEQMIX_GPU_BACKEND_H

#include "gpu/context.h"

/** The functions of an algorithm. */
#define SEQMIX_GPU_ALGORITHM(name)                                                                 \
  uint64_t seqmix_gpu_##name##_workspace(const seqmix_problem *problem,                            \
                                         const seqmix_device_properties *device, int32_t workers); \
  seqmix_status seqmix_gpu_##name(const seqmix_call *call, const seqmix_problem *problem);

/** Those of one that does not take, or does not suit, every problem of its features. */
#define SEQMIX_GPU_CHOICE(name)                                                \
  SEQMIX_GPU_ALGORITHM(name)                                                   \
  int32_t seqmix_gpu_##name##_accepts(const seqmix_problem *problem,           \
                                      const seqmix_device_properties *device); \
  int32_t seqmix_gpu_##name##_suits(const seqmix_problem *problem,             \
                                    const seqmix_device_properties *device);

SEQMIX_GPU_CHOICE(attention_decode)
SEQMIX_GPU_CHOICE(attention_prefill)
SEQMIX_GPU_CHOICE(attention_prefill_mma)
SEQMIX_GPU_CHOICE(attention_gemm)
SEQMIX_GPU_CHOICE(attention_unfused)
SEQMIX_GPU_ALGORITHM(attention_merge)
SEQMIX_GPU_ALGORITHM(linear_attention_chunked)
SEQMIX_GPU_CHOICE(linear_attention_chunked_mma)
SEQMIX_GPU_CHOICE(linear_attention_recurrent)
SEQMIX_GPU_ALGORITHM(linear_recurrence)
SEQMIX_GPU_ALGORITHM(prefix_scan)
SEQMIX_GPU_ALGORITHM(causal_conv1d)
SEQMIX_GPU_ALGORITHM(selective_scan)

/** Types that kernels compute on. */
#define SEQMIX_GPU_TYPES \
  (SEQMIX_DTYPE_BIT(SEQMIX_F32) | SEQMIX_DTYPE_BIT(SEQMIX_F16) | SEQMIX_DTYPE_BIT(SEQMIX_BF16))

/* Options, spelled out: one that is added later is refused until it is built in. */
#define SEQMIX_GPU_LINEAR_ATTENTION_FEATURES                                                      \
  (SEQMIX_LINEAR_ATTENTION_GATED | SEQMIX_LINEAR_ATTENTION_DELTA | SEQMIX_LINEAR_ATTENTION_DPLR | \
   SEQMIX_LINEAR_ATTENTION_DECAY | SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY |                        \
   SEQMIX_LINEAR_ATTENTION_BETA | SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA |                          \
   SEQMIX_LINEAR_ATTENTION_ERASE | SEQMIX_LINEAR_ATTENTION_BONUS |                                \
   SEQMIX_LINEAR_ATTENTION_NORMALIZE | SEQMIX_LINEAR_ATTENTION_INPUT_GATE |                       \
   SEQMIX_LINEAR_ATTENTION_FEATURE_MAP | SEQMIX_LINEAR_ATTENTION_TILED_HEADS |                    \
   SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL | SEQMIX_LINEAR_ATTENTION_REVERSE |                         \
   SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL | SEQMIX_LINEAR_ATTENTION_PAST |                         \
   SEQMIX_LINEAR_ATTENTION_PRESENT | SEQMIX_LINEAR_ATTENTION_STATE_INDICES |                      \
   SEQMIX_LINEAR_ATTENTION_PACKED | SEQMIX_LINEAR_ATTENTION_OUT_F32)
/* On tensor cores: without those that need a second writer, another diagonal, or rows that no
 * weights are made for. */
#define SEQMIX_GPU_LINEAR_MMA_FEATURES                                        \
  (SEQMIX_GPU_LINEAR_ATTENTION_FEATURES &                                     \
   ~(uint64_t)(SEQMIX_LINEAR_ATTENTION_DPLR | SEQMIX_LINEAR_ATTENTION_BONUS | \
               SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL))
#define SEQMIX_GPU_LINEAR_RECURRENCE_FEATURES                                  \
  (SEQMIX_LINEAR_RECURRENCE_COMPLEX | SEQMIX_LINEAR_RECURRENCE_CONSTANT |      \
   SEQMIX_LINEAR_RECURRENCE_REVERSE | SEQMIX_LINEAR_RECURRENCE_PAST |          \
   SEQMIX_LINEAR_RECURRENCE_PRESENT | SEQMIX_LINEAR_RECURRENCE_STATE_INDICES | \
   SEQMIX_LINEAR_RECURRENCE_PACKED | SEQMIX_LINEAR_RECURRENCE_OUT_F32)
#define SEQMIX_GPU_PREFIX_SCAN_FEATURES                                                      \
  (SEQMIX_PREFIX_SCAN_PRODUCT | SEQMIX_PREFIX_SCAN_MAX | SEQMIX_PREFIX_SCAN_LOGSUMEXP |      \
   SEQMIX_PREFIX_SCAN_EXCLUSIVE | SEQMIX_PREFIX_SCAN_REVERSE | SEQMIX_PREFIX_SCAN_SEGMENTS | \
   SEQMIX_PREFIX_SCAN_OUT_F32)
#define SEQMIX_GPU_SELECTIVE_SCAN_FEATURES                                             \
  (SEQMIX_SELECTIVE_SCAN_COMPLEX | SEQMIX_SELECTIVE_SCAN_D | SEQMIX_SELECTIVE_SCAN_Z | \
   SEQMIX_SELECTIVE_SCAN_DELTA_BIAS | SEQMIX_SELECTIVE_SCAN_SOFTPLUS |                 \
   SEQMIX_SELECTIVE_SCAN_PAST | SEQMIX_SELECTIVE_SCAN_PRESENT |                        \
   SEQMIX_SELECTIVE_SCAN_STATE_INDICES | SEQMIX_SELECTIVE_SCAN_PACKED |                \
   SEQMIX_SELECTIVE_SCAN_OUT_F32)
#define SEQMIX_GPU_CAUSAL_CONV1D_FEATURES                                              \
  (SEQMIX_CAUSAL_CONV1D_BIAS | SEQMIX_CAUSAL_CONV1D_SILU | SEQMIX_CAUSAL_CONV1D_PAST | \
   SEQMIX_CAUSAL_CONV1D_PRESENT | SEQMIX_CAUSAL_CONV1D_STATE_INDICES |                 \
   SEQMIX_CAUSAL_CONV1D_PACKED | SEQMIX_CAUSAL_CONV1D_OUT_F32)

#define SEQMIX_GPU_ATTENTION_FEATURES                                                            \
  (SEQMIX_ATTENTION_WINDOW | SEQMIX_ATTENTION_OFFSETS | SEQMIX_ATTENTION_KEY_LENGTHS |           \
   SEQMIX_ATTENTION_QUERY_LENGTHS | SEQMIX_ATTENTION_MASK | SEQMIX_ATTENTION_BIAS |              \
   SEQMIX_ATTENTION_ALIBI | SEQMIX_ATTENTION_SOFTCAP | SEQMIX_ATTENTION_SINKS |                  \
   SEQMIX_ATTENTION_BLOCK_MAP | SEQMIX_ATTENTION_PACKED_QUERIES | SEQMIX_ATTENTION_PACKED_KEYS | \
   SEQMIX_ATTENTION_PAGED | SEQMIX_ATTENTION_LSE | SEQMIX_ATTENTION_TILED_HEADS |                \
   SEQMIX_ATTENTION_OUT_F32)
#define SEQMIX_GPU_ATTENTION_MERGE_FEATURES \
  (SEQMIX_ATTENTION_MERGE_SINKS | SEQMIX_ATTENTION_MERGE_LSE | SEQMIX_ATTENTION_MERGE_OUT_F32)

/** A row of the table of the backend that is `isa` in names: "cl". */
#define SEQMIX_GPU_TYPED_VARIANT(isa, operator, OPERATOR, algorithm, function, types)             \
  {                                                                                               \
    .name = #operator"__any_" #isa "_" #algorithm, .op = SEQMIX_OP_##OPERATOR, .dtypes = (types), \
    .problem_features = SEQMIX_GPU_##OPERATOR##_FEATURES,                                         \
    .workspace = seqmix_gpu_##function##_workspace, .run = seqmix_gpu_##function,                 \
  }
#define SEQMIX_GPU_VARIANT(isa, operator, OPERATOR, algorithm, function) \
  SEQMIX_GPU_TYPED_VARIANT(isa, operator, OPERATOR, algorithm, function, SEQMIX_GPU_TYPES)

/** The same of an algorithm that is a choice, with its own list of options, and of what it needs of
 * the device. */
#define SEQMIX_GPU_NEEDING_VARIANT(isa, operator, OPERATOR, algorithm, function, features_,   \
                                   needs_)                                                    \
  {                                                                                           \
    .name = #operator"__any_" #isa "_" #algorithm, .op = SEQMIX_OP_##OPERATOR,                \
    .dtypes = SEQMIX_GPU_TYPES, .device_features = (needs_), .problem_features = (features_), \
    .accepts = seqmix_gpu_##function##_accepts, .suits = seqmix_gpu_##function##_suits,       \
    .workspace = seqmix_gpu_##function##_workspace, .run = seqmix_gpu_##function,             \
  }
#define SEQMIX_GPU_CHOICE_VARIANT(isa, operator, OPERATOR, algorithm, function, features_) \
  SEQMIX_GPU_NEEDING_VARIANT(isa, operator, OPERATOR, algorithm, function, features_, 0)

/** All rows, per operator in order of preference. */
#define SEQMIX_GPU_VARIANTS(isa)                                                                   \
  SEQMIX_GPU_CHOICE_VARIANT(isa, attention, ATTENTION, decode, attention_decode,                   \
                            SEQMIX_GPU_ATTENTION_FEATURES),                                        \
      SEQMIX_GPU_CHOICE_VARIANT(isa, attention, ATTENTION, prefill, attention_prefill,             \
                                SEQMIX_GPU_ATTENTION_FEATURES),                                    \
      SEQMIX_GPU_NEEDING_VARIANT(isa, attention, ATTENTION, gemm, attention_gemm,                  \
                                 SEQMIX_GPU_ATTENTION_FEATURES | SEQMIX_ATTENTION_SCORES,          \
                                 SEQMIX_DEVICE_BLAS),                                              \
      SEQMIX_GPU_CHOICE_VARIANT(isa, attention, ATTENTION, unfused, attention_unfused,             \
                                SEQMIX_GPU_ATTENTION_FEATURES | SEQMIX_ATTENTION_SCORES),          \
      SEQMIX_GPU_VARIANT(isa, attention_merge, ATTENTION_MERGE, parts, attention_merge),           \
      SEQMIX_GPU_CHOICE_VARIANT(isa, linear_attention, LINEAR_ATTENTION, recurrent,                \
                                linear_attention_recurrent, SEQMIX_GPU_LINEAR_ATTENTION_FEATURES), \
      SEQMIX_GPU_VARIANT(isa, linear_attention, LINEAR_ATTENTION, chunked,                         \
                         linear_attention_chunked),                                                \
      SEQMIX_GPU_VARIANT(isa, linear_recurrence, LINEAR_RECURRENCE, pieces, linear_recurrence),    \
      SEQMIX_GPU_TYPED_VARIANT(isa, prefix_scan, PREFIX_SCAN, pieces, prefix_scan,                 \
                               SEQMIX_GPU_TYPES | SEQMIX_DTYPE_BIT(SEQMIX_I32)),                   \
      SEQMIX_GPU_VARIANT(isa, selective_scan, SELECTIVE_SCAN, pieces, selective_scan),             \
      SEQMIX_GPU_VARIANT(isa, causal_conv1d, CAUSAL_CONV1D, tokens, causal_conv1d)

/** A row of CUDA's alone: on tensor cores, of 16-bit types. */
#define SEQMIX_GPU_MMA_VARIANT(operator, OPERATOR, algorithm, function, features_)      \
  {                                                                                     \
    .name = #operator"__half_sm_" #algorithm, .op = SEQMIX_OP_##OPERATOR,               \
    .dtypes = SEQMIX_DTYPE_BIT(SEQMIX_F16) | SEQMIX_DTYPE_BIT(SEQMIX_BF16),             \
    .device_features = SEQMIX_DEVICE_MMA, .problem_features = (features_),              \
    .accepts = seqmix_gpu_##function##_accepts, .suits = seqmix_gpu_##function##_suits, \
    .workspace = seqmix_gpu_##function##_workspace, .run = seqmix_gpu_##function,       \
  }

/** All rows of CUDA. */
#define SEQMIX_CUDA_VARIANTS SEQMIX_GPU_VARIANTS(sm)

/** Rows of tensor cores, to stand ahead of those: their kernels are not yet right in the emulator
 * on rows that are not aligned (prefill_mma) and read workspace that nobody wrote (chunked_mma). */
#define SEQMIX_CUDA_MMA_VARIANTS                                                   \
  SEQMIX_GPU_MMA_VARIANT(attention, ATTENTION, prefill_mma, attention_prefill_mma, \
                         SEQMIX_GPU_ATTENTION_FEATURES),                           \
      SEQMIX_GPU_MMA_VARIANT(linear_attention, LINEAR_ATTENTION, chunked_mma,      \
                             linear_attention_chunked_mma, SEQMIX_GPU_LINEAR_MMA_FEATURES)

#endif
