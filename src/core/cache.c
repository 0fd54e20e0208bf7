/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* secure_getenv */
#include "core/cache.h"

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

/* Rises when entries of older libraries must not be read. */
static const char magic[16] = "seqmix cache 01";

/* What an entry starts with; its key and its bytes follow. */
typedef struct entry_header {
  char magic[16];
  uint64_t key_size;
  uint64_t size;
  uint64_t checksum; /* of key and bytes */
} entry_header;

/* No kernel is larger: what says so is no entry. */
enum { SIZE_LIMIT = 64 << 20 };

/* FNV-1a, which needs no more than these lines: files are private to the user, so it only has to
 * tell accidents. */
static uint64_t hash(uint64_t start, const void *bytes, uint64_t size) {
  const unsigned char *at = bytes;
  uint64_t value = start;
  for (uint64_t i = 0; i < size; i++) value = (value ^ at[i]) * UINT64_C(0x100000001b3);
  return value;
}

static uint64_t checksum(const char *key, const void *bytes, uint64_t size) {
  uint64_t start = hash(UINT64_C(0xcbf29ce484222325), key, strlen(key));
  return hash(start, bytes, size);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static int find_folder(char *folder, size_t size) {
  const char *own = secure_getenv("SEQMIX_CACHE_DIR"), *base = secure_getenv("XDG_CACHE_HOME");
  const char *home = secure_getenv("HOME");
  int length = 0;
  if (own)
    length = snprintf(folder, size, "%s", own);
  else if (base && base[0] == '/')
    length = snprintf(folder, size, "%s/seqmix", base);
  else if (home && home[0] == '/')
    length = snprintf(folder, size, "%s/.cache/seqmix", home);
  return length > 0 && (size_t)length < size;
}

/* Makes a folder and those it is in. */
static void make_folder(char *folder) {
  for (char *slash = folder + 1; *slash; slash++) {
    if (*slash != '/') continue;
    *slash = 0;
    mkdir(folder, 0700);
    *slash = '/';
  }
  mkdir(folder, 0700);
}

/* The folder, open, or -1 with why it cannot be used. */
static int open_sound(char *folder, const char **defect) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    make_folder(folder);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  struct stat about;
  *defect = NULL;
  if (fd < 0)
    *defect = strerror(errno);
  else if (fstat(fd, &about) || about.st_uid != geteuid() || (about.st_mode & 022))
    *defect = "it must be this user's, and others must not write to it";
  if (fd < 0 || !*defect) return fd;
  close(fd);
  return -1;
}

/* The same, for use. */
static int open_folder(void) {
  char folder[PATH_MAX];
  const char *defect;
  if (!find_folder(folder, sizeof folder)) return -1;
  int fd = open_sound(folder, &defect);
  if (fd < 0) seqmix_log(SEQMIX_LOG_WARNING, "cache folder %s is not used: %s", folder, defect);
  return fd;
}

void seqmix_cache_tell(char *text, size_t size) {
  char folder[PATH_MAX];
  const char *defect;
  if (!find_folder(folder, sizeof folder)) {
    snprintf(text, size, "nowhere: there is no HOME, or SEQMIX_CACHE_DIR is empty");
    return;
  }
  int fd = open_sound(folder, &defect);
  if (fd >= 0 && faccessat(fd, ".", W_OK, 0)) defect = strerror(errno);
  if (fd >= 0) close(fd);
  if (defect)
    snprintf(text, size, "nowhere: %s is not used: %s", folder, defect);
  else
    snprintf(text, size, "in %s", folder);
}

/* Two hashes make a name; which key it is stands in the entry. */
static void name_entry(const char *key, char *name, size_t size) {
  uint64_t length = strlen(key);
  snprintf(name, size, "%016llx%016llx", (unsigned long long)hash(1, key, length),
           (unsigned long long)checksum(key, NULL, 0));
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static int read_all(int fd, void *to, uint64_t size) {
  char *at = to;
  while (size > 0) {
    ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    at += got;
    size -= (uint64_t)got;
  }
  return 1;
}

static int is_sound(const entry_header *header, const struct stat *about) {
  return memcmp(header->magic, magic, sizeof magic) == 0 && header->key_size < SIZE_LIMIT &&
         header->size < SIZE_LIMIT &&
         (uint64_t)about->st_size == sizeof *header + header->key_size + header->size;
}

/* The bytes of an open entry, or NULL. */
static void *read_entry(int fd, const char *key, uint64_t *size) {
  struct stat about;
  entry_header header;
  if (fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_uid != geteuid()) return NULL;
  if (!read_all(fd, &header, sizeof header) || !is_sound(&header, &about)) return NULL;
  uint64_t length = strlen(key);
  char *both = header.key_size == length ? seqmix_memory_allocate(length + header.size) : NULL;
  if (both && read_all(fd, both, length + header.size) && memcmp(both, key, length) == 0 &&
      checksum(key, both + length, header.size) == header.checksum) {
    memmove(both, both + length, header.size);
    *size = header.size;
    return both;
  }
  seqmix_memory_free(both);
  return NULL;
}

void *seqmix_cache_get(const char *key, uint64_t *size) {
  char name[40];
  int folder = open_folder();
  if (folder < 0) return NULL;
  name_entry(key, name, sizeof name);
  void *bytes = NULL;
  int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0) {
    bytes = read_entry(fd, key, size);
    if (!bytes) seqmix_log(SEQMIX_LOG_WARNING, "cache entry %s is damaged: it is made anew", name);
    close(fd);
  }
  close(folder);
  return bytes;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static int write_all(int fd, const void *from, uint64_t size) {
  const char *at = from;
  while (size > 0) {
    ssize_t put = write(fd, at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return 0;
    at += put;
    size -= (uint64_t)put;
  }
  return 1;
}

/* Creates a file that no other process has; its name is written into `name`. */
static int create_beside(int folder, char *name, size_t size) {
  static _Atomic unsigned count;
  for (int attempt = 0; attempt < 100; attempt++) {
    snprintf(name, size, "new-%ld-%u", (long)getpid(), count++);
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

void seqmix_cache_put(const char *key, const void *bytes, uint64_t size) {
  char name[40], fresh[40];
  entry_header header = {.key_size = strlen(key), .size = size};
  memcpy(header.magic, magic, sizeof magic);
  header.checksum = checksum(key, bytes, size);
  int folder = open_folder();
  if (folder < 0) return;
  name_entry(key, name, sizeof name);
  int fd = create_beside(folder, fresh, sizeof fresh);
  int is_written = fd >= 0 && write_all(fd, &header, sizeof header) &&
                   write_all(fd, key, header.key_size) && write_all(fd, bytes, size);
  int error = errno;
  if (fd >= 0) is_written = close(fd) == 0 && is_written;
  /* Whoever reads sees the old file or the whole new one. */
  if (!is_written || renameat(folder, fresh, folder, name)) {
    seqmix_log(SEQMIX_LOG_WARNING, "cache entry %s is not kept: %s", name,
               strerror(is_written ? errno : error));
    if (fd >= 0) unlinkat(folder, fresh, 0);
  }
  close(folder);
}
