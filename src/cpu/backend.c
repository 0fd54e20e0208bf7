/* SPDX-License-Identifier: Apache-2.0 */
/* The device `cpu`: always there, and the best that "auto" finds without a GPU. */
#define _DEFAULT_SOURCE /* _SC_PHYS_PAGES */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpu/cpu.h"

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

static const seqmix_variant variants[] = {
    {
        .name = "attention__any_generic_blocked",
        .op = SEQMIX_OP_ATTENTION,
        .dtypes = float_types,
        .problem_features = attention_features,
        .workspace = attention_blocked_workspace,
        .run = attention__any_generic_blocked,
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

static uint64_t isa_features(void) {
  uint64_t features = 0;
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    features |= SEQMIX_DEVICE_AVX2_FMA;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    features |= SEQMIX_DEVICE_AVX512;
    if (__builtin_cpu_supports("avx512bf16")) features |= SEQMIX_DEVICE_AVX512_BF16;
  }
#endif
  return features;
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
  uint64_t features = isa_features();
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

static seqmix_status open_device(int32_t index, void **device) {
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
