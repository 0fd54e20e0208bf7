/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of devices and of blocks: of the host, poisoned, between red zones. */
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <map>

#include "engine.h"

namespace emulator {

/* ---- red zones ------------------------------------------------------------------------------- */

namespace {

enum : uint8_t { RED = 0xfa };

/* What is left over behind 4-byte words is poisoned, too. */
int first_changed(const uint8_t *zone) {
  for (int i = 0; i < RED_ZONE; i++)
    if (zone[i] != RED) return i;
  return -1;
}

}  // namespace

void poison(void *memory, uint64_t bytes) {
  const uint32_t pattern = POISON;
  for (uint64_t i = 0; i + 4 <= bytes; i += 4) std::memcpy((char *)memory + i, &pattern, 4);
  if (bytes % 4) std::memcpy((char *)memory + bytes / 4 * 4, &pattern, bytes % 4);
}

void set_red_zones(char *memory, uint64_t bytes) {
  std::memset(memory - RED_ZONE, RED, RED_ZONE);
  std::memset(memory + bytes, RED, RED_ZONE);
}

bool are_red_zones_touched(const char *memory, uint64_t bytes, int64_t *where) {
  const int before = first_changed((const uint8_t *)memory - RED_ZONE);
  const int behind = first_changed((const uint8_t *)memory + bytes);
  *where = before >= 0 ? before - RED_ZONE : (int64_t)bytes + behind;
  return before >= 0 || behind >= 0;
}

/* ---- of devices ------------------------------------------------------------------------------ */

namespace {

std::map<uint64_t, allocation> allocations;
uint64_t numbers;

/* Found last: most accesses are where the one before was. */
uint64_t recent_base;
const allocation *recent;

void report_zone(uint64_t base, const allocation &a) {
  int64_t where;
  if (!are_red_zones_touched((const char *)base, a.bytes, &where)) return;
  report("allocation %" PRIu64 " of %" PRIu64
         " bytes is written out of bounds, at its byte %" PRId64,
         a.number, a.bytes, where);
  set_red_zones((char *)base, a.bytes);
}

}  // namespace

char *allocate(uint64_t bytes, int device) {
  const uint64_t room = (bytes + 2 * RED_ZONE + RED_ZONE - 1) / RED_ZONE * RED_ZONE;
  char *whole = (char *)std::aligned_alloc(RED_ZONE, room);
  if (!whole) return nullptr;
  char *memory = whole + RED_ZONE;
  poison(memory, bytes);
  set_red_zones(memory, bytes);
  allocations[(uint64_t)memory] = {bytes, ++numbers, device};
  observe_allocated((uint64_t)memory, bytes, numbers);
  return memory;
}

bool release(uint64_t address) {
  const auto found = allocations.find(address);
  if (found == allocations.end()) return false;
  report_zone(address, found->second);
  observe_freed(address, found->second.bytes);
  allocations.erase(found);
  recent = nullptr;
  std::free((char *)address - RED_ZONE);
  return true;
}

const allocation *allocation_of(uint64_t address, uint64_t bytes, uint64_t *base) {
  if (!recent || address < recent_base || address - recent_base >= recent->bytes) {
    auto behind = allocations.upper_bound(address);
    if (behind == allocations.begin()) return nullptr;
    --behind;
    if (address - behind->first >= behind->second.bytes) return nullptr;
    recent_base = behind->first;
    recent = &behind->second;
  }
  *base = recent_base;
  return address - recent_base + bytes <= recent->bytes ? recent : nullptr;
}

uint64_t bytes_allocated(int device) {
  uint64_t sum = 0;
  for (const auto &one : allocations)
    if (one.second.device == device) sum += one.second.bytes;
  return sum;
}

void check_allocations() {
  for (const auto &one : allocations) report_zone(one.first, one.second);
}

/* ---- of blocks ------------------------------------------------------------------------------- */

namespace {

enum : uint64_t { LOCAL_ROOM = 256 << 10, LOCAL_ALIGNED = 1024 };
block *blocks_with_local[BLOCKS_ALIVE];

}  // namespace

void begin_local(block *b) {
  if (!b->local) b->local = (char *)std::aligned_alloc(LOCAL_ALIGNED, LOCAL_ROOM) + LOCAL_ALIGNED;
  b->has_local = false;
  b->local_bytes = 0;
  blocks_with_local[b->slot] = b;
}

void end_local(block *b) {
  int64_t where;
  blocks_with_local[b->slot] = nullptr;
  if (b->has_local && are_red_zones_touched(b->local, b->local_bytes, &where))
    report("block %" PRId64 " writes out of its %" PRIu64
           " bytes of shared memory, at byte %" PRId64,
           b->number, b->local_bytes, where);
  b->has_local = false;
}

region local_region_of(uint64_t address) {
  for (const block *b : blocks_with_local) {
    if (!b || !b->has_local) continue;
    const uint64_t base = (uint64_t)b->local;
    if (address >= base && address - base < b->local_bytes)
      return {place::local, base, b->local_bytes, (uint64_t)b->slot};
  }
  return {place::none, 0, 0, 0};
}

extern "C" void *emulator_local_memory(uint64_t bytes, int is_given, const char *file, int line) {
  block *b = now->of;
  const uint64_t most = is_given ? running->local_given : running->local_most;
  if (bytes > most)
    stop("a block takes %" PRIu64 " bytes of shared memory, and %s %" PRIu64 " at %s:%d", bytes,
         is_given ? "the launch gives" : "has", most, file, line);
  if (now->has_local) stop("a thread asks for shared memory once more at %s:%d", file, line);
  if (b->has_local && b->local_bytes != bytes)
    stop("threads ask for %" PRIu64 " and %" PRIu64 " bytes of shared memory at %s:%d",
         b->local_bytes, bytes, file, line);
  now->has_local = true;
  if (!b->has_local) {
    b->has_local = true;
    b->local_bytes = bytes;
    poison(b->local, bytes);
    set_red_zones(b->local, bytes);
    observe_local_memory(b->slot, (uint64_t)b->local, bytes);
  }
  return b->local;
}

}  // namespace emulator
