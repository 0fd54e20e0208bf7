/* SPDX-License-Identifier: Apache-2.0 */
/* How kernels run: a fiber per thread, on the thread of the host that launches. Fibers take turns
 * where they wait for others, in an order that follows a seed. Only one launch runs at a time. */
#ifndef SEQMIX_EMULATOR_ENGINE_H
#define SEQMIX_EMULATOR_ENGINE_H

#include <cstdint>
#include <string>
#include <vector>

#include "observer.h"

namespace emulator {

/* ---- fibers ---------------------------------------------------------------------------------- */

/* Stacks come from a pool: one that a thread is done with is the next one's. */
struct stack {
  char *base;
  uint64_t bytes;
};
stack take_stack();
void give_stack(stack s);

/* Saves where it is at `from`, and goes on where `to` was saved. */
extern "C" void emulator_switch(void **from, void *to);
/* What to switch to so that `function` begins on the stack. It must not return. */
void *fiber_of(const stack &s, void (*function)());

/* ---- a launch -------------------------------------------------------------------------------- */

/* As prelude.h has it in every program. */
struct kernel_entry {
  const char *name;
  int threads_most, parameters;
  const uint32_t *bytes;
  void (*call)(void **parameters);
};

struct launch {
  const kernel_entry *kernel;
  const void *program;
  uint64_t program_begin, program_end; /* where its code and data lie */
  int64_t blocks;
  int threads;
  uint64_t local_given, local_most; /* bytes by the launch, and without its saying so */
  void **parameters;
};

/* Runs all of it. False: something was reported. */
bool run_launch(const launch &l);

/* A random number below n, from the seed. */
uint32_t random_below(uint32_t n);

/* ---- blocks and threads ---------------------------------------------------------------------- */

enum class state { fresh, ready, at_barrier, at_warp, done };

/* A line of a kernel. */
struct spot {
  const char *file;
  int line;
};
bool is_same(const spot &a, const spot &b);
std::string text_of(const spot &s);

struct copy {
  uint64_t to, from;
  bool has_landed;
};

/* Where a thread waits is valid while it does. */
struct thread {
  int index;
  struct block *of;
  state is;
  stack memory;
  void *saved;
  bool has_local;
  spot at;
  int sum;             /* of the last barrier's conditions */
  const char *meeting; /* what lanes meet for */
  uint32_t lanes;      /* that it meets */
  void *operand;
  std::vector<copy> copies;     /* since the last commit, and before */
  std::vector<uint64_t> groups; /* how many copies each commit was behind */
};

enum { BARRIERS = 16 };
struct barrier {
  int arrived, expected, kind, sum;
  spot at;
  std::vector<int> who;
};

struct block {
  int slot;
  int64_t number;
  bool is_alive;
  int left; /* threads not done */
  std::vector<thread> threads;
  std::vector<int> ready;
  barrier barriers[BARRIERS];
  char *local; /* kept from block to block */
  uint64_t local_bytes;
  bool has_local;
};

/* The thread that runs; NULL on the host's own stack. */
extern thread *now;
extern const launch *running;
extern bool is_watching; /* this launch is observed: asked once, not at each access */
thread_id id_of(const thread &t);

/* Lets others run until somebody makes the thread ready. */
void wait_as(state s);
void make_ready(thread *t);

/* Lanes of a warp meet; the last one does what is to be done for all, given the threads that are
 * there (NULL for the others). Returns when it is done. `operand` is the lane's own. */
typedef void (*together)(thread **lanes);
void meet(const char *what, uint32_t lanes, void *operand, const spot &at, together function);

/* ---- memory ---------------------------------------------------------------------------------- */

/* No 16 or 32 of these bits are a number, and as an index they lie nowhere. */
enum : uint32_t { POISON = 0x7fffffffu };
void poison(void *memory, uint64_t bytes);

/* Around every piece of memory there are bytes that must keep their value. */
enum { RED_ZONE = 256 };
void set_red_zones(char *memory, uint64_t bytes);
/* If they are touched, `where` is how far behind `memory` the first changed byte is. */
bool are_red_zones_touched(const char *memory, uint64_t bytes, int64_t *where);

/* The block's shared memory. */
void begin_local(block *b);
void end_local(block *b);
region local_region_of(uint64_t address);

/* Device memory. `number` counts allocations; a device's memory is of that device alone. */
struct allocation {
  uint64_t bytes, number;
  int device;
};
char *allocate(uint64_t bytes, int device);
/* False: it is none. */
bool release(uint64_t address);
/* The allocation all those bytes lie in, and where it begins; NULL: none. */
const allocation *allocation_of(uint64_t address, uint64_t bytes, uint64_t *base);
uint64_t bytes_allocated(int device);
/* Reports red zones that a launch has touched. */
void check_allocations();

/* Whether something was reported since the launch began. */
extern bool is_failed;
/* Goes back to the host's stack, for good. */
[[noreturn]] void leave();

/* An access that an instruction makes. */
void tell_access(uint64_t address, uint64_t bytes, bool is_write, access_kind kind, const void *pc);
bool is_observed();

}  // namespace emulator

#endif
