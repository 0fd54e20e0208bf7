/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that are not here, for tests of plans: from data sheets, and for CPUs what PoCL tells of
 * them. */
#ifndef SEQMIX_TESTS_GPU_DEVICES_H
#define SEQMIX_TESTS_GPU_DEVICES_H

#include <seqmix/backend.h>

typedef struct known_device {
  const char *name;
  int32_t compute_units, group_items, vector_width, step_items, is_processor;
  uint64_t local_bytes;
} known_device;

static const known_device known_devices[] = {
    {"H200", 132, 1024, 1, 32, 0, 48 << 10},    {"Arc A770", 512, 1024, 1, 0, 0, 64 << 10},
    {"RX 7900", 48, 256, 1, 32, 0, 64 << 10},   {"Mali-G78", 24, 512, 4, 0, 0, 32 << 10},
    {"Adreno 740", 6, 1024, 1, 0, 0, 32 << 10}, {"PoCL", 2, 4096, 8, 0, 1, 512 << 10},
    {"PoCL 64", 64, 4096, 16, 0, 1, 512 << 10}, {"tiny", 1, 16, 1, 0, 0, 16 << 10},
};
enum { KNOWN_DEVICES = sizeof known_devices / sizeof *known_devices };

static inline seqmix_device_properties known_properties(const known_device *known) {
  seqmix_device_properties device = {.struct_size = sizeof device};
  device.compute_units = known->compute_units;
  device.group_items = known->group_items;
  device.vector_width = known->vector_width;
  device.step_items = known->step_items;
  device.is_processor = known->is_processor;
  device.local_bytes = known->local_bytes;
  return device;
}

/* GPUs with tensor cores, as CUDA tells of them. */
typedef struct tensor_core_device {
  const char *name;
  int32_t architecture, compute_units;
  uint64_t local_bytes_most;
} tensor_core_device;

static const tensor_core_device tensor_core_devices[] = {
    {"A100", 80, 108, 163 << 10},
    {"RTX A6000", 86, 84, 99 << 10},
    {"H200", 90, 132, 227 << 10},
    {"RTX 5090", 120, 170, 99 << 10},
};
enum { TENSOR_CORE_DEVICES = sizeof tensor_core_devices / sizeof *tensor_core_devices };

static inline seqmix_device_properties tensor_core_properties(const tensor_core_device *known) {
  seqmix_device_properties device = {.struct_size = sizeof device};
  device.features = SEQMIX_DEVICE_MMA;
  device.compute_units = known->compute_units;
  device.group_items = 1024;
  device.vector_width = 1;
  device.step_items = 32;
  device.local_bytes = 48 << 10;
  device.local_bytes_most = known->local_bytes_most;
  device.architecture = known->architecture;
  return device;
}

#endif
