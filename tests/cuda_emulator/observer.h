/* SPDX-License-Identifier: Apache-2.0 */
/* What the emulator tells of a launch while it runs, and what an observer may ask and answer.
 *
 * The engine calls observe_*() in the order things happen, on one thread. An observer judges: with
 * report() the launch goes on and fails at its end, with stop() it ends here. Accesses are seen in
 * programs that were compiled to be observed (EMULATOR_OBSERVE=1); all else is told of any. What a
 * thread does with its own stack is not told. */
#ifndef SEQMIX_EMULATOR_OBSERVER_H
#define SEQMIX_EMULATOR_OBSERVER_H

#include <cstdint>
#include <string>

namespace emulator {

/* Blocks that are alive at a time, and the threads of a warp. */
enum { BLOCKS_ALIVE = 2, WARP = 32 };

struct launch_facts {
  const char *kernel;
  const void *program; /* whose code runs: the same for all launches of a loaded module */
  int64_t blocks;      /* of the grid */
  int threads;         /* of a block */
  uint64_t local_bytes;
  uint64_t number; /* of the launch in the process, from 1 */
};

/* A thread of a block that is alive. */
struct thread_id {
  int slot;      /* which of the blocks alive, below BLOCKS_ALIVE */
  int64_t block; /* its number in the grid */
  int thread;    /* its number in the block; its warp is thread / WARP */
};

/* Plain accesses are a program's own loads and stores. Those of a matrix load, `lanes` rows of 16
 * bytes, come one by one, by the thread that gave the address. */
enum class access_kind { plain, atomic, matrix_load };

struct access {
  uint64_t address;
  uint64_t bytes;
  bool is_write; /* an atomic one reads, too */
  access_kind kind;
  const void *pc; /* behind the instruction: for line_of() */
};

/* ---- what the engine calls ------------------------------------------------------------------- */

/* Device memory: `number` counts allocations. What the host copies there is written. */
void observe_allocated(uint64_t address, uint64_t bytes, uint64_t number);
void observe_freed(uint64_t address, uint64_t bytes);
void observe_host_write(uint64_t address, uint64_t bytes);

void observe_launch_begin(const launch_facts &launch);
/* Of every block: at its begin, when its first thread asks for shared memory, and at its end. A
 * launch that stops ends no more blocks. */
void observe_block_begin(int slot, int64_t block, int threads);
void observe_local_memory(int slot, uint64_t address, uint64_t bytes);
void observe_block_end(int slot);
void observe_launch_end();

/* Before the access is made. */
void observe_access(const thread_id &who, const access &what);

/* `count` threads of a block have met at a barrier: all of it, or those of a named one. Bit t % 64
 * of threads[t / 64] is set for each. */
void observe_barrier(int slot, const uint64_t *threads, int count);
/* Lanes of a warp have met, in whatever orders memory among them. */
void observe_warp_sync(int slot, int warp, uint32_t lanes);

/* cp.async: a thread has started to copy (`from` is 0 where it writes zeros), and has waited for
 * it. In between nobody may touch `to`, nor write to `from`. */
void observe_copy_started(const thread_id &who, uint64_t to, uint64_t from, uint64_t bytes,
                          const void *pc);
void observe_copy_landed(const thread_id &who, uint64_t to, uint64_t from, uint64_t bytes);

/* A warp has multiplied: once for all its lanes. */
void observe_product(int slot, int warp, uint64_t flops, const void *pc);

/* ---- what an observer may ask ---------------------------------------------------------------- */

enum class place { none, device, local, program };

/* Where an address lies: in device memory, in the shared memory of a block alive, or in the data
 * of the running program. */
struct region {
  place where;
  uint64_t base, bytes;
  uint64_t number; /* of the allocation; the slot of shared memory */
};
region region_of(uint64_t address);

/* "kernels/scan/scan.c:61", or with the line that an inlined function was called from:
 * "kernels/shared/lane.h:40 from kernels/scan/scan.c:61". Kept: asking again costs nothing. */
std::string line_of(const void *pc);

/* "cuda emulator: kernel NAME: TEXT" goes to stderr, and the launch fails: at its end, or now. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
[[noreturn]] void stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace emulator

#endif
