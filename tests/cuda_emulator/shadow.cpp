/* SPDX-License-Identifier: Apache-2.0 */
#include "shadow.h"

#include <algorithm>

namespace emulator {

/* ---- order ----------------------------------------------------------------------------------- */

void thread_order::begin(int64_t block, int threads, uint32_t epoch) {
  block_ = (int32_t)block;
  threads_ = (size_t)threads;
  epoch_ = epoch;
  times_.clear();
}

void thread_order::meet(const std::vector<int> &threads) {
  if (times_.empty()) {
    times_.resize(threads_ * threads_);
    for (int i = 0; i < (int)threads_; i++) times_[place(i, i)] = 1;
  }
  std::vector<uint32_t> joined(threads_);
  for (int t : threads) {
    times_[place(t, t)]++;
    for (size_t i = 0; i < threads_; i++) joined[i] = std::max(joined[i], times_[place(t, (int)i)]);
  }
  for (int t : threads) std::copy(joined.begin(), joined.end(), &times_[place(t, 0)]);
}

/* ---- bytes that are accessed alike ----------------------------------------------------------- */

const moment *shadow::pair::against(const viewer &by) const {
  if (!by.is_after(first)) return &first;
  return by.is_after(second) ? nullptr : &second;
}

/* Who comes after one that is kept takes its place: what is in order with the later is so with the
 * earlier. */
void shadow::pair::keep(const viewer &by) {
  if (by.is_after(second)) second = moment();
  if (by.is_after(first)) {
    first = by.now;
    return;
  }
  const bool is_apart =
      second.epoch &&
      (first.block != second.block ||
       (first.block == by.now.block && first.thread / WARP != second.thread / WARP));
  if (!is_apart) second = by.now;
}

conflict shadow::cell::find(const viewer &by, touch how) const {
  const auto found = [](conflict::kind what, touch earlier, const moment &other) {
    conflict c;
    c.what = what;
    c.earlier = earlier;
    c.other = other;
    return c;
  };
  if (copy.epoch >= by.oldest) return found(conflict::kind::under_way, touch::write, copy);
  if (!by.is_after(write)) return found(conflict::kind::race, touch::write, write);
  const moment *atomic = how == touch::atomic ? nullptr : atomics.against(by);
  if (atomic) return found(conflict::kind::race, touch::atomic, *atomic);
  const moment *read = how == touch::read ? nullptr : reads.against(by);
  return read ? found(conflict::kind::race, touch::read, *read) : conflict();
}

void shadow::cell::keep(const viewer &by, touch how) {
  if (how == touch::read) reads.keep(by);
  if (how == touch::atomic) atomics.keep(by);
  if (how != touch::write) return;
  write = by.now;
  reads = atomics = pair();
}

/* ---- a memory -------------------------------------------------------------------------------- */

shadow::word &shadow::word_at(uint64_t offset) {
  std::unique_ptr<word[]> &page = pages_[offset / PAGE];
  if (!page) page = std::make_unique<word[]>(PAGE / WORD);
  return page[offset % PAGE / WORD];
}

template <typename function>
void shadow::for_cells(uint64_t offset, uint64_t bytes, function visit) {
  for (const uint64_t end = offset + bytes; offset < end;) {
    word &w = word_at(offset);
    const uint64_t first = offset % WORD, count = std::min(WORD - first, end - offset);
    if (count < WORD && !w.parts) {
      w.parts = std::make_unique<cell[]>(WORD);
      std::fill_n(w.parts.get(), (int)WORD, w.whole);
    }
    if (!w.parts) visit(w.whole, offset);
    for (uint64_t i = 0; w.parts && i < count; i++) visit(w.parts[first + i], offset + i);
    offset += count;
  }
}

conflict shadow::access(const viewer &by, touch how, uint64_t offset, uint64_t bytes) {
  conflict wrong;
  for_cells(offset, bytes, [&](cell &c, uint64_t at) {
    if (wrong.what == conflict::kind::none) {
      wrong = c.find(by, how);
      wrong.offset = at;
    }
    c.keep(by, how);
  });
  if (how == touch::write) set_written(offset, bytes);
  for (uint64_t i = offset; i < offset + bytes && wrong.what == conflict::kind::none; i++) {
    if (is_written_[i]) continue;
    wrong.what = conflict::kind::never_written;
    wrong.offset = i;
  }
  return wrong;
}

/* It may write at any time until its end: now as a write of the thread, and who comes before the
 * end finds it under way. */
conflict shadow::start_copy(const viewer &by, uint64_t offset, uint64_t bytes) {
  const conflict wrong = access(by, touch::write, offset, bytes);
  for_cells(offset, bytes, [&](cell &c, uint64_t) { c.copy = by.now; });
  return wrong;
}

conflict shadow::end_copy(const viewer &by, uint64_t offset, uint64_t bytes) {
  for_cells(offset, bytes, [&](cell &c, uint64_t) { c.copy = moment(); });
  return access(by, touch::write, offset, bytes);
}

const void *shadow::start_of_copy(uint64_t offset) {
  const word &w = word_at(offset);
  return (w.parts ? w.parts[offset % WORD] : w.whole).copy.pc;
}

void shadow::set_written(uint64_t offset, uint64_t bytes) {
  std::fill_n(is_written_.begin() + (std::ptrdiff_t)offset, bytes, true);
}

}  // namespace emulator
