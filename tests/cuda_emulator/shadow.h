/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each byte of a memory: who wrote and read it last, and whether anybody did.
 *
 * Two accesses of one byte are a race if they are by different threads, one of them writes, not
 * both are atomic, and nothing put them in order. Within a block a barrier puts them in order that
 * both threads took part in; between the blocks of a launch nothing does.
 *
 * Of plain writes the last one is kept: an earlier one that it raced with has been told of. Of
 * reads and of atomics two are kept that nothing put in order, of different blocks rather than of
 * different warps, of those rather than of one warp: whoever writes later, without a barrier, is
 * not in order with one of the two. That is exact where barriers are those of the block and of
 * whole warps; a barrier of some warps may hide one of three readers. */
#ifndef SEQMIX_EMULATOR_SHADOW_H
#define SEQMIX_EMULATOR_SHADOW_H

#include <cstdint>
#include <memory>
#include <vector>

#include "observer.h"

namespace emulator {

/* ---- order ----------------------------------------------------------------------------------- */

/* When a thread did something. Epochs are numbered through a process and belong to a block, which
 * enters a new one with each barrier. `time` is the thread's own within its block; it goes on when
 * it meets some of the others. */
struct moment {
  uint32_t epoch = 0; /* 0: never */
  uint32_t time = 0;
  int32_t block = 0; /* as in the grid, which is that small here */
  int32_t thread = 0;
  const void *pc = nullptr;
};

/* What the threads of a block know of each other's moments. */
class thread_order {
 public:
  void begin(int64_t block, int threads, uint32_t epoch);
  /* All threads have met, or these. */
  void meet_all(uint32_t epoch) { epoch_ = epoch; }
  void meet(const std::vector<int> &threads);

  moment now(int thread, const void *pc) const {
    const uint32_t time = times_.empty() ? 1 : times_[place(thread, thread)];
    return {epoch_, time, block_, thread, pc};
  }
  /* Whether a moment of this launch is before what the thread does now. */
  bool is_before(const moment &earlier, int thread) const {
    if (earlier.block != block_) return false;
    if (earlier.thread == thread || earlier.epoch != epoch_) return true;
    return !times_.empty() && times_[place(thread, earlier.thread)] > earlier.time;
  }

 private:
  size_t place(int thread, int other) const { return (size_t)thread * threads_ + (size_t)other; }

  int32_t block_ = 0;
  size_t threads_ = 0;
  uint32_t epoch_ = 0;
  /* [thread, other]: what the other did before this time is known to the thread. Empty until some
   * threads meet. */
  std::vector<uint32_t> times_;
};

/* Who looks at a memory. Moments before epoch `oldest` are over for all. */
struct viewer {
  const thread_order &order;
  moment now;
  uint32_t oldest;

  bool is_after(const moment &m) const {
    return m.epoch < oldest || order.is_before(m, now.thread);
  }
};

/* ---- memory ---------------------------------------------------------------------------------- */

enum class touch { read, write, atomic };

/* What an access is at odds with. */
struct conflict {
  enum class kind { none, race, never_written, under_way };
  kind what = kind::none;
  touch earlier = touch::read;
  moment other;
  uint64_t offset = 0; /* of the byte, in the memory */
};

/* One memory: an allocation, or the shared memory of a block. */
class shadow {
 public:
  explicit shadow(uint64_t bytes) : bytes_(bytes), is_written_(bytes), pages_(bytes / PAGE + 1) {}
  uint64_t bytes() const { return bytes_; }

  /* An access of bytes that lie within; returns the first thing that is wrong with it. */
  conflict access(const viewer &by, touch how, uint64_t offset, uint64_t bytes);
  /* A copy that writes here. It is under way until it has ended. */
  conflict start_copy(const viewer &by, uint64_t offset, uint64_t bytes);
  conflict end_copy(const viewer &by, uint64_t offset, uint64_t bytes);
  /* Where a copy was started that is under way there. */
  const void *start_of_copy(uint64_t offset);
  /* The host wrote. */
  void set_written(uint64_t offset, uint64_t bytes);
  /* Another block has it, and finds nothing there. */
  void forget() { is_written_.assign(bytes_, false); }

 private:
  enum { WORD = 4, PAGE = 1024 };

  /* Two moments that nothing put in order. */
  struct pair {
    moment first, second;
    void keep(const viewer &by);
    const moment *against(const viewer &by) const;
  };
  struct cell {
    moment write, copy;
    pair reads, atomics;
    conflict find(const viewer &by, touch how) const;
    void keep(const viewer &by, touch how);
  };
  /* Bytes are told apart from where on accesses tell them apart. */
  struct word {
    cell whole;
    std::unique_ptr<cell[]> parts;
  };

  word &word_at(uint64_t offset);
  /* Calls `visit(cell, offset)` for the cells of the bytes. */
  template <typename function>
  void for_cells(uint64_t offset, uint64_t bytes, function visit);

  uint64_t bytes_;
  std::vector<bool> is_written_;
  std::vector<std::unique_ptr<word[]>> pages_;
};

}  // namespace emulator

#endif
