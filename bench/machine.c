/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* processor affinity, getloadavg */
#include "bench/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where neither the kernel nor the C library says more. */
#define USUAL_CACHE (UINT64_C(32) << 20)

/* Reads the first line of a file of a processor's cache; zero if there is none. */
static int read_cache_file(int processor, int index, const char *name, char *text, int room) {
  char path[128];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cache/index%d/%s", processor, index,
           name);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  int done = fgets(text, room, file) != NULL;
  fclose(file);
  if (done) text[strcspn(text, "\n")] = 0;
  return done;
}

static uint64_t parse_size(const char *text) {
  unsigned long long number = 0;
  char unit = 0;
  if (sscanf(text, "%llu%c", &number, &unit) < 1) return 0; /* NOLINT(cert-err34-c) */
  return unit == 'K' ? number << 10 : unit == 'M' ? number << 20 : number;
}

/* Size of the processor's outermost cache, and the processors it serves as a text. */
static uint64_t outermost(int processor, char *shared, int room) {
  char size[32] = "";
  int index = 0;
  while (read_cache_file(processor, index, "size", size, sizeof size)) index++;
  if (!index || !read_cache_file(processor, index - 1, "shared_cpu_list", shared, room)) return 0;
  return parse_size(size);
}

/* The processor that a list such as "4-7,12-15" begins with. */
static int first_of(const char *list) {
  int first = -1;
  return sscanf(list, "%d", &first) == 1 ? first : -1; /* NOLINT(cert-err34-c) */
}

/* Each cache is counted with the first usable processor it serves. */
static uint64_t sum_of_caches(const cpu_set_t *usable) {
  char counted[CPU_SETSIZE] = {0}, shared[256];
  uint64_t sum = 0;
  for (int p = 0; p < CPU_SETSIZE; p++) {
    if (!CPU_ISSET(p, usable)) continue;
    uint64_t size = outermost(p, shared, sizeof shared);
    int first = size ? first_of(shared) : -1;
    if (first < 0 || first >= CPU_SETSIZE || counted[first]) continue;
    counted[first] = 1;
    sum += size;
  }
  return sum;
}

uint64_t machine_cache_bytes(void) {
  cpu_set_t usable;
  uint64_t sum = sched_getaffinity(0, sizeof usable, &usable) == 0 ? sum_of_caches(&usable) : 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
  long size = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (!sum && size > 0) sum = (uint64_t)size;
#endif
  return sum ? sum : USUAL_CACHE;
}

uint64_t machine_memory_bytes(void) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

void machine_model(char *text, size_t room) {
  char line[256];
  snprintf(text, room, "unknown");
  FILE *file = fopen("/proc/cpuinfo", "r");
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !colon) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(text, room, "%s", colon + 2);
    break;
  }
  fclose(file);
}

double machine_load(void) {
  double load;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

const char *machine_compiler(void) {
#ifdef __clang__
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}
