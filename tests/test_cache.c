/* SPDX-License-Identifier: Apache-2.0 */
/* Files kept for later processes: found again, and never trusted when anything is wrong with them.
 */
#define _DEFAULT_SOURCE /* mkdtemp */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/memory.h"
#include "support/suite.h"

static char base[64], folder[128];

static void start(void) {
  snprintf(base, sizeof base, "/tmp/seqmix-cache-test-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(base));
  snprintf(folder, sizeof folder, "%s/a/b", base);
  ck_assert_int_eq(setenv("SEQMIX_CACHE_DIR", folder, 1), 0);
}

/* Calls `visit` for each file of the folder; returns how many there are. */
static int for_files(void (*visit)(const char *path)) {
  DIR *files = opendir(folder);
  struct dirent *file;
  int count = 0;
  while (files && (file = readdir(files)) != NULL) {
    char path[512];
    if (file->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
    if (visit) visit(path);
    count++;
  }
  if (files) closedir(files);
  return count;
}

static void remove_file(const char *path) { ck_assert_int_eq(unlink(path), 0); }

static void end(void) {
  char path[160];
  chmod(folder, 0700);
  for_files(remove_file);
  rmdir(folder);
  snprintf(path, sizeof path, "%s/a", base);
  rmdir(path);
  rmdir(base);
}

static int holds(const char *key, const char *text) {
  uint64_t size = 0;
  char *bytes = seqmix_cache_get(key, &size);
  int same = bytes && size == strlen(text) && memcmp(bytes, text, (size_t)size) == 0;
  seqmix_memory_free(bytes);
  return same;
}

static int is_absent(const char *key) {
  uint64_t size = 0;
  void *bytes = seqmix_cache_get(key, &size);
  seqmix_memory_free(bytes);
  return bytes == NULL;
}

START_TEST(test_kept) {
  ck_assert(is_absent("one"));
  seqmix_cache_put("one", "first", 5);
  seqmix_cache_put("two", "second", 6);
  seqmix_cache_put("none", "", 0);
  ck_assert(holds("one", "first"));
  ck_assert(holds("two", "second"));
  ck_assert(holds("none", ""));
  seqmix_cache_put("one", "another", 7);
  ck_assert(holds("one", "another"));
  ck_assert_int_eq(for_files(NULL), 3);
}
END_TEST

static void check_private(const char *path) {
  struct stat about;
  ck_assert_int_eq(stat(path, &about), 0);
  ck_assert_int_eq(about.st_mode & 0777, 0600);
}

START_TEST(test_is_private) {
  struct stat about;
  seqmix_cache_put("one", "first", 5);
  ck_assert_int_eq(for_files(check_private), 1);
  ck_assert_int_eq(stat(folder, &about), 0);
  ck_assert_int_eq(about.st_mode & 0777, 0700);
  /* What others might have written is not read. */
  ck_assert_int_eq(chmod(folder, 0777), 0);
  ck_assert(is_absent("one"));
  ck_assert_int_eq(chmod(folder, 0700), 0);
  ck_assert(holds("one", "first"));
}
END_TEST

/* ---- damage ---------------------------------------------------------------------------------- */

static off_t at;

static void cut_off(const char *path) { ck_assert_int_eq(truncate(path, at), 0); }

static void change_byte(const char *path) {
  int fd = open(path, O_RDWR);
  unsigned char byte;
  ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
  byte ^= 0x10;
  ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
  close(fd);
}

static void append(const char *path) {
  int fd = open(path, O_WRONLY | O_APPEND);
  ck_assert_int_eq(write(fd, "x", 1), 1);
  close(fd);
}

static const char key[] = "a key", text[] = "some bytes";
enum { ENTRY_BYTES = 40 + sizeof key - 1 + sizeof text - 1 };

START_TEST(test_truncated) {
  seqmix_cache_put(key, text, sizeof text - 1);
  ck_assert(holds(key, text));
  at = _i;
  ck_assert_int_eq(for_files(cut_off), 1);
  ck_assert(is_absent(key));
  seqmix_cache_put(key, text, sizeof text - 1);
  ck_assert(holds(key, text));
}
END_TEST

START_TEST(test_changed) {
  seqmix_cache_put(key, text, sizeof text - 1);
  at = _i;
  ck_assert_int_eq(for_files(change_byte), 1);
  ck_assert(is_absent(key));
}
END_TEST

START_TEST(test_too_long) {
  seqmix_cache_put(key, text, sizeof text - 1);
  ck_assert_int_eq(for_files(append), 1);
  ck_assert(is_absent(key));
}
END_TEST

static char kept_name[512];
static void remember(const char *path) { snprintf(kept_name, sizeof kept_name, "%s", path); }
static void put_in_place(const char *path) {
  if (strcmp(path, kept_name) != 0) ck_assert_int_eq(rename(path, kept_name), 0);
}

/* The entry of another key under this one's name. */
START_TEST(test_foreign) {
  seqmix_cache_put(key, text, sizeof text - 1);
  for_files(remember);
  seqmix_cache_put("another key", "other bytes", 11);
  for_files(put_in_place);
  ck_assert(is_absent(key));
}
END_TEST

/* ---- folders that cannot be used --------------------------------------------------------------
 */

START_TEST(test_nowhere) {
  setenv("SEQMIX_CACHE_DIR", "", 1);
  seqmix_cache_put(key, text, sizeof text - 1);
  ck_assert(is_absent(key));
  setenv("SEQMIX_CACHE_DIR", "/proc/no-such-folder", 1);
  seqmix_cache_put(key, text, sizeof text - 1);
  ck_assert(is_absent(key));
  setenv("SEQMIX_CACHE_DIR", "/dev/null", 1);
  seqmix_cache_put(key, text, sizeof text - 1);
  ck_assert(is_absent(key));
}
END_TEST

START_TEST(test_read_only) {
  seqmix_cache_put(key, text, sizeof text - 1);
  if (geteuid() == 0) suite_skip("root may write to any folder");
  ck_assert_int_eq(chmod(folder, 0500), 0);
  seqmix_cache_put("another", text, sizeof text - 1);
  ck_assert(is_absent("another"));
  ck_assert(holds(key, text));
}
END_TEST

START_TEST(test_default_folder) {
  unsetenv("SEQMIX_CACHE_DIR");
  setenv("XDG_CACHE_HOME", base, 1);
  seqmix_cache_put(key, text, sizeof text - 1);
  ck_assert(holds(key, text));
  snprintf(folder, sizeof folder, "%s/seqmix", base);
  ck_assert_int_eq(for_files(NULL), 1);
  unsetenv("XDG_CACHE_HOME");
}
END_TEST

/* ---- races ------------------------------------------------------------------------------------
 */

static void write_often(char letter) {
  char bytes[5000];
  memset(bytes, letter, sizeof bytes);
  for (int i = 0; i < 50; i++) seqmix_cache_put(key, bytes, sizeof bytes);
}

/* Readers see one writer's bytes or another's, never a mixture. */
START_TEST(test_two_processes) {
  pid_t children[2];
  for (int i = 0; i < 2; i++) {
    children[i] = fork();
    ck_assert_int_ge(children[i], 0);
    if (children[i] == 0) {
      write_often((char)('a' + i));
      _exit(0);
    }
  }
  for (int i = 0; i < 100; i++) {
    uint64_t size = 0;
    char *bytes = seqmix_cache_get(key, &size);
    if (!bytes) continue;
    ck_assert_uint_eq(size, 5000);
    for (uint64_t b = 1; b < size; b++) ck_assert_int_eq(bytes[b], bytes[0]);
    seqmix_memory_free(bytes);
  }
  for (int i = 0; i < 2; i++) {
    int status;
    ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
    ck_assert_int_eq(status, 0);
  }
  ck_assert(!is_absent(key));
  ck_assert_int_eq(for_files(NULL), 1);
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cache");
  TCase *tcase = tcase_create("cache");
  tcase_add_checked_fixture(tcase, start, end);
  suite_add(tcase, test_kept);
  suite_add(tcase, test_is_private);
  suite_add_loop(tcase, test_truncated, 0, ENTRY_BYTES);
  suite_add_loop(tcase, test_changed, 0, ENTRY_BYTES);
  suite_add(tcase, test_too_long);
  suite_add(tcase, test_foreign);
  suite_add(tcase, test_nowhere);
  suite_add(tcase, test_read_only);
  suite_add(tcase, test_default_folder);
  suite_add(tcase, test_two_processes);
  suite_add_tcase(suite, tcase);
  return suite;
}
