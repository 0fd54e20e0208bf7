/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/error.h"
#include "core/registry.h"
#include "seqmix/context.h"

int32_t seqmix_device_count(void) { return seqmix_registry_get()->device_count; }

seqmix_status seqmix_device_get_info(int32_t index, seqmix_device_info *info) {
  const seqmix_registry *registry = seqmix_registry_get();
  if (!info)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "device_get_info: info is NULL; it must point to a struct");
  /* A newer caller's members beyond those known here stay as it initialised them. */
  if (info->struct_size < sizeof *info)
    return seqmix_fail(
        SEQMIX_ERROR_INVALID_ARGUMENT,
        "device_get_info: info's struct_size is %llu; it must be at least %zu (start "
        "from SEQMIX_DEVICE_INFO_INIT)",
        (unsigned long long)info->struct_size, sizeof *info);
  if (index < 0 || index >= registry->device_count)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "device_get_info: index is %d; it must be 0 to %d", index,
                       registry->device_count - 1);
  const seqmix_device *device = &registry->devices[index];
  snprintf(info->name, sizeof info->name, "%s", device->name);
  snprintf(info->backend, sizeof info->backend, "%s", device->backend->name);
  snprintf(info->description, sizeof info->description, "%s", device->properties.description);
  info->index = device->index;
  info->memory = device->properties.memory;
  info->automatic = device->properties.automatic_rank > 0;
  info->compute_units = device->properties.compute_units;
  info->memory_bytes = device->properties.memory_bytes;
  return SEQMIX_OK;
}

int32_t seqmix_backend_remark(int32_t index, char *text, uint64_t size) {
  const seqmix_registry *registry = seqmix_registry_get();
  if (index < 0 || index >= registry->backend_count || !text || !size) return 0;
  text[0] = 0;
  if (registry->backends[index]->remark) registry->backends[index]->remark(text, size);
  return 1;
}
