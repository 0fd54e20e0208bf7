/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* secure_getenv, strchrnul */
#include "cuda/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"

#ifndef SEQMIX_PACK_DIR
#error "SEQMIX_PACK_DIR must name the folder of installed packs"
#endif

enum { PACKS_MOST = 16, DEFECT = 200, NOTE = 1000 };

struct cuda_packs {
  cuda_pack each[PACKS_MOST];
  int32_t count;
  void *given;     /* the program that was found last */
  char note[NOTE]; /* which are left out, and why: a line for each */
};

/* ---- a pack ---------------------------------------------------------------------------------- */

/* Reads rather than maps: a file that somebody cuts short ends a read, but would kill who looks
 * into a map. */
static int read_at(int file, void *to, uint64_t size, uint64_t at) {
  char *next = to;
  while (size > 0) {
    ssize_t got = pread(file, next, size, (off_t)at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    next += got;
    at += (uint64_t)got;
    size -= (uint64_t)got;
  }
  return 1;
}

static uint64_t table_bytes(const pack_header *header) {
  return sizeof *header + header->count * sizeof(pack_entry) + header->names_bytes;
}

/* What keeps a header from being one of a whole file; NULL: nothing. */
static const char *header_defect(const pack_header *header, uint64_t file_bytes) {
  static const char magic[sizeof header->magic] = PACK_MAGIC;
  if (memcmp(header->magic, magic, sizeof magic) != 0)
    return "it is no pack, or one for another version of the library";
  if (header->byte_order != PACK_BYTE_ORDER) return "it was made on another kind of machine";
  if (header->file_bytes != file_bytes) return "it is not as long as it says";
  if (header->count > PACK_ENTRIES_MOST || header->names_bytes > PACK_NAMES_MOST ||
      table_bytes(header) > file_bytes)
    return "its table is damaged";
  return NULL;
}

static int is_sound(const cuda_pack *pack, const pack_entry *entry) {
  const pack_header *header = &pack->header;
  return entry->name < header->names_bytes && entry->size > 0 && entry->size <= PACK_PROGRAM_MOST &&
         entry->at >= table_bytes(header) && entry->at <= header->file_bytes &&
         entry->size <= header->file_bytes - entry->at;
}

static const char *table_defect(cuda_pack *pack) {
  pack_header *header = &pack->header;
  uint64_t bytes = header->count * sizeof *pack->entries;
  pack->entries = seqmix_memory_allocate(bytes);
  pack->names = seqmix_memory_allocate(header->names_bytes);
  if (!pack->entries || !pack->names) return "there is no memory for its table";
  if (!read_at(pack->file, pack->entries, bytes, sizeof *header) ||
      !read_at(pack->file, pack->names, header->names_bytes, sizeof *header + bytes))
    return "it cannot be read";
  if (pack_table_checksum(*header, pack->entries, pack->names) != header->checksum)
    return "its table is damaged";
  header->library[sizeof header->library - 1] = 0;
  if (header->names_bytes && pack->names[header->names_bytes - 1]) return "its names have no end";
  for (uint32_t i = 0; i < header->count; i++)
    if (!is_sound(pack, &pack->entries[i])) return "an entry of it lies outside";
  return NULL;
}

static const char *open_defect(cuda_pack *pack, const char *path) {
  struct stat about;
  pack->path = seqmix_memory_allocate(strlen(path) + 1);
  if (!pack->path) return "there is no memory for it";
  memcpy(pack->path, path, strlen(path) + 1);
  /* Not to wait for whoever writes to it, should it be a pipe. */
  pack->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (pack->file < 0 || fstat(pack->file, &about)) return strerror(errno);
  if (!S_ISREG(about.st_mode)) return "it is no file";
  if (!read_at(pack->file, &pack->header, sizeof pack->header, 0)) return "it is no pack";
  const char *defect = header_defect(&pack->header, (uint64_t)about.st_size);
  return defect ? defect : table_defect(pack);
}

int seqmix_cuda_pack_open(cuda_pack *pack, const char *path, char *defect, size_t size) {
  *pack = (cuda_pack){.file = -1};
  const char *found = open_defect(pack, path);
  if (!found) return 1;
  snprintf(defect, size, "%s", found);
  seqmix_cuda_pack_close(pack);
  return 0;
}

void seqmix_cuda_pack_close(cuda_pack *pack) {
  if (pack->file >= 0) close(pack->file);
  seqmix_memory_free(pack->entries);
  seqmix_memory_free(pack->names);
  seqmix_memory_free(pack->path);
  *pack = (cuda_pack){.file = -1};
}

void *seqmix_cuda_pack_read(const cuda_pack *pack, const pack_entry *entry) {
  void *bytes = seqmix_memory_allocate(entry->size);
  if (bytes && read_at(pack->file, bytes, entry->size, entry->at) &&
      pack_checksum(PACK_CHECKSUM_START, bytes, entry->size) == entry->checksum)
    return bytes;
  seqmix_memory_free(bytes);
  return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int32_t major_of(int32_t version) { return version / 1000; }

static void leave_out(cuda_packs *all, const char *path, const char *why) {
  size_t used = strlen(all->note);
  snprintf(all->note + used, sizeof all->note - used, "cuda: pack %s is left out: %s\n", path, why);
  seqmix_log(SEQMIX_LOG_WARNING, "cuda: pack %s is left out: %s", path, why);
}

static void add(cuda_packs *all, const char *path, int32_t driver_version) {
  char defect[DEFECT] = "there are too many";
  cuda_pack *pack = &all->each[all->count];
  if (all->count == PACKS_MOST || !seqmix_cuda_pack_open(pack, path, defect, sizeof defect)) {
    leave_out(all, path, defect);
    return;
  }
  if (pack->header.toolkit_major > (uint32_t)major_of(driver_version)) {
    snprintf(defect, sizeof defect,
             "it is of CUDA %u, and the driver loads nothing newer than %d's",
             pack->header.toolkit_major, major_of(driver_version));
    leave_out(all, path, defect);
    seqmix_cuda_pack_close(pack);
    return;
  }
  all->count++;
}

static void add_named(cuda_packs *all, const char *list, int32_t driver_version) {
  while (list && *list) {
    const char *end = strchrnul(list, ':');
    char path[PATH_MAX];
    size_t length = (size_t)(end - list);
    if (length > 0 && length < sizeof path) {
      memcpy(path, list, length);
      path[length] = 0;
      add(all, path, driver_version);
    }
    list = *end ? end + 1 : end;
  }
}

static int is_pack_name(const struct dirent *file) {
  static const char ending[] = ".pack";
  size_t length = strlen(file->d_name), wanted = sizeof ending - 1;
  return length > wanted && strcmp(file->d_name + length - wanted, ending) == 0;
}

/* In the order of their names, the same on every machine. */
static void add_folder(cuda_packs *all, const char *folder, int32_t driver_version) {
  struct dirent **files = NULL;
  int count = scandir(folder, &files, is_pack_name, alphasort);
  for (int i = 0; i < count; i++) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, files[i]->d_name) < sizeof path)
      add(all, path, driver_version);
    free(files[i]);
  }
  free(files);
}

cuda_packs *seqmix_cuda_packs_open(int32_t driver_version) {
  cuda_packs *all = seqmix_memory_allocate_zeroed(sizeof *all);
  if (!all) return NULL;
  /* A set-uid program must not run whatever its caller's environment names. */
  add_named(all, secure_getenv("SEQMIX_CUDA_PACK"), driver_version);
  add_folder(all, SEQMIX_PACK_DIR, driver_version);
  return all;
}

void seqmix_cuda_packs_close(cuda_packs *all) {
  if (!all) return;
  for (int32_t i = 0; i < all->count; i++) seqmix_cuda_pack_close(&all->each[i]);
  seqmix_memory_free(all->given);
  seqmix_memory_free(all);
}

void seqmix_cuda_packs_tell(const cuda_packs *all, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "%s", all->note);
  for (int32_t i = 0; i < all->count && used < size; i++) {
    const cuda_pack *pack = &all->each[i];
    used += (size_t)snprintf(text + used, size - used,
                             "cuda: pack %s: %u programs, by seqmix %s with CUDA %u.%u\n",
                             pack->path, pack->header.count, pack->header.library,
                             pack->header.toolkit_major, pack->header.toolkit_minor);
  }
}

/* ---- finding --------------------------------------------------------------------------------- */

/* How well code suits a device: that of its own architecture's features best, then that of an
 * earlier one of the same major number; 0: it does not run there. */
static uint32_t rank_of(const pack_entry *entry, uint32_t architecture) {
  if (entry->capability == architecture) return entry->suffix ? UINT32_MAX : UINT32_MAX - 1;
  int runs = entry->capability / 10 == architecture / 10 && entry->capability < architecture;
  return runs && !entry->suffix ? entry->capability : 0;
}

/* The entry of a pack that suits best, or NULL; and whether there is one of another text. */
static const pack_entry *find_entry(const cuda_pack *pack, uint32_t architecture, const char *name,
                                    uint64_t hash, int *is_stale) {
  const pack_entry *best = NULL;
  for (uint32_t i = 0; i < pack->header.count; i++) {
    const pack_entry *entry = &pack->entries[i];
    uint32_t rank = rank_of(entry, architecture);
    if (!rank || strcmp(pack->names + entry->name, name) != 0) continue;
    if (entry->hash != hash)
      *is_stale = 1;
    else if (!best || rank > rank_of(best, architecture))
      best = entry;
  }
  return best;
}

static void *read_best(const cuda_pack *pack, uint32_t architecture, const char *name,
                       uint64_t hash, uint64_t *size) {
  int is_stale = 0;
  const pack_entry *entry = find_entry(pack, architecture, name, hash, &is_stale);
  void *bytes = entry ? seqmix_cuda_pack_read(pack, entry) : NULL;
  if (bytes)
    *size = entry->size;
  else if (entry)
    seqmix_log(SEQMIX_LOG_WARNING, "%s: what pack %s holds is damaged", name, pack->path);
  else if (is_stale)
    seqmix_log(SEQMIX_LOG_WARNING, "%s: what pack %s holds is of another version of the library",
               name, pack->path);
  return bytes;
}

const void *seqmix_cuda_packs_find(cuda_packs *all, int32_t architecture, const char *name,
                                   uint64_t hash, uint64_t *size) {
  seqmix_memory_free(all->given);
  all->given = NULL;
  for (int32_t i = 0; i < all->count && !all->given; i++)
    all->given = read_best(&all->each[i], (uint32_t)architecture, name, hash, size);
  return all->given;
}
