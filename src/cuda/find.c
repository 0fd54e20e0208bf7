/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* secure_getenv, dladdr, dl_iterate_phdr */
#include "cuda/find.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One search. */
typedef struct search {
  const cuda_wanted *wanted;
  cuda_take take;
  void *user;
} search;

static const char *environment(const char *name) {
  /* A set-uid program must not run whatever its caller's environment names. */
  const char *value = secure_getenv(name);
  return value && *value ? value : NULL;
}

static int is_possible(const search *s, const cuda_ending *ending) {
  return !s->wanted->major_most || ending->major <= s->wanted->major_most;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The library in one folder, if it is there. */
static int look_in(const search *s, const char *folder) {
  char path[PATH_MAX];
  for (const cuda_ending *e = s->wanted->endings; e->text; e++) {
    int length = snprintf(path, sizeof path, "%s/%s%s", folder, s->wanted->name, e->text);
    if (!is_possible(s, e) || length < 0 || (size_t)length >= sizeof path) continue;
    if (access(path, R_OK) == 0 && s->take(path, CUDA_FOUND_FILE, s->user)) return 1;
  }
  return 0;
}

/* The same in folders of a pattern, the last by name first: it has the highest number. */
__attribute__((format(printf, 2, 3))) static int look_like(const search *s, const char *format,
                                                           ...) {
  char pattern[PATH_MAX];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(pattern, sizeof pattern, format, arguments), is_taken = 0;
  va_end(arguments);
  glob_t found;
  if (length < 0 || (size_t)length >= sizeof pattern) return 0;
  if (glob(pattern, 0, NULL, &found)) return 0;
  for (size_t i = found.gl_pathc; i > 0 && !is_taken; i--)
    is_taken = look_in(s, found.gl_pathv[i - 1]);
  globfree(&found);
  return is_taken;
}

/* ---- the system ------------------------------------------------------------------------------ */

/* dlopen() knows these, but opens what it finds; not every search wants that. */
static int look_in_search_path(const search *s) {
  const char *path = environment("LD_LIBRARY_PATH");
  while (path) {
    const char *end = strchrnul(path, ':');
    char folder[PATH_MAX];
    if (end > path && (size_t)(end - path) < sizeof folder) {
      snprintf(folder, sizeof folder, "%.*s", (int)(end - path), path);
      if (look_in(s, folder)) return 1;
    }
    path = *end ? end + 1 : NULL;
  }
  return 0;
}

static int look_in_system(const search *s) {
  static const char *const patterns[] = {
      "/usr/local/cuda/lib64",
      "/usr/local/cuda-*/lib64",
      "/opt/cuda/lib64",
      "/usr/lib/*-linux-gnu",
      "/usr/lib64",
      "/usr/local/lib64",
      "/usr/local/lib",
  };
  if (look_in_search_path(s)) return 1;
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
    if (look_like(s, "%s", patterns[i])) return 1;
  return 0;
}

/* ---- Python's packages ----------------------------------------------------------------------- */

/* NVIDIA's packages, in the folder that packages are installed into. Those for CUDA 12 have a
 * folder each; since 13 they share one. */
static int look_in_packages(const search *s, const char *packages) {
  return look_like(s, "%s/nvidia/cu[0-9]*/lib", packages) ||
         look_like(s, "%s/nvidia/%s/lib", packages, s->wanted->wheel);
}

/* Beneath what Python calls its prefix. */
static int look_beneath(const search *s, const char *prefix) {
  char packages[PATH_MAX];
  if (!prefix) return 0;
  int length = snprintf(packages, sizeof packages, "%s/lib/python3*/*-packages", prefix);
  if (length < 0 || (size_t)length >= sizeof packages) return 0;
  return look_in_packages(s, packages) || look_like(s, "%s/lib", prefix);
}

/* Takes `levels` names from a path's end; whether there is something left. */
static int go_up(char *path, int levels) {
  while (levels-- > 0) {
    char *slash = strrchr(path, '/');
    if (!slash || slash == path) return 0;
    *slash = 0;
  }
  return 1;
}

/* Beside the package that this library lies in, if it does in one. */
static int look_beside_self(const search *s) {
  Dl_info about;
  char path[PATH_MAX];
  if (!dladdr((void *)(uintptr_t)&seqmix_cuda_find, &about) || !about.dli_fname) return 0;
  snprintf(path, sizeof path, "%s", about.dli_fname);
  return go_up(path, 2) && look_in_packages(s, path);
}

static int look_at_program(const search *s) {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return go_up(path, 2) && look_beneath(s, path);
}

static int is_python(struct dl_phdr_info *about, size_t size, void *to) {
  (void)size;
  if (!about->dlpi_name || !strstr(about->dlpi_name, "/libpython3")) return 0;
  snprintf(to, PATH_MAX, "%s", about->dlpi_name);
  return 1;
}

/* A program may have a Python in it. */
static int look_at_python(const search *s) {
  char path[PATH_MAX];
  return dl_iterate_phdr(is_python, path) && go_up(path, 2) && look_beneath(s, path);
}

static int look_in_python(const search *s) {
  char local[PATH_MAX];
  const char *home = environment("HOME");
  snprintf(local, sizeof local, "%s/.local", home ? home : "");
  return look_beside_self(s) || look_beneath(s, environment("VIRTUAL_ENV")) ||
         look_beneath(s, environment("CONDA_PREFIX")) || look_at_program(s) || look_at_python(s) ||
         (home && look_beneath(s, local));
}

/* ---- all ------------------------------------------------------------------------------------- */

static int look_for_names(const search *s, cuda_origin origin) {
  char name[80];
  for (const cuda_ending *e = s->wanted->endings; e->text; e++) {
    snprintf(name, sizeof name, "%s%s", s->wanted->name, e->text);
    if (is_possible(s, e) && s->take(name, origin, s->user)) return 1;
  }
  return 0;
}

int seqmix_cuda_find(const cuda_wanted *wanted, cuda_take take, void *user) {
  const search s = {wanted, take, user};
  const char *named = environment(wanted->variable);
  if (named) return take(named, CUDA_FOUND_NAMED, user);
  return look_for_names(&s, CUDA_FOUND_LOADED) || look_for_names(&s, CUDA_FOUND_NAME) ||
         look_in_system(&s) || look_in_python(&s);
}

void *seqmix_cuda_open_found(const char *path, cuda_origin origin) {
  int only_loaded = origin == CUDA_FOUND_LOADED ? RTLD_NOLOAD : 0;
  return dlopen(path, RTLD_NOW | RTLD_LOCAL | only_loaded);
}

void seqmix_cuda_tell_found(void *function, const char *path, char *text, size_t size) {
  Dl_info about;
  int is_known = dladdr(function, &about) && about.dli_fname;
  snprintf(text, size, "%s", is_known ? about.dli_fname : path);
}

void seqmix_cuda_tell_wanted(const cuda_wanted *wanted, char *text, size_t size) {
  const char *named = environment(wanted->variable);
  if (named) {
    snprintf(text, size, "%s, which %s names", named, wanted->variable);
    return;
  }
  const search s = {.wanted = wanted};
  size_t used = 0;
  text[0] = 0;
  for (const cuda_ending *e = wanted->endings; e->text && used < size; e++)
    if (is_possible(&s, e))
      used += (size_t)snprintf(text + used, size - used, "%s%s%s", used ? ", " : "", wanted->name,
                               e->text);
  if (used < size)
    snprintf(text + used, size - used,
             "%s in the process, in the system's folders, in "
             "/usr/local/cuda*/lib64 and among Python's packages (nvidia/%s/lib, nvidia/cu13/lib)",
             used ? "" : wanted->name, wanted->wheel);
}
