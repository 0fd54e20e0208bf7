/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers of a block. All threads of it come to the same one, at the same line. */
#include <cinttypes>
#include <cstring>

#include "engine.h"

namespace emulator {
namespace {

void check_place(const barrier &b, int kind, const spot &at) {
  if (is_same(b.at, at) && b.kind == kind) return;
  stop("threads %d and %d of block %" PRId64 " are at different barriers: %s and %s", b.who[0],
       now->index, now->of->number, text_of(b.at).c_str(), text_of(at).c_str());
}

void release(barrier *b) {
  block *of = now->of;
  uint64_t threads[16] = {0};
  for (int i : b->who) threads[i / 64] |= (uint64_t)1 << i % 64;
  observe_barrier(of->slot, threads, b->arrived);
  for (int i : b->who) {
    of->threads[(size_t)i].sum = b->sum;
    make_ready(&of->threads[(size_t)i]);
  }
  b->arrived = 0;
  b->who.clear();
}

/* Comes to a barrier that `expected` threads make whole. Returns of how many the condition held. */
int arrive(int number, int expected, int kind, int condition, const spot &at) {
  thread *t = now;
  barrier *b = &t->of->barriers[number];
  if (b->arrived == 0) {
    b->expected = expected;
    b->kind = kind;
    b->sum = 0;
    b->at = at;
  }
  check_place(*b, kind, at);
  if (b->expected != expected)
    stop("barrier %d is of %d threads and of %d at %s", number, b->expected, expected,
         text_of(at).c_str());
  b->who.push_back(t->index);
  b->sum += condition != 0;
  t->at = at;
  const bool is_last = ++b->arrived == expected;
  if (is_last) release(b);
  wait_as(is_last ? state::ready : state::at_barrier);
  return t->sum;
}

}  // namespace

bool is_same(const spot &a, const spot &b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

std::string text_of(const spot &s) { return std::string(s.file) + ":" + std::to_string(s.line); }

extern "C" int emulator_barrier(int kind, int condition, const char *file, int line) {
  const int threads = running->threads;
  const int sum = arrive(0, threads, kind, condition, {file, line});
  return kind == 1 ? sum > 0 : kind == 2 ? sum == threads : kind == 3 ? sum : 0;
}

extern "C" void emulator_named_barrier(int number, int threads, const char *file, int line) {
  if (number < 1 || number >= BARRIERS || threads < WARP || threads % WARP != 0 ||
      threads > running->threads)
    stop("there is no barrier %d of %d threads at %s:%d", number, threads, file, line);
  arrive(number, threads, 0, 0, {file, line});
}

}  // namespace emulator
