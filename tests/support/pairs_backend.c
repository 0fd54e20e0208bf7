/* SPDX-License-Identifier: Apache-2.0 */
/* The device "pairs": attention of bf16 by products of pairs, with the step of the product spelled
 * out (src/cpu/simd/product.h). What the CPU backend runs only on processors with the instruction
 * runs here on any. A plug-in, so that all that judges a device can judge it. */
#include <seqmix/backend.h>
#include <string.h>

/* src/cpu/attention/, compiled as the level `pairs`. */
uint64_t seqmix_attention_blocked_workspace_pairs(const seqmix_problem *problem,
                                                  const seqmix_device_properties *device,
                                                  int32_t workers);
seqmix_status attention__bf16_pairs_blocked(const seqmix_call *call, const seqmix_problem *problem);

static int32_t count_devices(void) { return 1; }

static seqmix_status describe(int32_t index, seqmix_device_properties *properties) {
  static const char text[] = "bf16 in pairs, without the instruction";
  (void)index;
  memcpy(properties->description, text, sizeof text);
  properties->memory = SEQMIX_MEMORY_HOST;
  properties->compute_units = 1;
  return SEQMIX_OK;
}

static seqmix_status open_device(int32_t index, void *queue, void **device) {
  (void)queue;
  (void)index;
  *device = NULL;
  return SEQMIX_OK;
}

/* The blocked variants understand every option there is: one that is added must be built in, or
 * its cases fail here. */
static const seqmix_variant variants[] = {
    {.name = "attention__bf16_pairs_blocked",
     .op = SEQMIX_OP_ATTENTION,
     .dtypes = SEQMIX_DTYPE_BIT(SEQMIX_BF16),
     .problem_features = UINT64_MAX,
     .workspace = seqmix_attention_blocked_workspace_pairs,
     .run = attention__bf16_pairs_blocked},
};

static const seqmix_backend backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "pairs",
    .variants = variants,
    .variant_count = 1,
    .device_count = count_devices,
    .device_properties = describe,
    .open = open_device,
};

const seqmix_backend *SEQMIX_PLUGIN_ENTRY(uint32_t abi, const seqmix_host *services);

__attribute__((visibility("default"))) const seqmix_backend *
SEQMIX_PLUGIN_ENTRY(uint32_t abi, const seqmix_host *services) {
  (void)services;
  return abi == SEQMIX_BACKEND_ABI ? &backend : NULL;
}
