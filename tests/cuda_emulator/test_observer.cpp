/* SPDX-License-Identifier: Apache-2.0 */
/* What the observer finds, told of accesses that were made up: each fault once, and beside it what
 * looks like it and is none. Program counters stand for lines here: 7 is kernels/made_up.c:7. */
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "counters.h"
#include "observer.h"

extern "C" {
#include "support/suite.h"
}

namespace emulator {

static std::vector<std::string> said;
static bool has_stopped;

/* Constants of the program. */
enum : uint64_t { PROGRAM = 0x9000, PROGRAM_BYTES = 0x100 };

region region_of(uint64_t address) {
  if (address - PROGRAM < PROGRAM_BYTES) return {place::program, PROGRAM, PROGRAM_BYTES, 0};
  return {place::none, 0, 0, 0};
}

std::string line_of(const void *pc) { return "kernels/made_up.c:" + std::to_string((uintptr_t)pc); }

static void say(const char *format, va_list arguments) {
  char text[512];
  vsnprintf(text, sizeof(text), format, arguments);
  said.push_back(text);
}

void report(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(format, arguments);
  va_end(arguments);
}

void stop(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(format, arguments);
  va_end(arguments);
  has_stopped = true;
  throw has_stopped;
}

}  // namespace emulator

using namespace emulator;

enum : uint64_t { DEVICE = 0x10000, DEVICE_BYTES = 0x1000, LOCAL = 0x50000, LOCAL_BYTES = 0x400 };
enum { THREADS = 64 };

static const void *at_line(int line) { return (const void *)(uintptr_t)line; }

/* An access by thread `thread` of the block in a slot, which has the slot's number here. */
static void touch_at(int slot, int thread, uint64_t address, uint64_t bytes, bool is_write,
                     int line) {
  observe_access({slot, slot, thread},
                 {address, bytes, is_write, access_kind::plain, at_line(line)});
}
static void read_at(int slot, int thread, uint64_t address, int line) {
  touch_at(slot, thread, address, 4, false, line);
}
static void write_at(int slot, int thread, uint64_t address, int line) {
  touch_at(slot, thread, address, 4, true, line);
}
static void change_at(int slot, int thread, uint64_t address, int line) {
  observe_access({slot, slot, thread}, {address, 4, true, access_kind::atomic, at_line(line)});
}

static void meet(int slot, int first, int count) {
  uint64_t threads[16] = {0};
  for (int i = first; i < first + count; i++) threads[i / 64] |= (uint64_t)1 << i % 64;
  observe_barrier(slot, threads, count);
}
static void meet_all(int slot) { meet(slot, 0, THREADS); }

static uint64_t local_of(int slot) { return LOCAL + (uint64_t)slot * LOCAL_BYTES; }

static void begin_launch() {
  const launch_facts facts = {"made_up", nullptr, 2, THREADS, LOCAL_BYTES, 1};
  observe_launch_begin(facts);
  for (int slot = 0; slot < BLOCKS_ALIVE; slot++) {
    observe_block_begin(slot, slot, THREADS);
    observe_local_memory(slot, local_of(slot), LOCAL_BYTES);
  }
}

static void end_launch() {
  for (int slot = 0; slot < BLOCKS_ALIVE; slot++) observe_block_end(slot);
  observe_launch_end();
}

static void begin() {
  said.clear();
  observe_allocated(DEVICE, DEVICE_BYTES, 3);
  begin_launch();
}

static void end() {
  end_launch();
  observe_freed(DEVICE, DEVICE_BYTES);
}

static void expect_nothing() {
  ck_assert_msg(said.empty(), "%s", said.empty() ? "" : said[0].c_str());
}
static void expect(const char *text) {
  ck_assert_msg(said.size() == 1, "%d reports", (int)said.size());
  ck_assert_str_eq(said[0].c_str(), text);
  said.clear();
}

/* ---- races ----------------------------------------------------------------------------------- */

START_TEST(write_and_read_of_shared) {
  begin();
  write_at(0, 1, LOCAL + 0x40, 10);
  meet_all(0);
  read_at(0, 2, LOCAL + 0x40, 11);
  expect_nothing();
  write_at(0, 1, LOCAL + 0x44, 12);
  read_at(0, 1, LOCAL + 0x44, 13);
  expect_nothing();
  read_at(0, 33, LOCAL + 0x44, 14);
  expect(
      "race: thread 33 of block 0 reads shared +0x44 at kernels/made_up.c:14, and thread 1 of "
      "block 0 writes it at kernels/made_up.c:12");
  end();
}
END_TEST

START_TEST(read_and_write_of_shared) {
  begin();
  write_at(0, 0, LOCAL, 1);
  meet_all(0);
  for (int thread = 0; thread < THREADS; thread++) read_at(0, thread, LOCAL, 2);
  expect_nothing();
  write_at(0, 0, LOCAL, 3);
  ck_assert_int_eq((int)said.size(), 1);
  ck_assert_ptr_nonnull(strstr(said[0].c_str(), "of block 0 reads it at kernels/made_up.c:2"));
  end();
}
END_TEST

/* Two writes are a race whatever they write; each pair of lines is told of once. */
START_TEST(writes_of_shared) {
  begin();
  for (int i = 0; i < 8; i++) {
    write_at(0, 0, LOCAL + 4 * (uint64_t)i, 5);
    write_at(0, 1, LOCAL + 4 * (uint64_t)i, 6);
  }
  expect(
      "race: thread 1 of block 0 writes shared +0x0 at kernels/made_up.c:6, and thread 0 of "
      "block 0 writes it at kernels/made_up.c:5");
  for (int line = 10; line < 20; line++) write_at(0, line, LOCAL + 0x80, line);
  ck_assert_int_eq((int)said.size(), 4);
  end();
}
END_TEST

/* Halves of a word are different bytes. */
START_TEST(bytes_apart) {
  begin();
  for (int thread = 0; thread < THREADS; thread++)
    touch_at(0, thread, LOCAL + 2 * (uint64_t)thread, 2, true, 7);
  expect_nothing();
  touch_at(0, 8, LOCAL + 19, 1, false, 8);
  expect(
      "race: thread 8 of block 0 reads shared +0x13 at kernels/made_up.c:8, and thread 9 of "
      "block 0 writes it at kernels/made_up.c:7");
  end();
}
END_TEST

START_TEST(atomics_are_no_race) {
  const int zero = 0;
  begin();
  observe_host_write(DEVICE, 8);
  for (int slot = 0; slot < 2; slot++)
    for (int thread = 0; thread < THREADS; thread++) change_at(slot, thread, DEVICE, 1);
  expect_nothing();
  read_at(1, zero, DEVICE, 2);
  ck_assert_int_eq((int)said.size(), 1);
  ck_assert_ptr_nonnull(strstr(said[0].c_str(), "changes it at kernels/made_up.c:1"));
  end();
}
END_TEST

/* What lanes of a warp do is in order once they met, and for them alone. */
START_TEST(warps_meet) {
  begin();
  write_at(0, 1, LOCAL, 1);
  observe_warp_sync(0, 0, 0xffffffff);
  read_at(0, 2, LOCAL, 2);
  expect_nothing();
  write_at(0, 3, LOCAL + 4, 3);
  observe_warp_sync(0, 0, 0x0000000f);
  read_at(0, 0, LOCAL + 4, 4);
  expect_nothing();
  read_at(0, 4, LOCAL + 4, 5);
  expect(
      "race: thread 4 of block 0 reads shared +0x4 at kernels/made_up.c:5, and thread 3 of block "
      "0 writes it at kernels/made_up.c:3");
  write_at(0, 5, LOCAL + 8, 6);
  observe_warp_sync(0, 0, 0xffffffff);
  read_at(0, 32, LOCAL + 8, 7);
  ck_assert_int_eq((int)said.size(), 1);
  end();
}
END_TEST

/* A barrier of some warps orders what they did, and what those had met before. */
START_TEST(named_barriers) {
  begin();
  write_at(0, 0, LOCAL, 1);
  observe_warp_sync(0, 0, 0xffffffff);
  write_at(0, 40, LOCAL + 4, 2);
  meet(0, 1, 63);
  read_at(0, 50, LOCAL, 3);
  read_at(0, 1, LOCAL + 4, 4);
  expect_nothing();
  read_at(0, 0, LOCAL + 4, 5);
  ck_assert_int_eq((int)said.size(), 1);
  end();
}
END_TEST

START_TEST(blocks_of_a_launch) {
  begin();
  write_at(0, 0, DEVICE + 0x20, 1);
  meet_all(0);
  meet_all(1);
  write_at(1, 0, DEVICE + 0x20, 2);
  expect(
      "race: thread 0 of block 1 writes allocation 3 +0x20 at kernels/made_up.c:2, and thread 0 "
      "of block 0 writes it at kernels/made_up.c:1");
  end_launch();
  begin_launch();
  read_at(0, 5, DEVICE + 0x20, 3);
  expect_nothing();
  read_at(1, 5, DEVICE + 0x20, 3);
  meet_all(0);
  write_at(0, 5, DEVICE + 0x20, 4);
  expect(
      "race: thread 5 of block 0 writes allocation 3 +0x20 at kernels/made_up.c:4, and thread 5 "
      "of block 1 reads it at kernels/made_up.c:3");
  end();
}
END_TEST

/* ---- what nobody wrote ----------------------------------------------------------------------- */

START_TEST(never_written) {
  begin();
  read_at(0, 3, DEVICE + 8, 1);
  expect(
      "thread 3 of block 0 reads allocation 3 +0x8 at kernels/made_up.c:1, where nothing was "
      "written");
  observe_host_write(DEVICE + 8, 2);
  touch_at(0, 3, DEVICE + 8, 2, false, 2);
  expect_nothing();
  read_at(0, 3, DEVICE + 8, 2);
  ck_assert_ptr_nonnull(strstr(said[0].c_str(), "+0xa at kernels/made_up.c:2"));
  said.clear();
  write_at(1, 0, local_of(1) + 4, 3);
  read_at(1, 0, local_of(1) + 4, 4);
  expect_nothing();
  /* The next block finds nothing of it. */
  observe_block_end(1);
  observe_block_begin(1, 1, THREADS);
  observe_local_memory(1, local_of(1), LOCAL_BYTES);
  read_at(1, 0, local_of(1) + 4, 5);
  expect("thread 0 of block 1 reads shared +0x4 at kernels/made_up.c:5, where nothing was written");
  end();
}
END_TEST

/* ---- copies ---------------------------------------------------------------------------------- */

START_TEST(copies) {
  const thread_id who = {0, 0, 4};
  begin();
  observe_host_write(DEVICE, 64);
  observe_copy_started(who, LOCAL, DEVICE, 16, at_line(1));
  read_at(0, 4, LOCAL + 4, 2);
  expect(
      "thread 4 of block 0 reads shared +0x4 at kernels/made_up.c:2, where a copy by thread 4 of "
      "block 0 is under way from kernels/made_up.c:1");
  observe_copy_landed(who, LOCAL, DEVICE, 16);
  read_at(0, 4, LOCAL + 4, 3);
  expect_nothing();
  read_at(0, 5, LOCAL + 8, 4);
  expect(
      "race: thread 5 of block 0 reads shared +0x8 at kernels/made_up.c:4, and thread 4 of block "
      "0 writes it at kernels/made_up.c:1");
  meet_all(0);
  read_at(0, 5, LOCAL + 12, 5);
  expect_nothing();
  end();
}
END_TEST

/* A barrier does not end a copy, and to start one is to write. */
START_TEST(copies_and_barriers) {
  const thread_id who = {0, 0, 4};
  begin();
  write_at(0, 9, LOCAL + 16, 1);
  observe_copy_started(who, LOCAL + 16, 0, 16, at_line(2));
  expect(
      "race: thread 4 of block 0 writes shared +0x10 at kernels/made_up.c:2, and thread 9 of "
      "block 0 writes it at kernels/made_up.c:1");
  meet_all(0);
  read_at(0, 9, LOCAL + 16, 3);
  ck_assert_int_eq((int)said.size(), 1);
  ck_assert_ptr_nonnull(strstr(said[0].c_str(), "is under way from kernels/made_up.c:2"));
  end();
}
END_TEST

/* ---- bounds ---------------------------------------------------------------------------------- */

static bool stops(uint64_t address) {
  has_stopped = false;
  try {
    read_at(0, 0, address, 1);
  } catch (bool) {
  }
  return has_stopped;
}

START_TEST(out_of_bounds) {
  begin();
  observe_host_write(DEVICE, DEVICE_BYTES);
  ck_assert(!stops(DEVICE + DEVICE_BYTES - 4));
  ck_assert(!stops(PROGRAM));
  expect_nothing();
  ck_assert(stops(DEVICE + DEVICE_BYTES - 2));
  ck_assert_str_eq(said[0].c_str(),
                   "thread 0 of block 0 reads 4 bytes out of bounds at kernels/made_up.c:1");
  ck_assert(stops(DEVICE - 4));
  ck_assert(stops(PROGRAM + PROGRAM_BYTES - 2));
  /* Another block's. */
  ck_assert(stops(local_of(1)));
  end();
}
END_TEST

/* ---- counts ---------------------------------------------------------------------------------- */

/* Of all lanes of a warp, each `stride` bytes after the one before. */
static std::vector<lane_access> request_of(uint32_t stride, uint32_t bytes) {
  std::vector<lane_access> request;
  for (uint32_t lane = 0; lane < 32; lane++)
    request.push_back({lane, bytes, 0x1000 + (uint64_t)lane * stride});
  return request;
}

static const struct {
  uint32_t stride, bytes, sectors, passes, least_passes;
} patterns[] = {
    {4, 4, 4, 1, 1},      /* side by side */
    {0, 4, 1, 1, 1},      /* all the same */
    {8, 4, 8, 2, 1},      /* every other word */
    {128, 4, 32, 32, 1},  /* a column of rows of 32 */
    {132, 4, 32, 1, 1},   /* rows of 33 */
    {2, 2, 2, 1, 1},      /* 16-bit numbers */
    {16, 16, 16, 4, 4},   /* 16 bytes each: a quarter of the warp at a time */
    {128, 16, 32, 32, 4}, /* rows of 64 numbers of 16 bits, as ldmatrix takes them */
    {144, 16, 32, 4, 4},  /* the same, 16 bytes further apart */
    {8, 8, 8, 2, 2},      /* 8 bytes each */
};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

START_TEST(requests) {
  const std::vector<lane_access> request = request_of(patterns[_i].stride, patterns[_i].bytes);
  if (patterns[_i].stride != 144 && patterns[_i].stride != 132)
    ck_assert_uint_eq(sectors_of(request), patterns[_i].sectors);
  ck_assert_uint_eq(passes_of(request), patterns[_i].passes);
  ck_assert_uint_eq(least_passes_of(request), patterns[_i].least_passes);
}
END_TEST

static std::string written(counters *c) {
  char *text = nullptr;
  size_t bytes = 0;
  FILE *to = open_memstream(&text, &bytes);
  c->write(to, "made_up", 2, THREADS, [](uintptr_t pc) { return line_of((const void *)pc); });
  fclose(to);
  std::string whole = text;
  free(text);
  return whole;
}

/* A lane's n-th access at an instruction belongs to those of the others, however far it is. */
START_TEST(counts_by_line) {
  counters c;
  for (uint32_t lane = 0; lane < 32; lane++)
    for (uint32_t n = 0; n < 3; n++)
      c.access(0, {lane, 4, 0x1000 + n * 128 + lane * 4}, counters::global, false, 5);
  /* A warp whose second half has nothing to do. */
  for (uint32_t lane = 0; lane < 16; lane++)
    c.access(1, {lane, 4, lane * 128}, counters::shared, true, 6);
  c.operations(7, 4096);
  c.end_warps(0, 32);
  const std::string text = written(&c);
  ck_assert_str_eq(
      text.c_str(),
      "{\"kernel\": \"made_up\", \"blocks\": 2, \"threads\": 64}\n"
      "{\"kernel\": \"made_up\", \"at\": \"kernels/made_up.c:5\", \"what\": \"global read\", "
      "\"requests\": 3, \"bytes\": 384, \"sectors\": 12, \"passes\": 0, \"least_passes\": 0, "
      "\"operations\": 0}\n"
      "{\"kernel\": \"made_up\", \"at\": \"kernels/made_up.c:6\", \"what\": \"shared write\", "
      "\"requests\": 1, \"bytes\": 64, \"sectors\": 0, \"passes\": 16, \"least_passes\": 1, "
      "\"operations\": 0}\n"
      "{\"kernel\": \"made_up\", \"at\": \"kernels/made_up.c:7\", \"what\": \"tensor cores\", "
      "\"requests\": 0, \"bytes\": 0, \"sectors\": 0, \"passes\": 0, \"least_passes\": 0, "
      "\"operations\": 4096}\n");
}
END_TEST

extern "C" Suite *suite_make(void) {
  Suite *suite = suite_create("observer");
  TCase *tcase = tcase_create("observer");
  suite_add(tcase, write_and_read_of_shared);
  suite_add(tcase, read_and_write_of_shared);
  suite_add(tcase, writes_of_shared);
  suite_add(tcase, bytes_apart);
  suite_add(tcase, atomics_are_no_race);
  suite_add(tcase, warps_meet);
  suite_add(tcase, named_barriers);
  suite_add(tcase, blocks_of_a_launch);
  suite_add(tcase, never_written);
  suite_add(tcase, copies);
  suite_add(tcase, copies_and_barriers);
  suite_add(tcase, out_of_bounds);
  suite_add_loop(tcase, requests, 0, PATTERNS);
  suite_add(tcase, counts_by_line);
  suite_add_tcase(suite, tcase);
  return suite;
}
