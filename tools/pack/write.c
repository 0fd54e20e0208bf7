/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pack/write.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cuda/pack_format.h"
#include "seqmix/version.h"

static int by_order(const void *left, const void *right) {
  const pack_item *a = left, *b = right;
  if (a->capability != b->capability) return a->capability < b->capability ? -1 : 1;
  if (a->suffix != b->suffix) return a->suffix < b->suffix ? -1 : 1;
  int names = strcmp(a->name, b->name);
  return names ? names : (a->hash > b->hash) - (a->hash < b->hash);
}

static uint64_t aligned(uint64_t at) {
  return (at + PACK_ALIGNMENT - 1) / PACK_ALIGNMENT * PACK_ALIGNMENT;
}

/* Where everything lies. */
static void lay_out(pack_header *header, pack_entry *entries, char *names, const pack_item *items) {
  uint64_t name = 0;
  uint64_t at = sizeof *header + header->count * sizeof *entries + header->names_bytes;
  for (uint32_t i = 0; i < header->count; i++) {
    at = aligned(at);
    entries[i] = (pack_entry){
        .capability = items[i].capability,
        .suffix = items[i].suffix,
        .name = name,
        .hash = items[i].hash,
        .at = at,
        .size = items[i].size,
        .checksum = pack_checksum(PACK_CHECKSUM_START, items[i].bytes, items[i].size),
    };
    uint64_t length = strlen(items[i].name) + 1;
    memcpy(names + name, items[i].name, length);
    name += length;
    at += items[i].size;
  }
  header->file_bytes = at;
  header->checksum = pack_table_checksum(*header, entries, names);
}

static int write_all(FILE *file, const pack_header *header, const pack_entry *entries,
                     const char *names, const pack_item *items) {
  static const char zeros[PACK_ALIGNMENT] = {0};
  uint64_t at = sizeof *header + header->count * sizeof *entries + header->names_bytes;
  fwrite(header, sizeof *header, 1, file);
  fwrite(entries, sizeof *entries, header->count, file);
  fwrite(names, 1, header->names_bytes, file);
  for (uint32_t i = 0; i < header->count; i++) {
    fwrite(zeros, 1, entries[i].at - at, file);
    fwrite(items[i].bytes, 1, items[i].size, file);
    at = entries[i].at + items[i].size;
  }
  return !ferror(file);
}

static int write_file(const char *path, const pack_header *header, const pack_entry *entries,
                      const char *names, const pack_item *items) {
  char unfinished[PATH_MAX];
  if (snprintf(unfinished, sizeof unfinished, "%s.%ld", path, (long)getpid()) >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return 0;
  }
  FILE *file = fopen(unfinished, "wb");
  if (!file) return 0;
  int done = write_all(file, header, entries, names, items);
  done = !fclose(file) && done && !rename(unfinished, path);
  if (!done) {
    int error = errno;
    unlink(unfinished);
    errno = error;
  }
  return done;
}

int pack_write(const char *path, pack_item *items, uint32_t count, int compiler) {
  pack_header header = {
      .magic = PACK_MAGIC,
      .byte_order = PACK_BYTE_ORDER,
      .toolkit_major = (uint32_t)compiler / 1000,
      .toolkit_minor = (uint32_t)compiler % 1000 / 10,
      .count = count,
      .library = SEQMIX_VERSION_STRING,
  };
  qsort(items, count, sizeof *items, by_order);
  for (uint32_t i = 0; i < count; i++) header.names_bytes += strlen(items[i].name) + 1;
  pack_entry *entries = calloc(count + 1, sizeof *entries);
  char *names = malloc(header.names_bytes + 1);
  int done = 0;
  if (entries && names) {
    lay_out(&header, entries, names, items);
    done = write_file(path, &header, entries, names, items);
  }
  free(entries);
  free(names);
  return done;
}
