/* SPDX-License-Identifier: Apache-2.0 */
#include "core/registry.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "core/error.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/plugin.h"

/* The backends inside the library. */
extern const seqmix_backend seqmix_cpu_backend;
extern const seqmix_backend seqmix_reference_backend;
#ifdef SEQMIX_CUDA
extern const seqmix_backend seqmix_cuda_backend;
#endif
#ifdef SEQMIX_OPENCL
extern const seqmix_backend seqmix_opencl_backend;
#endif
static const seqmix_backend *const built_in[] = {
    &seqmix_cpu_backend,
    &seqmix_reference_backend,
#ifdef SEQMIX_CUDA
    &seqmix_cuda_backend,
#endif
#ifdef SEQMIX_OPENCL
    &seqmix_opencl_backend,
#endif
};

const seqmix_host seqmix_host_services = {
    .abi = SEQMIX_BACKEND_ABI,
    .struct_size = sizeof(seqmix_host),
    .allocate = seqmix_memory_allocate,
    .free = seqmix_memory_free,
    .fail = seqmix_fail,
    .log = seqmix_log,
};

static seqmix_registry registry;
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;

static int is_name(const char *name) {
  if (!name || !*name || strlen(name) > 40 || strcmp(name, "auto") == 0) return 0;
  for (const char *c = name; *c; c++)
    if (!isalnum((unsigned char)*c) && *c != '_') return 0;
  return 1;
}

static int is_variant_sound(const seqmix_variant *variant) {
  if (!variant->name || !variant->run) return 0;
  if (variant->op < 0 || variant->op >= SEQMIX_OPERATOR_COUNT) return 0;
  return strstr(variant->name, "__") != NULL && strchr(variant->name, ',') == NULL;
}

/* Why a backend's table cannot be used; NULL if it can. */
static const char *table_defect(const seqmix_backend *backend) {
  if (backend->abi != SEQMIX_BACKEND_ABI) return "it was built for another seqmix backend ABI";
  if (backend->struct_size != sizeof *backend) return "the size of its table is wrong";
  if (!is_name(backend->name)) return "its name is missing or not letters, digits, underscores";
  if (!backend->device_count || !backend->device_properties || !backend->open)
    return "one of device_count, device_properties and open is NULL";
  if (backend->variant_count < 0 || (backend->variant_count > 0 && !backend->variants))
    return "its list of variants is missing";
  for (int32_t i = 0; i < backend->variant_count; i++)
    if (!is_variant_sound(&backend->variants[i])) return "a variant lacks name, operator or run";
  int buffers = !!backend->allocate + !!backend->free + !!backend->upload + !!backend->download;
  if (buffers != 0 && buffers != 4) return "it has some of the four buffer functions, not all";
  return NULL;
}

static void add_device(seqmix_registry *into, const seqmix_backend *backend, int32_t index,
                       int32_t count) {
  if (into->device_count == SEQMIX_MAX_DEVICES) {
    seqmix_log(SEQMIX_LOG_WARNING, "device %s:%d left out: there are too many", backend->name,
               index);
    return;
  }
  seqmix_device device = {.backend = backend, .index = index};
  device.properties.struct_size = sizeof device.properties;
  if (backend->device_properties(index, &device.properties) != SEQMIX_OK) {
    seqmix_log(SEQMIX_LOG_WARNING, "device %s:%d left out: it does not describe itself",
               backend->name, index);
    return;
  }
  device.properties.description[sizeof device.properties.description - 1] = 0;
  int is_only_host = count == 1 && device.properties.memory == SEQMIX_MEMORY_HOST;
  if (is_only_host)
    snprintf(device.name, sizeof device.name, "%s", backend->name);
  else
    snprintf(device.name, sizeof device.name, "%s:%d", backend->name, index);
  /* Insertion keeps the list sorted: highest rank first, in order of arrival among equals. */
  int32_t at = into->device_count++;
  for (;
       at > 0 && into->devices[at - 1].properties.automatic_rank < device.properties.automatic_rank;
       at--)
    into->devices[at] = into->devices[at - 1];
  into->devices[at] = device;
}

int seqmix_registry_add(seqmix_registry *into, const seqmix_backend *backend, const char *origin) {
  const char *defect = table_defect(backend);
  for (int32_t i = 0; !defect && i < into->backend_count; i++)
    if (strcmp(into->backends[i]->name, backend->name) == 0) defect = "its name is taken";
  if (!defect && into->backend_count == SEQMIX_MAX_BACKENDS) defect = "there are too many";
  if (defect) {
    seqmix_log(SEQMIX_LOG_WARNING, "backend %s left out: %s", origin, defect);
    return 0;
  }
  into->backends[into->backend_count++] = backend;
  int32_t count = backend->device_count();
  seqmix_log(SEQMIX_LOG_DEBUG, "backend %s (%s): %d devices", backend->name, origin, count);
  for (int32_t i = 0; i < count; i++) add_device(into, backend, i, count);
  return 1;
}

static void build_registry(void) {
  for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
    seqmix_registry_add(&registry, built_in[i], "built in");
  seqmix_plugins_load(&registry);
  seqmix_drivers_opened();
}

const seqmix_registry *seqmix_registry_get(void) {
  pthread_once(&registry_once, build_registry);
  return &registry;
}

/* "cuda" and "cuda:0" both mean the first device of cuda. */
static int is_named(const seqmix_device *device, const char *name) {
  const char *backend = device->backend->name;
  size_t length = strlen(backend);
  if (strncmp(name, backend, length) != 0) return 0;
  if (name[length] == 0) return device->index == 0;
  char number[16];
  snprintf(number, sizeof number, ":%d", device->index);
  return strcmp(name + length, number) == 0;
}

static seqmix_status fail_unknown(const seqmix_registry *all, const char *name, const char *why) {
  char list[SEQMIX_MAX_DEVICES * 16] = "";
  size_t used = 0;
  for (int32_t i = 0; i < all->device_count && used < sizeof list - 80; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                             all->devices[i].name);
  return seqmix_fail(SEQMIX_ERROR_NO_DEVICE,
                     "context_create: device is '%.64s'%s; it must be auto or one of: %s", name,
                     why, list);
}

const seqmix_device *seqmix_registry_find(const char *name) {
  const seqmix_registry *all = seqmix_registry_get();
  const char *why = "";
  if (!name || strcmp(name, "auto") == 0) {
    const char *override = getenv("SEQMIX_DEVICE");
    name = "auto";
    if (override && *override && strcmp(override, "auto") != 0) {
      name = override;
      why = " (from SEQMIX_DEVICE)";
    }
  }
  if (strcmp(name, "auto") == 0) {
    if (all->device_count > 0 && all->devices[0].properties.automatic_rank > 0)
      return &all->devices[0];
    why = ", but none may be chosen automatically";
  }
  for (int32_t i = 0; i < all->device_count; i++)
    if (is_named(&all->devices[i], name)) return &all->devices[i];
  fail_unknown(all, name, why);
  return NULL;
}
