/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* secure_getenv */
#include "core/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

#ifndef SEQMIX_PLUGIN_DIR
#error "SEQMIX_PLUGIN_DIR must name the folder of installed plug-ins"
#endif

#define NAME_OF(macro) TEXT_OF(macro)
#define TEXT_OF(token) #token

static void load_module(seqmix_registry *registry, const char *path) {
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!module) {
    seqmix_log(SEQMIX_LOG_WARNING, "plug-in %s left out: %s", path, dlerror());
    return;
  }
  seqmix_plugin_entry_function entry;
  /* The way POSIX gives to turn dlsym's object pointer into a function pointer. */
  *(void **)&entry = dlsym(module, NAME_OF(SEQMIX_PLUGIN_ENTRY));
  const seqmix_backend *backend = entry ? entry(SEQMIX_BACKEND_ABI, &seqmix_host_services) : NULL;
  if (!entry)
    seqmix_log(SEQMIX_LOG_WARNING,
               "plug-in %s left out: it does not define " NAME_OF(SEQMIX_PLUGIN_ENTRY), path);
  else if (!backend)
    seqmix_log(SEQMIX_LOG_WARNING, "plug-in %s left out: it declined", path);
  if (!backend || !seqmix_registry_add(registry, backend, path)) dlclose(module);
}

static int is_module(const struct dirent *entry) {
  size_t length = strlen(entry->d_name);
  return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static void load_folder(seqmix_registry *registry, const char *folder) {
  struct dirent **entries;
  /* Sorted, so that the order of devices does not depend on the file system. */
  int count = scandir(folder, &entries, is_module, alphasort);
  if (count < 0) {
    seqmix_log(SEQMIX_LOG_DEBUG, "plug-in folder %s cannot be read", folder);
    return;
  }
  for (int i = 0; i < count; i++) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    if (length > 0 && (size_t)length < sizeof path) load_module(registry, path);
    free(entries[i]);
  }
  free(entries);
}

void seqmix_plugins_load(seqmix_registry *registry) {
  load_folder(registry, SEQMIX_PLUGIN_DIR);
  /* A set-uid program must not run whatever its caller's environment names. */
  const char *path = secure_getenv("SEQMIX_PLUGIN_PATH");
  while (path && *path) {
    const char *end = strchrnul(path, ':');
    char folder[PATH_MAX];
    size_t length = (size_t)(end - path);
    if (length > 0 && length < sizeof folder) {
      memcpy(folder, path, length);
      folder[length] = 0;
      load_folder(registry, folder);
    }
    path = *end ? end + 1 : end;
  }
}
