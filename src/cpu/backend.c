/* SPDX-License-Identifier: Apache-2.0 */
/* The device `cpu`: always there, and the best that "auto" finds without a GPU. */
#define _DEFAULT_SOURCE /* _SC_PHYS_PAGES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "cpu/cpu.h"
#include "cpu/linear_attention/plan.h"
#include "cpu/scan/plan.h"

static const uint32_t float_types =
    SEQMIX_DTYPE_BIT(SEQMIX_F32) | SEQMIX_DTYPE_BIT(SEQMIX_F16) | SEQMIX_DTYPE_BIT(SEQMIX_BF16);

/* Spelled out, not "all": an option that is added later is refused until it is built in. */
static const uint64_t attention_features =
    SEQMIX_ATTENTION_WINDOW | SEQMIX_ATTENTION_OFFSETS | SEQMIX_ATTENTION_KEY_LENGTHS |
    SEQMIX_ATTENTION_QUERY_LENGTHS | SEQMIX_ATTENTION_MASK | SEQMIX_ATTENTION_BIAS |
    SEQMIX_ATTENTION_ALIBI | SEQMIX_ATTENTION_SOFTCAP | SEQMIX_ATTENTION_SINKS |
    SEQMIX_ATTENTION_BLOCK_MAP | SEQMIX_ATTENTION_PACKED_QUERIES | SEQMIX_ATTENTION_PACKED_KEYS |
    SEQMIX_ATTENTION_PAGED | SEQMIX_ATTENTION_LSE | SEQMIX_ATTENTION_SCORES |
    SEQMIX_ATTENTION_TILED_HEADS | SEQMIX_ATTENTION_OUT_F32;
static const uint64_t attention_merge_features =
    SEQMIX_ATTENTION_MERGE_SINKS | SEQMIX_ATTENTION_MERGE_LSE | SEQMIX_ATTENTION_MERGE_OUT_F32;

static const uint64_t linear_attention_features =
    SEQMIX_LINEAR_ATTENTION_GATED | SEQMIX_LINEAR_ATTENTION_DELTA | SEQMIX_LINEAR_ATTENTION_DPLR |
    SEQMIX_LINEAR_ATTENTION_DECAY | SEQMIX_LINEAR_ATTENTION_CHANNEL_DECAY |
    SEQMIX_LINEAR_ATTENTION_BETA | SEQMIX_LINEAR_ATTENTION_CHANNEL_BETA |
    SEQMIX_LINEAR_ATTENTION_ERASE | SEQMIX_LINEAR_ATTENTION_BONUS |
    SEQMIX_LINEAR_ATTENTION_NORMALIZE | SEQMIX_LINEAR_ATTENTION_INPUT_GATE |
    SEQMIX_LINEAR_ATTENTION_FEATURE_MAP | SEQMIX_LINEAR_ATTENTION_TILED_HEADS |
    SEQMIX_LINEAR_ATTENTION_NOT_CAUSAL | SEQMIX_LINEAR_ATTENTION_REVERSE |
    SEQMIX_LINEAR_ATTENTION_BIDIRECTIONAL | SEQMIX_LINEAR_ATTENTION_PAST |
    SEQMIX_LINEAR_ATTENTION_PRESENT | SEQMIX_LINEAR_ATTENTION_STATE_INDICES |
    SEQMIX_LINEAR_ATTENTION_PACKED | SEQMIX_LINEAR_ATTENTION_OUT_F32;

static const uint64_t linear_recurrence_features =
    SEQMIX_LINEAR_RECURRENCE_COMPLEX | SEQMIX_LINEAR_RECURRENCE_CONSTANT |
    SEQMIX_LINEAR_RECURRENCE_REVERSE | SEQMIX_LINEAR_RECURRENCE_PAST |
    SEQMIX_LINEAR_RECURRENCE_PRESENT | SEQMIX_LINEAR_RECURRENCE_STATE_INDICES |
    SEQMIX_LINEAR_RECURRENCE_PACKED | SEQMIX_LINEAR_RECURRENCE_OUT_F32;
static const uint64_t selective_scan_features =
    SEQMIX_SELECTIVE_SCAN_COMPLEX | SEQMIX_SELECTIVE_SCAN_D | SEQMIX_SELECTIVE_SCAN_Z |
    SEQMIX_SELECTIVE_SCAN_DELTA_BIAS | SEQMIX_SELECTIVE_SCAN_SOFTPLUS | SEQMIX_SELECTIVE_SCAN_PAST |
    SEQMIX_SELECTIVE_SCAN_PRESENT | SEQMIX_SELECTIVE_SCAN_STATE_INDICES |
    SEQMIX_SELECTIVE_SCAN_PACKED | SEQMIX_SELECTIVE_SCAN_OUT_F32;
static const uint64_t prefix_scan_features =
    SEQMIX_PREFIX_SCAN_PRODUCT | SEQMIX_PREFIX_SCAN_MAX | SEQMIX_PREFIX_SCAN_LOGSUMEXP |
    SEQMIX_PREFIX_SCAN_EXCLUSIVE | SEQMIX_PREFIX_SCAN_REVERSE | SEQMIX_PREFIX_SCAN_SEGMENTS |
    SEQMIX_PREFIX_SCAN_OUT_F32;
static const uint64_t causal_conv1d_features =
    SEQMIX_CAUSAL_CONV1D_BIAS | SEQMIX_CAUSAL_CONV1D_SILU | SEQMIX_CAUSAL_CONV1D_PAST |
    SEQMIX_CAUSAL_CONV1D_PRESENT | SEQMIX_CAUSAL_CONV1D_STATE_INDICES |
    SEQMIX_CAUSAL_CONV1D_PACKED | SEQMIX_CAUSAL_CONV1D_OUT_F32;

/* The variants of attention at a level: for few rows, and for any. */
#define ATTENTION_DECODE(level, needs)                                                            \
  {                                                                                               \
    .name = "attention__any_" #level "_decode", .op = SEQMIX_OP_ATTENTION, .dtypes = float_types, \
    .device_features = (needs),                                                                   \
    .problem_features = attention_features & ~(uint64_t)SEQMIX_ATTENTION_SCORES,                  \
    .accepts = seqmix_attention_decode_accepts_##level,                                           \
    .workspace = seqmix_attention_decode_workspace_##level,                                       \
    .run = attention__any_##level##_decode,                                                       \
  }
#define ATTENTION_BLOCKED(types, level, bits, needs)                                      \
  {                                                                                       \
    .name = "attention__" #types "_" #level "_blocked", .op = SEQMIX_OP_ATTENTION,        \
    .dtypes = (bits), .device_features = (needs), .problem_features = attention_features, \
    .workspace = seqmix_attention_blocked_workspace_##level,                              \
    .run = attention__##types##_##level##_blocked,                                        \
  }

/* The variants of linear attention at a level: tokens one by one, and in chunks. */
#define LINEAR_ATTENTION(level, needs)                                                    \
  {                                                                                       \
      .name = "linear_attention__any_" #level "_recurrent",                               \
      .op = SEQMIX_OP_LINEAR_ATTENTION,                                                   \
      .dtypes = float_types,                                                              \
      .device_features = (needs),                                                         \
      .problem_features = linear_attention_features,                                      \
      .workspace = seqmix_linear_attention_workspace_##level,                             \
      .run = linear_attention__any_##level##_recurrent,                                   \
      .suits = seqmix_linear_recurrent_suits,                                             \
  },                                                                                      \
  {                                                                                       \
    .name = "linear_attention__any_" #level "_chunked", .op = SEQMIX_OP_LINEAR_ATTENTION, \
    .dtypes = float_types, .device_features = (needs),                                    \
    .problem_features = linear_attention_features,                                        \
    .workspace = seqmix_linear_attention_chunked_workspace_##level,                       \
    .run = linear_attention__any_##level##_chunked,                                       \
  }

/* The variants of a scan or convolution at a level. */
#define SCAN(operator, OPERATOR, level, needs)                                                    \
  {                                                                                               \
    .name = #operator"__any_" #level "_blocked", .op = SEQMIX_OP_##OPERATOR,                      \
    .dtypes = float_types, .device_features = (needs), .problem_features = operator##_features,   \
    .workspace = seqmix_##operator##_workspace_##level, .run = operator##__any_##level##_blocked, \
  }
#define SELECTIVE_STEP(level, needs)                                                 \
  {                                                                                  \
    .name = "selective_scan__any_" #level "_step", .op = SEQMIX_OP_SELECTIVE_SCAN,   \
    .dtypes = float_types, .device_features = (needs),                               \
    .problem_features = selective_scan_features,                                     \
    .workspace = seqmix_selective_step_workspace_##level,                            \
    .run = selective_scan__any_##level##_step, .suits = seqmix_selective_step_suits, \
  }
#define SCANS(level, needs)                                                               \
  SCAN(linear_recurrence, LINEAR_RECURRENCE, level, needs), SELECTIVE_STEP(level, needs), \
      SCAN(selective_scan, SELECTIVE_SCAN, level, needs),                                 \
      SCAN(prefix_scan, PREFIX_SCAN, level, needs),                                       \
      SCAN(causal_conv1d, CAUSAL_CONV1D, level, needs)

static const seqmix_variant variants[] = {
#ifdef SEQMIX_CPU_X86
    ATTENTION_DECODE(avx512, SEQMIX_DEVICE_AVX512),
#ifdef SEQMIX_CPU_BF16_DOT
    ATTENTION_BLOCKED(bf16, avx512bf16, SEQMIX_DTYPE_BIT(SEQMIX_BF16),
                      SEQMIX_DEVICE_AVX512 | SEQMIX_DEVICE_AVX512_BF16),
#endif
    ATTENTION_BLOCKED(any, avx512, float_types, SEQMIX_DEVICE_AVX512),
    ATTENTION_DECODE(avx2, SEQMIX_DEVICE_AVX2_FMA),
    ATTENTION_BLOCKED(any, avx2, float_types, SEQMIX_DEVICE_AVX2_FMA),
#endif
    ATTENTION_DECODE(generic, 0),
    ATTENTION_BLOCKED(any, generic, float_types, 0),
#ifdef SEQMIX_CPU_X86
    LINEAR_ATTENTION(avx512, SEQMIX_DEVICE_AVX512),
    LINEAR_ATTENTION(avx2, SEQMIX_DEVICE_AVX2_FMA),
#endif
    LINEAR_ATTENTION(generic, 0),
#ifdef SEQMIX_CPU_X86
    SCANS(avx512, SEQMIX_DEVICE_AVX512),
    SCANS(avx2, SEQMIX_DEVICE_AVX2_FMA),
#endif
    SCANS(generic, 0),
    {
        .name = "prefix_scan__f64i32_generic_plain",
        .op = SEQMIX_OP_PREFIX_SCAN,
        .dtypes = SEQMIX_DTYPE_BIT(SEQMIX_F64) | SEQMIX_DTYPE_BIT(SEQMIX_I32),
        .problem_features = prefix_scan_features,
        .workspace = seqmix_prefix_scan_plain_workspace,
        .run = prefix_scan__f64i32_generic_plain,
    },
    {
        .name = "attention_merge__any_generic_rows",
        .op = SEQMIX_OP_ATTENTION_MERGE,
        .dtypes = float_types,
        .problem_features = attention_merge_features,
        .run = attention_merge__any_generic_rows,
    },
};

static int32_t device_count(void) { return 1; }

/* Levels by rising ability, with what a processor must have for each. */
static const struct {
  const char *name;
  uint64_t features;
} levels[] = {
    {"generic", 0},
    {"avx2", SEQMIX_DEVICE_AVX2_FMA},
    {"avx512", SEQMIX_DEVICE_AVX2_FMA | SEQMIX_DEVICE_AVX512},
    {"avx512bf16", SEQMIX_DEVICE_AVX2_FMA | SEQMIX_DEVICE_AVX512 | SEQMIX_DEVICE_AVX512_BF16},
};

static uint64_t processor_features(void) {
  uint64_t features = 0;
#ifdef SEQMIX_CPU_X86
  __builtin_cpu_init();
  /* Every processor with AVX2 has F16C, which not every compiler can ask for. */
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    features |= SEQMIX_DEVICE_AVX2_FMA;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    features |= SEQMIX_DEVICE_AVX512;
#ifdef SEQMIX_CPU_BF16_DOT
  if (features & SEQMIX_DEVICE_AVX512 && __builtin_cpu_supports("avx512bf16"))
    features |= SEQMIX_DEVICE_AVX512_BF16;
#endif
#endif
  return features;
}

/* What the processor has, up to the level SEQMIX_CPU_ISA names. */
static uint64_t usable_features(void) {
  const char *limit = getenv("SEQMIX_CPU_ISA");
  if (!limit || !*limit) return processor_features();
  for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
    if (strcmp(limit, levels[i].name) == 0) return processor_features() & levels[i].features;
  seqmix_log(SEQMIX_LOG_WARNING,
             "SEQMIX_CPU_ISA is '%s'; it must be generic, avx2, avx512 or avx512bf16", limit);
  return processor_features();
}

/* The processor's name as the kernel tells it, or "". */
static void read_model(char *model, size_t size) {
  model[0] = 0;
  FILE *file = fopen("/proc/cpuinfo", "r");
  if (!file) return;
  char line[256];
  while (!model[0] && fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(model, size, "%s", colon + 2);
  }
  fclose(file);
}

static seqmix_status device_properties(int32_t index, seqmix_device_properties *properties) {
  (void)index;
  char model[128];
  read_model(model, sizeof model);
  uint64_t features = usable_features();
  snprintf(properties->description, sizeof properties->description, "%s%s%s%s%s",
           model[0] ? model : "processor", features & SEQMIX_DEVICE_AVX2_FMA ? ", AVX2" : "",
           features & SEQMIX_DEVICE_AVX512 ? ", AVX-512" : "",
           features & SEQMIX_DEVICE_AVX512_BF16 ? ", AVX-512-BF16" : "",
           features ? "" : ", no vector extensions in use");
  properties->features = features;
  properties->memory = SEQMIX_MEMORY_HOST;
  properties->automatic_rank = 100;
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  properties->compute_units = processors > 0 ? (int32_t)processors : 1;
  properties->memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
  return SEQMIX_OK;
}

static seqmix_status open_device(int32_t index, void *queue, void **device) {
  (void)queue;
  (void)index;
  *device = NULL;
  return SEQMIX_OK;
}

const seqmix_backend seqmix_cpu_backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "cpu",
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .device_count = device_count,
    .device_properties = device_properties,
    .open = open_device,
};
