/* SPDX-License-Identifier: Apache-2.0 */
/* The device `reference`: every operator written as its formula says, in float64, without blocks,
 * vectors or tricks. It judges all other backends and is never chosen by "auto". */
#include <stdio.h>

#include "reference/reference.h"
#include "seqmix/backend.h"

/* The reference follows every change of the contract, or it could not judge. */
#define ALL_FEATURES UINT64_MAX

static const uint32_t float_types =
    SEQMIX_DTYPE_BIT(SEQMIX_F32) | SEQMIX_DTYPE_BIT(SEQMIX_F16) | SEQMIX_DTYPE_BIT(SEQMIX_BF16);

static const seqmix_variant variants[] = {
    {
        .name = "attention__any_reference_literal",
        .op = SEQMIX_OP_ATTENTION,
        .dtypes = float_types,
        .problem_features = ALL_FEATURES,
        .workspace = attention_reference_workspace,
        .run = attention__any_reference_literal,
    },
    {
        .name = "attention_merge__any_reference_literal",
        .op = SEQMIX_OP_ATTENTION_MERGE,
        .dtypes = float_types,
        .problem_features = ALL_FEATURES,
        .run = attention_merge__any_reference_literal,
    },
    {
        .name = "linear_attention__any_reference_literal",
        .op = SEQMIX_OP_LINEAR_ATTENTION,
        .dtypes = float_types,
        .problem_features = ALL_FEATURES,
        .workspace = linear_attention_reference_workspace,
        .run = linear_attention__any_reference_literal,
    },
    {
        .name = "linear_recurrence__any_reference_literal",
        .op = SEQMIX_OP_LINEAR_RECURRENCE,
        .dtypes = float_types,
        .problem_features = ALL_FEATURES,
        .run = linear_recurrence__any_reference_literal,
    },
    {
        .name = "selective_scan__any_reference_literal",
        .op = SEQMIX_OP_SELECTIVE_SCAN,
        .dtypes = float_types,
        .problem_features = ALL_FEATURES,
        .workspace = selective_scan_reference_workspace,
        .run = selective_scan__any_reference_literal,
    },
    {
        .name = "prefix_scan__any_reference_literal",
        .op = SEQMIX_OP_PREFIX_SCAN,
        .dtypes = float_types | SEQMIX_DTYPE_BIT(SEQMIX_F64) | SEQMIX_DTYPE_BIT(SEQMIX_I32),
        .problem_features = ALL_FEATURES,
        .run = prefix_scan__any_reference_literal,
    },
    {
        .name = "causal_conv1d__any_reference_literal",
        .op = SEQMIX_OP_CAUSAL_CONV1D,
        .dtypes = float_types,
        .problem_features = ALL_FEATURES,
        .run = causal_conv1d__any_reference_literal,
    },
};

static int32_t device_count(void) { return 1; }

static seqmix_status device_properties(int32_t index, seqmix_device_properties *properties) {
  (void)index;
  snprintf(properties->description, sizeof properties->description,
           "float64 evaluation of every operator, for checking");
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

const seqmix_backend seqmix_reference_backend = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_backend),
    .name = "reference",
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .device_count = device_count,
    .device_properties = device_properties,
    .open = open_device,
};
