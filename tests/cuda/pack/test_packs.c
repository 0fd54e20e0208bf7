/* SPDX-License-Identifier: Apache-2.0 */
/* Packs: what is in them is found for the devices that run it, and nothing is taken of one that is
 * damaged, cut short, from elsewhere or for other texts. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"
#include "cuda/pack.h"
#include "support/suite.h"
#include "tools/pack/write.h"
#include "verify/random.h"

enum { PATH = 128, DRIVER = 13000, HASH = 77, FILE_MOST = 1 << 14 };

static char folder[64], first[PATH], second[PATH];

/* Programs say what they are. */
static char program_texts[][24] = {"x 80", "x 86", "x 90", "x 90a", "x 120", "y 80", "z 90a"};
static const struct {
  uint32_t capability, suffix;
  const char *name;
} programs[] = {{80, 0, "t/x K=1"},  {86, 0, "t/x K=1"}, {90, 0, "t/x K=1"}, {90, 'a', "t/x K=1"},
                {120, 0, "t/x K=1"}, {80, 0, "t/y"},     {90, 'a', "t/z"}};
enum { PROGRAMS = sizeof programs / sizeof *programs };

static void write_pack(const char *path, uint64_t hash, int compiler) {
  pack_item items[PROGRAMS];
  for (int i = 0; i < PROGRAMS; i++)
    items[i] = (pack_item){.capability = programs[i].capability,
                           .suffix = programs[i].suffix,
                           .name = programs[i].name,
                           .hash = hash,
                           .bytes = program_texts[i],
                           .size = strlen(program_texts[i]) + 1};
  ck_assert(pack_write(path, items, PROGRAMS, compiler));
}

static void start(void) {
  snprintf(folder, sizeof folder, "/tmp/seqmix-pack-test-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(first, sizeof first, "%s/first.pack", folder);
  snprintf(second, sizeof second, "%s/second.pack", folder);
  write_pack(first, HASH, DRIVER);
  ck_assert_int_eq(setenv("SEQMIX_CUDA_PACK", first, 1), 0);
}

static void end(void) {
  DIR *files = opendir(folder);
  struct dirent *file;
  while (files && (file = readdir(files)) != NULL) {
    char path[PATH + 256];
    snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
    if (file->d_name[0] != '.') remove(path);
  }
  if (files) closedir(files);
  rmdir(folder);
  unsetenv("SEQMIX_CUDA_PACK");
}

/* What the packs of the environment have; "" for nothing. */
static const char *found(int32_t driver, int32_t architecture, const char *name, uint64_t hash) {
  static char text[64];
  uint64_t size = 0;
  cuda_packs *packs = seqmix_cuda_packs_open(driver);
  ck_assert_ptr_nonnull(packs);
  const void *bytes = seqmix_cuda_packs_find(packs, architecture, name, hash, &size);
  ck_assert(!bytes || (size > 0 && size < sizeof text));
  memset(text, 0, sizeof text);
  if (bytes) memcpy(text, bytes, size);
  seqmix_cuda_packs_close(packs);
  return text;
}

static const char *x_for(int32_t architecture) {
  return found(DRIVER, architecture, "t/x K=1", HASH);
}

/* ---- what is found --------------------------------------------------------------------------- */

START_TEST(test_architectures) {
  ck_assert_str_eq(x_for(75), "");
  ck_assert_str_eq(x_for(80), "x 80");
  ck_assert_str_eq(x_for(86), "x 86");
  ck_assert_str_eq(x_for(87), "x 86");
  ck_assert_str_eq(x_for(89), "x 86");
  ck_assert_str_eq(x_for(90), "x 90a");
  ck_assert_str_eq(x_for(100), "");
  ck_assert_str_eq(x_for(120), "x 120");
  ck_assert_str_eq(x_for(121), "x 120");
}
END_TEST

START_TEST(test_earlier_architectures) {
  ck_assert_str_eq(found(DRIVER, 86, "t/y", HASH), "y 80");
  ck_assert_str_eq(found(DRIVER, 89, "t/y", HASH), "y 80");
  ck_assert_str_eq(found(DRIVER, 90, "t/y", HASH), "");
  /* Features of an architecture are not its successors'. */
  ck_assert_str_eq(found(DRIVER, 90, "t/z", HASH), "z 90a");
  ck_assert_str_eq(found(DRIVER, 91, "t/z", HASH), "");
  ck_assert_str_eq(x_for(91), "x 90");
}
END_TEST

START_TEST(test_names) {
  ck_assert_str_eq(found(DRIVER, 80, "t/x", HASH), "");
  ck_assert_str_eq(found(DRIVER, 80, "t/x K=2", HASH), "");
  ck_assert_str_eq(found(DRIVER, 80, "", HASH), "");
}
END_TEST

START_TEST(test_stale) {
  char both[2 * PATH + 2];
  ck_assert_str_eq(found(DRIVER, 80, "t/x K=1", HASH + 1), "");
  write_pack(second, HASH + 1, DRIVER);
  snprintf(both, sizeof both, "%s:%s", first, second);
  setenv("SEQMIX_CUDA_PACK", both, 1);
  ck_assert_str_eq(found(DRIVER, 80, "t/x K=1", HASH + 1), "x 80");
  ck_assert_str_eq(found(DRIVER, 80, "t/x K=1", HASH), "x 80");
  ck_assert_str_eq(found(DRIVER, 80, "t/x K=1", HASH + 2), "");
}
END_TEST

START_TEST(test_toolkits) {
  ck_assert_str_eq(found(12090, 80, "t/x K=1", HASH), "");
  ck_assert_str_eq(found(13000, 80, "t/x K=1", HASH), "x 80");
  ck_assert_str_eq(found(14010, 80, "t/x K=1", HASH), "x 80");
  /* A driver runs what a later toolkit of its major number made. */
  write_pack(first, HASH, 13020);
  ck_assert_str_eq(found(13000, 80, "t/x K=1", HASH), "x 80");
}
END_TEST

START_TEST(test_lists) {
  char list[8 * PATH];
  setenv("SEQMIX_CUDA_PACK", "", 1);
  ck_assert_str_eq(x_for(80), "");
  unsetenv("SEQMIX_CUDA_PACK");
  ck_assert_str_eq(x_for(80), "");
  snprintf(list, sizeof list, ":/nowhere/none.pack::%s:%s:", folder, first);
  setenv("SEQMIX_CUDA_PACK", list, 1);
  ck_assert_str_eq(x_for(80), "x 80");
  char *many = malloc(40 * PATH);
  size_t used = 0;
  for (int i = 0; i < 40; i++) used += (size_t)snprintf(many + used, PATH, "%s:", first);
  setenv("SEQMIX_CUDA_PACK", many, 1);
  ck_assert_str_eq(x_for(80), "x 80");
  free(many);
}
END_TEST

START_TEST(test_telling) {
  char text[1024], list[3 * PATH];
  write_pack(second, HASH, 14000);
  snprintf(list, sizeof list, "%s:/nowhere/none.pack:%s", first, second);
  setenv("SEQMIX_CUDA_PACK", list, 1);
  cuda_packs *packs = seqmix_cuda_packs_open(DRIVER);
  seqmix_cuda_packs_tell(packs, text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "first.pack: 7 programs, by seqmix "));
  ck_assert_ptr_nonnull(strstr(text, "pack /nowhere/none.pack is left out: No such file"));
  ck_assert_ptr_nonnull(strstr(text, "second.pack is left out: it is of CUDA 14, and the driver"));
  seqmix_cuda_packs_tell(packs, text, 8);
  ck_assert_uint_eq(strlen(text), 7);
  seqmix_cuda_packs_close(packs);
}
END_TEST

/* ---- what is wrong with them ----------------------------------------------------------------- */

static size_t read_file(const char *path, unsigned char *bytes) {
  FILE *file = fopen(path, "rb");
  ck_assert_ptr_nonnull(file);
  size_t size = fread(bytes, 1, FILE_MOST, file);
  fclose(file);
  ck_assert_uint_lt(size, FILE_MOST);
  return size;
}

static void write_file(const char *path, const unsigned char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

/* Whatever a pack has become: it gives what it gave, or nothing. */
static void assert_right_or_none(const char *what, size_t where) {
  static const int32_t architectures[] = {80, 86, 90, 120};
  static const char *const whole[] = {"x 80", "x 86", "x 90a", "x 120"};
  for (int i = 0; i < 4; i++) {
    const char *text = x_for(architectures[i]);
    /* sm_90's in place of sm_90a's, and so on, are right, too. */
    ck_assert_msg(!*text || !strcmp(text, whole[i]) || (i == 2 && !strcmp(text, "x 90")) ||
                      (i == 1 && !strcmp(text, "x 80")),
                  "%s %d: sm_%d got '%s'", what, (int)where, architectures[i], text);
  }
}

START_TEST(test_cut_short) {
  unsigned char bytes[FILE_MOST];
  size_t size = read_file(first, bytes);
  for (size_t length = 0; length < size; length++) {
    write_file(first, bytes, length);
    ck_assert_str_eq(x_for(80), "");
  }
  bytes[size] = 0;
  write_file(first, bytes, size + 1);
  ck_assert_str_eq(x_for(80), "");
}
END_TEST

START_TEST(test_damaged) {
  unsigned char bytes[FILE_MOST];
  size_t size = read_file(first, bytes);
  for (size_t at = 0; at < size; at++) {
    bytes[at] ^= (unsigned char)(1 << at % 8);
    write_file(first, bytes, size);
    assert_right_or_none("byte", at);
    bytes[at] ^= (unsigned char)(1 << at % 8);
  }
}
END_TEST

/* A table that was meant to be as it is: only its bounds are in the way. */
static void sign(unsigned char *bytes, size_t size) {
  pack_header header;
  memcpy(&header, bytes, sizeof header);
  uint64_t entries = (uint64_t)header.count * sizeof(pack_entry);
  if (header.names_bytes > size || entries > size ||
      sizeof header + entries + header.names_bytes > size)
    return;
  header.checksum = 0;
  uint64_t value = pack_checksum(PACK_CHECKSUM_START, &header, sizeof header);
  header.checksum =
      pack_checksum(value, bytes + sizeof header, (size_t)(entries + header.names_bytes));
  memcpy(bytes, &header, sizeof header);
}

START_TEST(test_forged) {
  unsigned char bytes[FILE_MOST], forged[FILE_MOST];
  size_t size = read_file(first, bytes);
  size_t table = sizeof(pack_header) + PROGRAMS * sizeof(pack_entry) + 80;
  random_state random = random_start(suite_seed("forged"));
  for (int trial = 0; trial < 1500; trial++) {
    memcpy(forged, bytes, size);
    for (int i = 0; i <= trial % 3; i++) {
      size_t at = (size_t)random_integer(&random, 0, (int64_t)table - 1);
      int64_t byte = random_one_in(&random, 2) ? 255 : random_integer(&random, 0, 255);
      forged[at] = (unsigned char)byte;
    }
    sign(forged, size);
    write_file(first, forged, size);
    /* Names and sizes may be others now: what counts is that nothing outside is touched. */
    x_for(80);
    x_for(90);
  }
}
END_TEST

START_TEST(test_extremes) {
  static const uint64_t extremes[] = {
      0, 1, UINT64_MAX, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 63};
  unsigned char bytes[FILE_MOST], forged[FILE_MOST];
  size_t size = read_file(first, bytes);
  size_t table = sizeof(pack_header) + PROGRAMS * sizeof(pack_entry);
  for (size_t at = sizeof(((pack_header *)0)->magic); at + 8 <= table; at += 4)
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
      memcpy(forged, bytes, size);
      memcpy(forged + at, &extremes[i], 8);
      sign(forged, size);
      write_file(first, forged, size);
      x_for(80);
      x_for(90);
    }
}
END_TEST

START_TEST(test_foreign) {
  unsigned char bytes[FILE_MOST];
  size_t size = read_file(first, bytes);
  bytes[13]++;
  sign(bytes, size);
  write_file(first, bytes, size);
  ck_assert_str_eq(x_for(80), "");
  bytes[13]--;
  uint32_t order = 0x04030201;
  memcpy(bytes + 16, &order, 4);
  sign(bytes, size);
  write_file(first, bytes, size);
  ck_assert_str_eq(x_for(80), "");
  write_file(first, (const unsigned char *)"not a pack at all", 17);
  ck_assert_str_eq(x_for(80), "");
}
END_TEST

START_TEST(test_no_files) {
  ck_assert_int_eq(unlink(first), 0);
  ck_assert_str_eq(x_for(80), "");
  /* Nobody will ever write to it. */
  ck_assert_int_eq(mkfifo(first, 0600), 0);
  ck_assert_str_eq(x_for(80), "");
  setenv("SEQMIX_CUDA_PACK", "/dev/zero", 1);
  ck_assert_str_eq(x_for(80), "");
}
END_TEST

/* A pack that is cut short, and one that is replaced, while it is open. */
START_TEST(test_changed_while_open) {
  uint64_t size = 0;
  cuda_packs *packs = seqmix_cuda_packs_open(DRIVER);
  write_pack(first, HASH + 1, DRIVER);
  ck_assert_ptr_nonnull(seqmix_cuda_packs_find(packs, 80, "t/x K=1", HASH, &size));
  seqmix_cuda_packs_close(packs);
  packs = seqmix_cuda_packs_open(DRIVER);
  ck_assert_int_eq(truncate(first, (off_t)sizeof(pack_header)), 0);
  ck_assert_ptr_null(seqmix_cuda_packs_find(packs, 80, "t/x K=1", HASH + 1, &size));
  seqmix_cuda_packs_close(packs);
}
END_TEST

static int open_files(void) {
  int count = 0;
  DIR *files = opendir("/proc/self/fd");
  while (files && readdir(files)) count++;
  if (files) closedir(files);
  return count;
}

START_TEST(test_files_are_closed) {
  unsigned char bytes[FILE_MOST];
  int before = open_files();
  x_for(80);
  size_t size = read_file(first, bytes);
  write_file(first, bytes, size - 1);
  x_for(80);
  ck_assert_int_eq(open_files(), before);
}
END_TEST

START_TEST(test_unwritable) {
  pack_item none[1];
  char path[PATH + 8];
  snprintf(path, sizeof path, "%s/no/x.pack", folder);
  ck_assert(!pack_write(path, none, 0, DRIVER));
  ck_assert(pack_write(second, none, 0, DRIVER));
  setenv("SEQMIX_CUDA_PACK", second, 1);
  ck_assert_str_eq(x_for(80), "");
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("packs");
  TCase *right = tcase_create("right"), *wrong = tcase_create("wrong");
  tcase_add_checked_fixture(right, start, end);
  suite_add(right, test_architectures);
  suite_add(right, test_earlier_architectures);
  suite_add(right, test_names);
  suite_add(right, test_stale);
  suite_add(right, test_toolkits);
  suite_add(right, test_lists);
  suite_add(right, test_telling);
  suite_add_tcase(suite, right);
  tcase_add_checked_fixture(wrong, start, end);
  tcase_set_timeout(wrong, 120);
  suite_add(wrong, test_cut_short);
  suite_add(wrong, test_damaged);
  suite_add(wrong, test_forged);
  suite_add(wrong, test_extremes);
  suite_add(wrong, test_foreign);
  suite_add(wrong, test_no_files);
  suite_add(wrong, test_changed_while_open);
  suite_add(wrong, test_files_are_closed);
  suite_add(wrong, test_unwritable);
  suite_add_tcase(suite, wrong);
  return suite;
}
