/* SPDX-License-Identifier: Apache-2.0 */
/* The backends and devices of this process: built once, then constant. */
#ifndef SEQMIX_CORE_REGISTRY_H
#define SEQMIX_CORE_REGISTRY_H

#include "seqmix/backend.h"

enum { SEQMIX_MAX_BACKENDS = 16, SEQMIX_MAX_DEVICES = 64 };

typedef struct seqmix_device {
  const seqmix_backend *backend;
  int32_t index; /* within the backend */
  char name[64];
  seqmix_device_properties properties;
} seqmix_device;

typedef struct seqmix_registry {
  const seqmix_backend *backends[SEQMIX_MAX_BACKENDS];
  int32_t backend_count;
  seqmix_device devices[SEQMIX_MAX_DEVICES]; /* best first */
  int32_t device_count;
} seqmix_registry;

/** The registry, built by the first call. */
const seqmix_registry *seqmix_registry_get(void);

/** What backends may call: see backend.h. */
extern const seqmix_host seqmix_host_services;

/**
 * Finds the device `name` stands for ("auto" and NULL: see seqmix_context_create). Sets the error
 * text, which lists the devices, and returns NULL if there is none.
 */
const seqmix_device *seqmix_registry_find(const char *name);

/** Adds `backend` if its table is sound; else logs why not and returns 0. For plugin.c. */
int seqmix_registry_add(seqmix_registry *into, const seqmix_backend *backend, const char *origin);

#endif
