/* SPDX-License-Identifier: Apache-2.0 */
/* What lanes of a warp do together: they meet, and the last one does it for all. */
#include <cinttypes>
#include <cstring>

#include "engine.h"

namespace emulator {
namespace {

/* The threads of the running one's warp that it meets; complains about those that cannot come. */
void find_lanes(thread **lanes, uint32_t wanted, const char *what, const spot &at) {
  block *of = now->of;
  const int first = now->index / WARP * WARP;
  if ((wanted >> now->index % WARP & 1) == 0)
    stop("thread %d is not among the lanes it calls for %s at %s", now->index, what,
         text_of(at).c_str());
  for (int i = 0; i < WARP; i++) {
    lanes[i] = nullptr;
    if ((wanted >> i & 1) == 0) continue;
    const int index = first + i;
    if (index >= running->threads)
      stop("lane %d is missing in block %" PRId64 " for %s at %s: there is no thread %d", i,
           of->number, what, text_of(at).c_str(), index);
    lanes[i] = &of->threads[(size_t)index];
    if (lanes[i]->is == state::done)
      stop("lane %d is missing in block %" PRId64 " for %s at %s: thread %d has left", i,
           of->number, what, text_of(at).c_str(), index);
  }
}

/* Whether all the lanes are there, which must be for the same. */
bool are_there(thread *const *lanes, const char *what, uint32_t wanted, const spot &at) {
  bool is_whole = true;
  for (int i = 0; i < WARP; i++) {
    const thread *t = lanes[i];
    if (!t || t == now) continue;
    if (t->is == state::at_warp &&
        (std::strcmp(t->meeting, what) != 0 || t->lanes != wanted || !is_same(t->at, at)))
      stop(
          "lanes of a warp meet for different things: thread %d for %s of 0x%08x at %s, thread %d "
          "for %s of 0x%08x at %s",
          t->index, t->meeting, t->lanes, text_of(t->at).c_str(), now->index, what, wanted,
          text_of(at).c_str());
    is_whole &= t->is == state::at_warp;
  }
  return is_whole;
}

}  // namespace

void meet(const char *what, uint32_t wanted, void *operand, const spot &at, together function) {
  thread *lanes[WARP];
  find_lanes(lanes, wanted, what, at);
  thread *t = now;
  t->meeting = what;
  t->lanes = wanted;
  t->operand = operand;
  t->at = at;
  if (!are_there(lanes, what, wanted, at)) {
    wait_as(state::at_warp);
    return;
  }
  function(lanes);
  for (thread *lane : lanes)
    if (lane && lane != t) make_ready(lane);
}

namespace {

struct shuffle {
  int kind, by, width;
  uint64_t bits, result;
};

/* The lane a value comes from; the lane itself where there is none. */
int source_of(const shuffle &s, int lane) {
  const int first = lane / s.width * s.width, last = first + s.width - 1;
  int from = lane;
  if (s.kind == 0) from = first + (s.by & (s.width - 1));
  if (s.kind == 1) from = lane - s.by;
  if (s.kind == 2) from = lane + s.by;
  if (s.kind == 3) from = lane ^ s.by;
  const bool is_there = s.kind == 3 ? from <= last : from >= first && from <= last;
  return is_there ? from : lane;
}

void do_shuffle(thread **lanes) {
  for (int i = 0; i < WARP; i++) {
    if (!lanes[i]) continue;
    shuffle *own = (shuffle *)lanes[i]->operand;
    const int from = source_of(*own, i);
    if (from < 0 || from >= WARP || !lanes[from])
      stop("lane %d of block %" PRId64 " shuffles from lane %d, which is missing at %s", i,
           lanes[i]->of->number, from, text_of(lanes[i]->at).c_str());
    own->result = ((shuffle *)lanes[from]->operand)->bits;
  }
}

struct vote {
  uint32_t condition, result;
};

void do_vote(thread **lanes) {
  uint32_t ballot = 0;
  for (int i = 0; i < WARP; i++)
    if (lanes[i] && ((vote *)lanes[i]->operand)->condition) ballot |= 1u << i;
  for (int i = 0; i < WARP; i++)
    if (lanes[i]) ((vote *)lanes[i]->operand)->result = ballot;
}

void do_barrier(thread **lanes) {
  uint32_t there = 0;
  for (int i = 0; i < WARP; i++)
    if (lanes[i]) there |= 1u << i;
  observe_warp_sync(now->of->slot, now->index / WARP, there);
}

}  // namespace

extern "C" uint64_t emulator_shuffle(int kind, unsigned mask, uint64_t bits, int by, int width,
                                     const char *file, int line) {
  if (width < 1 || width > WARP || (width & (width - 1)) != 0)
    stop("a shuffle has width %d at %s:%d", width, file, line);
  shuffle own = {kind, by, width, bits, 0};
  meet("a shuffle", mask, &own, {file, line}, do_shuffle);
  return own.result;
}

extern "C" unsigned emulator_vote(int kind, unsigned mask, int condition, const char *file,
                                  int line) {
  vote own = {condition != 0, 0};
  meet("a vote", mask, &own, {file, line}, do_vote);
  return kind == 0 ? own.result != 0 : kind == 1 ? own.result == mask : own.result;
}

extern "C" void emulator_warp_barrier(unsigned mask, const char *file, int line) {
  meet("a barrier", mask, nullptr, {file, line}, do_barrier);
}

}  // namespace emulator
