/* SPDX-License-Identifier: Apache-2.0 */
/* What a launch's accesses would cost a GPU, by line: requests of warps, the sectors of 32 bytes
 * that they touch in device memory, the passes they take over the 32 banks of shared memory, and
 * the operations of tensor cores.
 *
 * A warp's request is what its threads did at one instruction for the n-th time each, as they would
 * where they do not diverge. */
#ifndef SEQMIX_EMULATOR_COUNTERS_H
#define SEQMIX_EMULATOR_COUNTERS_H

#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace emulator {

/* What one thread of a request accesses. */
struct lane_access {
  uint32_t lane = 0, bytes = 0;
  uint64_t address = 0;
};

/* Sectors of 32 bytes that a request touches. */
uint32_t sectors_of(const std::vector<lane_access> &request);
/* Passes that a request takes over the banks: accesses of 8 bytes are made by half a warp at a
 * time, of 16 by a quarter, and in each pass a bank gives one word of 4 bytes. */
uint32_t passes_of(const std::vector<lane_access> &request);
/* Passes without a conflict. */
uint32_t least_passes_of(const std::vector<lane_access> &request);

/* The sums of an instruction, or of a line. */
struct count {
  uint64_t requests = 0, bytes = 0, sectors = 0, passes = 0, least_passes = 0, operations = 0;
  void add(const count &other);
};

class counters {
 public:
  enum memory_kind { global, shared };
  /* `warp` is a number that no other warp alive has. */
  void access(uint32_t warp, const lane_access &access, memory_kind kind, bool is_write,
              uintptr_t pc);
  void operations(uintptr_t pc, uint64_t count) { counts_[{pc, 0, 0}].operations += count; }
  /* Threads of these warps do nothing more. */
  void end_warps(uint32_t first, uint32_t count);

  /* Writes a line of JSON per line of the kernel, and begins anew. */
  void write(FILE *to, const std::string &kernel, uint64_t blocks, uint32_t threads,
             const std::function<std::string(uintptr_t)> &line_of);

 private:
  /* An instruction's requests that not all 32 threads have had a part in. */
  struct requests_of_warp {
    std::vector<uint32_t> done;                /* of each lane */
    std::deque<std::vector<lane_access>> kept; /* from request `first` on */
    uint32_t first = 0;
  };
  using instruction = std::tuple<uintptr_t, int, int>; /* pc, space, whether it writes */
  struct key {
    uint32_t warp;
    instruction at;
    bool operator<(const key &other) const {
      return std::tie(warp, at) < std::tie(other.warp, other.at);
    }
  };
  void add(const instruction &at, const std::vector<lane_access> &request);

  std::map<key, requests_of_warp> requests_;
  std::map<instruction, count> counts_;
};

}  // namespace emulator

#endif
