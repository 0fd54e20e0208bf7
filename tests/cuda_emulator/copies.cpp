/* SPDX-License-Identifier: Apache-2.0 */
/* cp.async: a copy lands at once, or only where its thread waits for it, whichever the seed says.
 * Until then its place holds no numbers, so that who does not wait sees that. */
#include <cinttypes>
#include <cstring>

#include "engine.h"

namespace emulator {
namespace {

enum { COPY = 16 };

void land(const copy &c) {
  if (!c.has_landed) {
    if (c.from)
      std::memcpy((void *)c.to, (const void *)c.from, COPY);
    else
      std::memset((void *)c.to, 0, COPY);
  }
  if (is_observed()) observe_copy_landed(id_of(*now), c.to, c.from, COPY);
}

void check(uint64_t address, place wanted, const void *pc) {
  const region r = region_of(address);
  if (address % COPY != 0)
    stop("thread %d of block %" PRId64 " copies what is not aligned to 16 bytes at %s", now->index,
         now->of->number, line_of(pc).c_str());
  if (r.where != wanted || address + COPY > r.base + r.bytes)
    stop("thread %d of block %" PRId64 " copies %s at %s", now->index, now->of->number,
         wanted == place::local ? "to what is not shared memory" : "from out of bounds",
         line_of(pc).c_str());
}

}  // namespace

extern "C" void start_copy_16(void *to, const void *from, int is_wanted) {
  const void *pc = __builtin_return_address(0);
  copy c = {(uint64_t)to, is_wanted ? (uint64_t)from : 0, false};
  check(c.to, place::local, pc);
  if (is_wanted) check(c.from, place::device, pc);
  if (is_observed()) observe_copy_started(id_of(*now), c.to, c.from, COPY, pc);
  poison(to, COPY);
  if (random_below(2) == 0) {
    if (is_wanted)
      std::memcpy(to, from, COPY);
    else
      std::memset(to, 0, COPY);
    c.has_landed = true;
  }
  now->copies.push_back(c);
}

extern "C" void commit_copies(void) { now->groups.push_back(now->copies.size()); }

extern "C" void wait_for_copies(int groups) {
  thread *t = now;
  if ((int)t->groups.size() <= groups) return;
  const size_t done = t->groups.size() - (size_t)groups, copies = t->groups[done - 1];
  for (size_t i = 0; i < copies; i++) land(t->copies[i]);
  t->copies.erase(t->copies.begin(), t->copies.begin() + (std::ptrdiff_t)copies);
  t->groups.erase(t->groups.begin(), t->groups.begin() + (std::ptrdiff_t)done);
  for (uint64_t &behind : t->groups) behind -= copies;
}

}  // namespace emulator
