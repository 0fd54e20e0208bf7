/* SPDX-License-Identifier: Apache-2.0 */
/* The least an observer does: accesses lie in memory that is there, and are aligned. */
#include "observer.h"

#include <cinttypes>

namespace emulator {

void observe_allocated(uint64_t, uint64_t, uint64_t) {}
void observe_freed(uint64_t, uint64_t) {}
void observe_host_write(uint64_t, uint64_t) {}
void observe_launch_begin(const launch_facts &) {}
void observe_block_begin(int, int64_t, int) {}
void observe_local_memory(int, uint64_t, uint64_t) {}
void observe_block_end(int) {}
void observe_launch_end() {}
void observe_barrier(int, const uint64_t *, int) {}
void observe_warp_sync(int, int, uint32_t) {}
void observe_copy_started(const thread_id &, uint64_t, uint64_t, uint64_t, const void *) {}
void observe_copy_landed(const thread_id &, uint64_t, uint64_t, uint64_t) {}
void observe_product(int, int, uint64_t, const void *) {}

void observe_access(const thread_id &who, const access &what) {
  const region r = region_of(what.address);
  const uint64_t end = what.address + what.bytes;
  const bool is_own = r.where != place::local || (int)r.number == who.slot;
  if (r.where != place::none && is_own && end <= r.base + r.bytes) return;
  stop("thread %d of block %" PRId64 " %s %" PRIu64 " bytes out of bounds at %s", who.thread,
       who.block, what.is_write ? "writes" : "reads", what.bytes, line_of(what.pc).c_str());
}

}  // namespace emulator
