/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what a launch does: accesses lie in memory that is there, what they read was written, and
 * no two of them are a race. With EMULATOR_COUNTERS=FILE it counts, too. */
#include "observer.h"

#include <cinttypes>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "counters.h"
#include "shadow.h"

namespace emulator {
namespace {

/* What is told of a launch at most. */
enum { REPORTS = 5 };

struct memory {
  uint64_t base = 0, number = 0;
  std::unique_ptr<shadow> seen;

  bool holds(uint64_t address, uint64_t bytes) const {
    return seen && address >= base && address - base + bytes <= seen->bytes();
  }
};

struct alive_block {
  thread_order order;
  uint32_t first_epoch = 0;
  int threads = 0;
  memory local;
};

std::map<uint64_t, memory> allocations; /* by their base */
alive_block blocks[BLOCKS_ALIVE];
uint32_t epoch, first_epoch_of_launch;
launch_facts running_launch;
std::string kernel;
std::set<std::pair<const void *, const void *>> told;
counters counts;

/* NULL: nothing is counted. */
FILE *counters_file() {
  static const char *const name = std::getenv("EMULATOR_COUNTERS");
  static FILE *const file = name && *name ? std::fopen(name, "a") : nullptr;
  return file;
}

memory *allocation_at(uint64_t address, uint64_t bytes) {
  auto found = allocations.upper_bound(address);
  if (found == allocations.begin()) return nullptr;
  memory *m = &std::prev(found)->second;
  return m->holds(address, bytes) ? m : nullptr;
}

memory *memory_at(const thread_id &who, uint64_t address, uint64_t bytes) {
  memory *local = &blocks[who.slot].local;
  return local->holds(address, bytes) ? local : allocation_at(address, bytes);
}

bool is_local(const memory &m, const thread_id &who) { return &m == &blocks[who.slot].local; }

viewer viewer_of(const thread_id &who, const memory &m, const void *pc) {
  const alive_block &b = blocks[who.slot];
  return {b.order, b.order.now(who.thread, pc),
          is_local(m, who) ? b.first_epoch : first_epoch_of_launch};
}

/* ---- words ----------------------------------------------------------------------------------- */

std::string place_of(const memory &m, const thread_id &who, uint64_t offset) {
  char text[64];
  if (is_local(m, who))
    std::snprintf(text, sizeof(text), "shared +0x%" PRIx64, offset);
  else
    std::snprintf(text, sizeof(text), "allocation %" PRIu64 " +0x%" PRIx64, m.number, offset);
  return text;
}

/* Each pair of instructions is told of once, and not all of them. */
bool is_to_be_told(const void *pc, const void *other) {
  return (int)told.size() < REPORTS && told.insert({pc, other}).second;
}

/* What the thread does, and where. */
void tell(const conflict &c, const thread_id &who, touch how, const memory &m, const void *pc) {
  static const char *const does[] = {"reads", "writes", "changes"};
  if (c.what == conflict::kind::none || !is_to_be_told(pc, c.other.pc)) return;
  const std::string place = place_of(m, who, c.offset), line = line_of(pc);
  const char *const act = does[(int)how];
  if (c.what == conflict::kind::never_written) {
    report("thread %d of block %" PRId64 " %s %s at %s, where nothing was written", who.thread,
           who.block, act, place.c_str(), line.c_str());
    return;
  }
  const std::string other = line_of(c.other.pc);
  if (c.what == conflict::kind::under_way)
    report("thread %d of block %" PRId64 " %s %s at %s, where a copy by thread %d of block %" PRId32
           " is under way from %s",
           who.thread, who.block, act, place.c_str(), line.c_str(), c.other.thread, c.other.block,
           other.c_str());
  else
    report("race: thread %d of block %" PRId64 " %s %s at %s, and thread %d of block %" PRId32
           " %s it at %s",
           who.thread, who.block, act, place.c_str(), line.c_str(), c.other.thread, c.other.block,
           does[(int)c.earlier], other.c_str());
}

/* ---- accesses -------------------------------------------------------------------------------- */

void judge(const thread_id &who, memory *m, touch how, uint64_t address, uint64_t bytes,
           const void *pc) {
  tell(m->seen->access(viewer_of(who, *m, pc), how, address - m->base, bytes), who, how, *m, pc);
}

void add_to_counts(const thread_id &who, const memory &m, uint64_t address, uint64_t bytes,
                   bool is_write, const void *pc) {
  if (!counters_file()) return;
  const bool is_shared = is_local(m, who);
  const lane_access one = {(uint32_t)(who.thread % WARP), (uint32_t)bytes,
                           is_shared ? address - m.base : address};
  counts.access((uint32_t)(who.slot * 32 + who.thread / WARP), one,
                is_shared ? counters::shared : counters::global, is_write, (uintptr_t)pc);
}

/* What is neither the block's shared memory nor an allocation: constants of the program. */
void check_elsewhere(const thread_id &who, const access &what) {
  const region r = region_of(what.address);
  if (r.where == place::program && what.address + what.bytes <= r.base + r.bytes) return;
  stop("thread %d of block %" PRId64 " %s %" PRIu64 " bytes out of bounds at %s", who.thread,
       who.block, what.is_write ? "writes" : "reads", what.bytes, line_of(what.pc).c_str());
}

}  // namespace

void observe_access(const thread_id &who, const access &what) {
  memory *m = memory_at(who, what.address, what.bytes);
  if (!m) {
    check_elsewhere(who, what);
    return;
  }
  const touch how = what.kind == access_kind::atomic ? touch::atomic
                    : what.is_write                  ? touch::write
                                                     : touch::read;
  judge(who, m, how, what.address, what.bytes, what.pc);
  add_to_counts(who, *m, what.address, what.bytes, what.is_write, what.pc);
}

void observe_copy_started(const thread_id &who, uint64_t to, uint64_t from, uint64_t bytes,
                          const void *pc) {
  memory *target = memory_at(who, to, bytes),
         *source = from ? memory_at(who, from, bytes) : nullptr;
  if (source) {
    judge(who, source, touch::read, from, bytes, pc);
    add_to_counts(who, *source, from, bytes, false, pc);
  }
  if (!target) return;
  const conflict c =
      target->seen->start_copy(viewer_of(who, *target, pc), to - target->base, bytes);
  tell(c, who, touch::write, *target, pc);
  add_to_counts(who, *target, to, bytes, true, pc);
}

/* It read until now, and wrote. */
void observe_copy_landed(const thread_id &who, uint64_t to, uint64_t from, uint64_t bytes) {
  memory *target = memory_at(who, to, bytes),
         *source = from ? memory_at(who, from, bytes) : nullptr;
  if (!target) return;
  const void *pc = target->seen->start_of_copy(to - target->base);
  if (source) judge(who, source, touch::read, from, bytes, pc);
  const conflict c = target->seen->end_copy(viewer_of(who, *target, pc), to - target->base, bytes);
  tell(c, who, touch::write, *target, pc);
}

void observe_product(int, int, uint64_t flops, const void *pc) {
  if (counters_file()) counts.operations((uintptr_t)pc, flops);
}

/* ---- memory ---------------------------------------------------------------------------------- */

void observe_allocated(uint64_t address, uint64_t bytes, uint64_t number) {
  allocations[address] = {address, number, std::make_unique<shadow>(bytes)};
}

void observe_freed(uint64_t address, uint64_t) { allocations.erase(address); }

void observe_host_write(uint64_t address, uint64_t bytes) {
  if (memory *m = allocation_at(address, bytes)) m->seen->set_written(address - m->base, bytes);
}

void observe_local_memory(int slot, uint64_t address, uint64_t bytes) {
  memory *local = &blocks[slot].local;
  if (!local->seen || local->seen->bytes() != bytes) local->seen = std::make_unique<shadow>(bytes);
  local->seen->forget();
  local->base = address;
}

/* ---- what orders ----------------------------------------------------------------------------- */

void observe_launch_begin(const launch_facts &launch) {
  running_launch = launch;
  kernel = launch.kernel;
  first_epoch_of_launch = ++epoch;
  told.clear();
}

void observe_block_begin(int slot, int64_t block, int threads) {
  alive_block *b = &blocks[slot];
  b->first_epoch = ++epoch;
  b->threads = threads;
  b->order.begin(block, threads, epoch);
  b->local.base = 0;
}

void observe_barrier(int slot, const uint64_t *threads, int count) {
  alive_block *b = &blocks[slot];
  if (count == b->threads) {
    b->order.meet_all(++epoch);
    return;
  }
  std::vector<int> met;
  for (int t = 0; t < b->threads; t++)
    if (threads[t / 64] >> t % 64 & 1) met.push_back(t);
  b->order.meet(met);
}

void observe_warp_sync(int slot, int warp, uint32_t lanes) {
  std::vector<int> met;
  for (int i = 0; i < WARP; i++)
    if (lanes >> i & 1) met.push_back(warp * WARP + i);
  blocks[slot].order.meet(met);
}

void observe_block_end(int slot) {
  if (counters_file()) counts.end_warps((uint32_t)slot * 32, 32);
}

void observe_launch_end() {
  FILE *file = counters_file();
  if (!file) return;
  for (int slot = 0; slot < BLOCKS_ALIVE; slot++) observe_block_end(slot);
  counts.write(file, kernel, (uint64_t)running_launch.blocks, (uint32_t)running_launch.threads,
               [](uintptr_t pc) { return line_of((const void *)pc); });
  std::fflush(file);
}

}  // namespace emulator
