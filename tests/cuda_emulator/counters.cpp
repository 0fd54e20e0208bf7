/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include <algorithm>
#include <cinttypes>
#include <set>

namespace emulator {

constexpr uint32_t warp_lanes = 32, sector_bytes = 32, banks = 32, bank_bytes = 4;

/* ---- a request ------------------------------------------------------------------------------- */

uint32_t sectors_of(const std::vector<lane_access> &request) {
  std::set<uint64_t> sectors;
  for (const lane_access &access : request)
    for (uint64_t s = access.address / sector_bytes;
         s <= (access.address + access.bytes - 1) / sector_bytes; s++)
      sectors.insert(s);
  return (uint32_t)sectors.size();
}

/* Lanes that are served together, of accesses of so many bytes. */
static uint32_t lanes_at_once(const std::vector<lane_access> &request) {
  uint32_t bytes = bank_bytes;
  for (const lane_access &access : request) bytes = std::max(bytes, access.bytes);
  return std::max(1u, warp_lanes * bank_bytes / bytes);
}

/* The most words that one bank has to give to the lanes from `first` on. */
static uint32_t passes_of_lanes(const std::vector<lane_access> &request, uint32_t first,
                                uint32_t count) {
  std::set<uint64_t> words;
  for (const lane_access &access : request)
    for (uint64_t w = access.address / bank_bytes;
         access.lane - first < count && w <= (access.address + access.bytes - 1) / bank_bytes; w++)
      words.insert(w);
  uint32_t of_bank[banks] = {0}, most = 0;
  for (uint64_t word : words) most = std::max(most, ++of_bank[word % banks]);
  return most;
}

uint32_t passes_of(const std::vector<lane_access> &request) {
  uint32_t passes = 0, together = lanes_at_once(request);
  for (uint32_t first = 0; first < warp_lanes; first += together)
    passes += passes_of_lanes(request, first, together);
  return passes;
}

uint32_t least_passes_of(const std::vector<lane_access> &request) {
  std::set<uint32_t> groups;
  uint32_t together = lanes_at_once(request);
  for (const lane_access &access : request) groups.insert(access.lane / together);
  return (uint32_t)groups.size();
}

/* ---- a launch -------------------------------------------------------------------------------- */

void count::add(const count &other) {
  requests += other.requests;
  bytes += other.bytes;
  sectors += other.sectors;
  passes += other.passes;
  least_passes += other.least_passes;
  operations += other.operations;
}

void counters::add(const instruction &at, const std::vector<lane_access> &request) {
  if (request.empty()) return;
  count one;
  one.requests = 1;
  for (const lane_access &access : request) one.bytes += access.bytes;
  if (std::get<1>(at) == global) {
    one.sectors = sectors_of(request);
  } else {
    one.passes = passes_of(request);
    one.least_passes = least_passes_of(request);
  }
  counts_[at].add(one);
}

void counters::access(uint32_t warp, const lane_access &access, memory_kind kind, bool is_write,
                      uintptr_t pc) {
  instruction at = {pc, kind, is_write};
  requests_of_warp &of = requests_[{warp, at}];
  of.done.resize(warp_lanes);
  uint32_t number = of.done[access.lane]++ - of.first;
  if (of.kept.size() <= number) of.kept.resize(number + 1);
  of.kept[number].push_back(access);
  if (number || of.kept[0].size() < warp_lanes) return;
  add(at, of.kept[0]);
  of.kept.pop_front();
  of.first++;
}

void counters::end_warps(uint32_t first, uint32_t count_of_warps) {
  auto from = requests_.lower_bound({first, {0, 0, 0}});
  auto to = requests_.lower_bound({first + count_of_warps, {0, 0, 0}});
  for (auto at = from; at != to; ++at)
    for (const std::vector<lane_access> &request : at->second.kept) add(at->first.at, request);
  requests_.erase(from, to);
}

/* ---- the report ------------------------------------------------------------------------------ */

static void write_line(FILE *to, const std::string &kernel, const std::string &line,
                       const char *what, const count &c) {
  fprintf(to, "{\"kernel\": \"%s\", \"at\": \"%s\", \"what\": \"%s\"", kernel.c_str(), line.c_str(),
          what);
  fprintf(to, ", \"requests\": %" PRIu64 ", \"bytes\": %" PRIu64, c.requests, c.bytes);
  fprintf(to, ", \"sectors\": %" PRIu64, c.sectors);
  fprintf(to, ", \"passes\": %" PRIu64 ", \"least_passes\": %" PRIu64, c.passes, c.least_passes);
  fprintf(to, ", \"operations\": %" PRIu64 "}\n", c.operations);
}

void counters::write(FILE *to, const std::string &kernel, uint64_t blocks, uint32_t threads,
                     const std::function<std::string(uintptr_t)> &line_of) {
  static const char *const words[2][2] = {{"global read", "global write"},
                                          {"shared read", "shared write"}};
  std::map<std::pair<std::string, std::string>, count> lines;
  for (const auto &[at, sums] : counts_) {
    const auto &[pc, kind, is_write] = at;
    const char *what = sums.operations ? "tensor cores" : words[kind][is_write];
    lines[{line_of(pc), what}].add(sums);
  }
  fprintf(to, "{\"kernel\": \"%s\", \"blocks\": %" PRIu64 ", \"threads\": %u}\n", kernel.c_str(),
          blocks, threads);
  for (const auto &[place, sums] : lines)
    write_line(to, kernel, place.first, place.second.c_str(), sums);
  counts_.clear();
}

}  // namespace emulator
