/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: blocks two at a time, their threads in an order that follows the seed. */
#include <algorithm>
#include <cinttypes>
#include <cstdlib>
#include <cstring>

#include "engine.h"

namespace emulator {

thread *now;
const launch *running;
bool is_watching;

namespace {

block alive[BLOCKS_ALIVE];
void *host; /* where the host goes on */
uint64_t launches, random_state;

/* How the next thread is chosen: at random, the one that ran last, or the one that waited most. */
enum class policy { random, newest, oldest };
policy chosen;
bool is_backwards; /* blocks from the last to the first */
bool is_stopped;   /* by a thread that has left */

void seed_launch() {
  const char *seed = std::getenv("EMULATOR_SEED");
  random_state = (seed ? std::strtoull(seed, nullptr, 10) : 1) * 0x9e3779b97f4a7c15u + launches;
  for (int i = 0; i < 4; i++) random_below(2);
  chosen = (policy)random_below(3);
  is_backwards = random_below(2) == 1;
}

/* What a fiber runs. */
void run_thread() {
  running->kernel->call(running->parameters);
  now->is = state::done;
  emulator_switch(&now->saved, host);
  std::abort();
}

void begin_block(block *b, int slot, int64_t number) {
  b->slot = slot;
  b->number = number;
  b->is_alive = true;
  b->left = running->threads;
  b->threads.resize((size_t)running->threads);
  b->ready.clear();
  for (int i = 0; i < running->threads; i++) {
    thread *t = &b->threads[(size_t)i];
    t->index = i;
    t->of = b;
    t->is = state::fresh;
    t->has_local = false;
    t->copies.clear();
    t->groups.clear();
    b->ready.push_back(i);
  }
  if (chosen == policy::newest) std::reverse(b->ready.begin(), b->ready.end());
  for (barrier &one : b->barriers) one = barrier();
  begin_local(b);
  observe_block_begin(slot, number, running->threads);
}

void end_block(block *b) {
  end_local(b);
  observe_block_end(b->slot);
  b->is_alive = false;
}

int take_ready(block *b) {
  const size_t n = b->ready.size();
  size_t i = chosen == policy::newest ? n - 1 : random_below((uint32_t)n);
  if (chosen == policy::oldest) i = 0;
  const int taken = b->ready[i];
  if (chosen == policy::random) {
    b->ready[i] = b->ready.back();
    b->ready.pop_back();
  } else {
    b->ready.erase(b->ready.begin() + (std::ptrdiff_t)i);
  }
  return taken;
}

/* One thread, until it waits or is done. */
void take_turn(block *b) {
  thread *t = &b->threads[(size_t)take_ready(b)];
  if (t->is == state::fresh) {
    t->memory = take_stack();
    t->saved = fiber_of(t->memory, run_thread);
    t->is = state::ready;
  }
  now = t;
  emulator_switch(&host, t->saved);
  now = nullptr;
  if (t->is != state::done) return;
  give_stack(t->memory);
  b->left--;
}

/* Nobody can go on: says why. */
void explain(const block &b) {
  const thread *waiting = nullptr, *gone = nullptr;
  for (const thread &t : b.threads) {
    if (t.is == state::done && !gone) gone = &t;
    if ((t.is == state::at_barrier || t.is == state::at_warp) && !waiting) waiting = &t;
  }
  if (!waiting) return;
  const char *what = waiting->is == state::at_barrier ? "the barrier" : waiting->meeting;
  if (gone)
    report("thread %d of block %" PRId64 " has left; thread %d waits for all at %s at %s",
           gone->index, b.number, waiting->index, what, text_of(waiting->at).c_str());
  else
    report("threads of block %" PRId64 " wait for each other: thread %d at %s at %s", b.number,
           waiting->index, what, text_of(waiting->at).c_str());
}

void give_up() {
  for (block &b : alive) {
    if (!b.is_alive) continue;
    for (thread &t : b.threads)
      if (t.is != state::fresh && t.is != state::done) give_stack(t.memory);
    b.is_alive = false;
  }
}

/* The block whose turn it is: any of those with a thread that can run. NULL: none has. */
block *next_block() {
  block *found[BLOCKS_ALIVE];
  uint32_t n = 0;
  for (block &b : alive)
    if (b.is_alive && !b.ready.empty()) found[n++] = &b;
  return n == 0 ? nullptr : found[n == 1 ? 0 : random_below(n)];
}

bool run_blocks() {
  int64_t begun = 0;
  for (;;) {
    bool is_any = false;
    for (int slot = 0; slot < BLOCKS_ALIVE; slot++) {
      block *b = &alive[slot];
      if (b->is_alive && b->left == 0) end_block(b);
      if (!b->is_alive && begun < running->blocks) {
        begin_block(b, slot, is_backwards ? running->blocks - 1 - begun : begun);
        begun++;
      }
      is_any |= b->is_alive;
    }
    if (!is_any) return true;
    block *b = next_block();
    if (!b) {
      for (const block &stuck : alive)
        if (stuck.is_alive) explain(stuck);
      return false;
    }
    while (!b->ready.empty()) {
      take_turn(b);
      if (is_stopped) return false;
      if (random_below(8) == 0) break;
    }
  }
}

}  // namespace

uint32_t random_below(uint32_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)((random_state >> 32) * n >> 32);
}

thread_id id_of(const thread &t) { return {t.of->slot, t.of->number, t.index}; }

void wait_as(state s) {
  thread *t = now;
  t->is = s;
  emulator_switch(&t->saved, host);
}

void make_ready(thread *t) {
  t->is = state::ready;
  t->of->ready.push_back(t->index);
}

struct launch_left {};

void leave() {
  if (!now) throw launch_left();
  is_stopped = true;
  wait_as(state::at_barrier);
  std::abort();
}

bool run_launch(const launch &l) {
  running = &l;
  is_failed = is_stopped = false;
  is_watching = is_observed();
  launches++;
  seed_launch();
  observe_launch_begin({l.kernel->name, l.program, l.blocks, l.threads, l.local_given, launches});
  bool is_whole = false;
  try {
    is_whole = run_blocks();
  } catch (const launch_left &) {
    is_failed = true;
  }
  if (!is_whole) give_up();
  check_allocations();
  observe_launch_end();
  running = nullptr;
  return is_whole && !is_failed;
}

/* ---- what a thread is ------------------------------------------------------------------------ */

extern "C" unsigned emulator_thread_index() { return (unsigned)now->index; }
extern "C" unsigned emulator_block_index() { return (unsigned)now->of->number; }
extern "C" unsigned emulator_block_threads() { return (unsigned)running->threads; }
extern "C" unsigned emulator_grid_blocks() { return (unsigned)running->blocks; }

}  // namespace emulator
