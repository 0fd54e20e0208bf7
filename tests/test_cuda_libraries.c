/* SPDX-License-Identifier: Apache-2.0 */
/* Where libraries of CUDA's toolkit are looked for, in made-up folders and for a made-up library,
 * so that what the machine has does not matter. */
#define _DEFAULT_SOURCE /* setenv, mkdtemp */

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cuda/find.h"
#include "cuda/session.h"
#include "support/suite.h"

enum { FOUND_MOST = 16 };

static const cuda_ending endings[] = {{".so.13", 13}, {".so.12", 12}, {".so.11.2", 11}, {NULL, 0}};
static const cuda_wanted wanted = {
    .variable = "SEQMIX_MADE_UP",
    .name = "libmade-up",
    .wheel = "cuda_made_up",
    .endings = endings,
};

/* What was offered, in order; the one that is taken. */
typedef struct offers {
  char paths[FOUND_MOST][PATH_MAX];
  cuda_origin origins[FOUND_MOST];
  int count, taken;
} offers;

static offers seen;

static int note(const char *path, cuda_origin origin, void *user) {
  offers *o = user;
  if (o->count == FOUND_MOST) return 0;
  snprintf(o->paths[o->count], PATH_MAX, "%s", path);
  o->origins[o->count++] = origin;
  return o->count == o->taken;
}

static void look_for(const cuda_wanted *what, int taken) {
  memset(&seen, 0, sizeof seen);
  seen.taken = taken;
  ck_assert_int_eq(seqmix_cuda_find(what, note, &seen), taken > 0);
}

/* The files among them, from the `first`. */
static void expect_files(const char *folder, const char *const *files) {
  int at = 0;
  while (at < seen.count && seen.origins[at] != CUDA_FOUND_FILE) at++;
  for (; *files; files++, at++) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, *files);
    ck_assert_int_lt(at, seen.count);
    ck_assert_str_eq(seen.paths[at], path);
  }
  ck_assert_int_eq(at, seen.count);
}

static char root[64];

static void make_file(const char *path) {
  char whole[PATH_MAX];
  snprintf(whole, sizeof whole, "%s/%s", root, path);
  for (char *slash = whole + 1; *slash; slash++) {
    if (*slash != '/') continue;
    *slash = 0;
    mkdir(whole, 0700);
    *slash = '/';
  }
  FILE *file = fopen(whole, "w");
  ck_assert_ptr_nonnull(file);
  fclose(file);
}

static void set_path(const char *variable, const char *path) {
  char whole[PATH_MAX];
  snprintf(whole, sizeof whole, "%s/%s", root, path);
  setenv(variable, whole, 1);
}

static void set_up(void) {
  snprintf(root, sizeof root, "/tmp/seqmix-cuda-test-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(root));
  unsetenv("SEQMIX_MADE_UP");
  unsetenv("LD_LIBRARY_PATH");
  unsetenv("VIRTUAL_ENV");
  unsetenv("CONDA_PREFIX");
  setenv("HOME", root, 1);
}

static void tear_down(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", root);
  ck_assert_int_eq(system(command), 0);
}

/* ---- places ---------------------------------------------------------------------------------- */

START_TEST(test_names) {
  look_for(&wanted, 0);
  static const char *const names[] = {"libmade-up.so.13", "libmade-up.so.12", "libmade-up.so.11.2"};
  ck_assert_int_eq(seen.count, 6);
  for (int i = 0; i < 6; i++) {
    ck_assert_str_eq(seen.paths[i], names[i % 3]);
    ck_assert_int_eq(seen.origins[i], i < 3 ? CUDA_FOUND_LOADED : CUDA_FOUND_NAME);
  }
  /* The first that is taken is the last that is tried. */
  look_for(&wanted, 2);
  ck_assert_int_eq(seen.count, 2);
}
END_TEST

/* A driver for CUDA 12 is given nothing newer. */
START_TEST(test_major) {
  cuda_wanted older = wanted;
  older.major_most = 12;
  set_path("LD_LIBRARY_PATH", "lib");
  make_file("lib/libmade-up.so.13");
  make_file("lib/libmade-up.so.11.2");
  look_for(&older, 0);
  ck_assert_int_eq(seen.count, 5);
  ck_assert_str_eq(seen.paths[0], "libmade-up.so.12");
  expect_files(root, (const char *const[]){"lib/libmade-up.so.11.2", NULL});
}
END_TEST

START_TEST(test_named) {
  setenv("SEQMIX_MADE_UP", "/somewhere/else.so", 1);
  look_for(&wanted, 0);
  ck_assert_int_eq(seen.count, 1);
  ck_assert_str_eq(seen.paths[0], "/somewhere/else.so");
  ck_assert_int_eq(seen.origins[0], CUDA_FOUND_NAMED);
  setenv("SEQMIX_MADE_UP", "", 1);
  look_for(&wanted, 0);
  ck_assert_int_eq(seen.count, 6);
}
END_TEST

START_TEST(test_folders) {
  make_file("first/libmade-up.so.11.2");
  make_file("second/libmade-up.so.12");
  make_file("second/libmade-up.so.13");
  make_file("second/libmade-up.so");
  char path[PATH_MAX];
  snprintf(path, sizeof path, "::%s/first:%s/nothing:%s/second", root, root, root);
  setenv("LD_LIBRARY_PATH", path, 1);
  look_for(&wanted, 0);
  expect_files(root, (const char *const[]){"first/libmade-up.so.11.2", "second/libmade-up.so.13",
                                           "second/libmade-up.so.12", NULL});
}
END_TEST

/* Packages for CUDA 13 share a folder, those for 12 have one each; newer Pythons first. */
START_TEST(test_packages) {
  set_path("VIRTUAL_ENV", "venv");
  make_file("venv/lib/python3.11/site-packages/nvidia/cuda_made_up/lib/libmade-up.so.12");
  make_file("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libmade-up.so.13");
  make_file("venv/lib/python3.12/site-packages/nvidia/other/lib/libmade-up.so.13");
  set_path("CONDA_PREFIX", "conda");
  make_file("conda/lib/libmade-up.so.12");
  make_file(".local/lib/python3.9/site-packages/nvidia/cuda_made_up/lib/libmade-up.so.11.2");
  look_for(&wanted, 0);
  expect_files(
      root,
      (const char *const[]){
          "venv/lib/python3.12/site-packages/nvidia/cu13/lib/libmade-up.so.13",
          "venv/lib/python3.11/site-packages/nvidia/cuda_made_up/lib/libmade-up.so.12",
          "conda/lib/libmade-up.so.12",
          ".local/lib/python3.9/site-packages/nvidia/cuda_made_up/lib/libmade-up.so.11.2", NULL});
}
END_TEST

/* One that the process has open is asked for before any file. */
START_TEST(test_loaded) {
  static const cuda_ending math[] = {{".so.6", 6}, {NULL, 0}};
  const cuda_wanted loaded = {"SEQMIX_MADE_UP", "libc", "c", math, 0};
  look_for(&loaded, 1);
  void *library = seqmix_cuda_open_found(seen.paths[0], seen.origins[0]);
  ck_assert_ptr_nonnull(library);
  dlclose(library);
  ck_assert_ptr_null(seqmix_cuda_open_found("libmade-up.so.13", CUDA_FOUND_LOADED));
}
END_TEST

START_TEST(test_words) {
  char text[1000], small[12];
  seqmix_cuda_tell_wanted(&wanted, text, sizeof text);
  ck_assert_ptr_nonnull(strstr(text, "libmade-up.so.13, libmade-up.so.12, libmade-up.so.11.2 in "));
  ck_assert_ptr_nonnull(strstr(text, "nvidia/cuda_made_up/lib"));
  seqmix_cuda_tell_wanted(&wanted, small, sizeof small);
  ck_assert_str_eq(small, "libmade-up.");
  setenv("SEQMIX_MADE_UP", "/a/file", 1);
  seqmix_cuda_tell_wanted(&wanted, text, sizeof text);
  ck_assert_str_eq(text, "/a/file, which SEQMIX_MADE_UP names");
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("cuda libraries");
  TCase *tcase = tcase_create("cuda libraries");
  tcase_add_checked_fixture(tcase, set_up, tear_down);
  suite_add(tcase, test_names);
  suite_add(tcase, test_major);
  suite_add(tcase, test_named);
  suite_add(tcase, test_folders);
  suite_add(tcase, test_packages);
  suite_add(tcase, test_loaded);
  suite_add(tcase, test_words);
  suite_add_tcase(suite, tcase);
  return suite;
}
