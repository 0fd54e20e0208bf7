/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler calls in programs that are observed: at each access of memory, as it would for
 * ThreadSanitizer, and where an address is not aligned or an index is out of its array's bounds, as
 * it would for UndefinedBehaviorSanitizer (by other names: --wrap). And atomics. */
#include <cinttypes>
#include <cstdlib>
#include <cstring>

#include "engine.h"

namespace emulator {

bool is_observed() {
  const char *wanted = std::getenv("EMULATOR_OBSERVE");
  return wanted && std::strcmp(wanted, "0") != 0;
}

region region_of(uint64_t address) {
  const region local = local_region_of(address);
  if (local.where != place::none) return local;
  uint64_t base;
  const allocation *a = allocation_of(address, 1, &base);
  if (a) return {place::device, base, a->bytes, a->number};
  if (running && address >= running->program_begin && address < running->program_end)
    return {place::program, running->program_begin, running->program_end - running->program_begin,
            0};
  return {place::none, 0, 0, 0};
}

void tell_access(uint64_t address, uint64_t bytes, bool is_write, access_kind kind,
                 const void *pc) {
  /* Of a program that is not observed only instructions would be seen. */
  if (!now || !is_watching) return;
  /* A thread's own. */
  if (address - (uint64_t)now->memory.base < now->memory.bytes) return;
  observe_access(id_of(*now), {address, bytes, is_write, kind, pc});
}

namespace {

void tell_plain(const void *address, uint64_t bytes, bool is_write, const void *pc) {
  tell_access((uint64_t)address, bytes, is_write, access_kind::plain, pc);
}

}  // namespace

/* ---- accesses -------------------------------------------------------------------------------- */

#define HOOKS(bytes)                                              \
  extern "C" void __tsan_read##bytes(const void *at) {            \
    tell_plain(at, bytes, false, __builtin_return_address(0));    \
  }                                                               \
  extern "C" void __tsan_write##bytes(const void *at) {           \
    tell_plain(at, bytes, true, __builtin_return_address(0));     \
  }                                                               \
  extern "C" void __tsan_volatile_read##bytes(const void *at) {   \
    tell_plain(at, bytes, false, __builtin_return_address(0));    \
  }                                                               \
  extern "C" void __tsan_volatile_write##bytes(const void *at) {  \
    tell_plain(at, bytes, true, __builtin_return_address(0));     \
  }                                                               \
  extern "C" void __tsan_unaligned_read##bytes(const void *at) {  \
    tell_plain(at, bytes, false, __builtin_return_address(0));    \
  }                                                               \
  extern "C" void __tsan_unaligned_write##bytes(const void *at) { \
    tell_plain(at, bytes, true, __builtin_return_address(0));     \
  }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
extern "C" void __tsan_read_range(const void *at, unsigned long bytes) {
  tell_plain(at, bytes, false, __builtin_return_address(0));
}
extern "C" void __tsan_write_range(const void *at, unsigned long bytes) {
  tell_plain(at, bytes, true, __builtin_return_address(0));
}
extern "C" void __tsan_init(void) {}
extern "C" void __tsan_func_entry(void *) {}
extern "C" void __tsan_func_exit(void) {}

/* ---- what is undefined ----------------------------------------------------------------------- */

/* The first members of what the compiler tells. */
struct source_place {
  const char *file;
  uint32_t line, column;
};

extern "C" void __wrap___ubsan_handle_type_mismatch_v1(const source_place *at,
                                                       const void *address) {
  if (now)
    stop("thread %d of block %" PRId64 " accesses memory that is not aligned (0x...%03" PRIx64
         ") at %s:%u",
         now->index, now->of->number, (uint64_t)address & 0xfff, at->file, at->line);
}
extern "C" void __wrap___ubsan_handle_out_of_bounds(const source_place *at, uint64_t index) {
  if (now)
    stop("thread %d of block %" PRId64 " takes element %" PRId64
         " out of an array's bounds at %s:%u",
         now->index, now->of->number, (int64_t)index, at->file, at->line);
}

/* ---- atomics --------------------------------------------------------------------------------- */

namespace {

enum { ADD, LARGER, SMALLER, OR, AND, EXCHANGE };

template <typename T>
T bitwise(int operation, T old, T value) {
  return operation == OR ? old | value : old & value;
}
float bitwise(int, float old, float) { return old; }

/* Threads take turns only where they wait, so that plain operations are atomic. */
template <typename T>
T change(int operation, T *at, T value, const void *pc) {
  tell_access((uint64_t)at, sizeof *at, true, access_kind::atomic, pc);
  const T old = *at;
  switch (operation) {
    case ADD: *at = old + value; break;
    case LARGER: *at = old < value ? value : old; break;
    case SMALLER: *at = value < old ? value : old; break;
    case EXCHANGE: *at = value; break;
    default: *at = bitwise(operation, old, value);
  }
  return old;
}

}  // namespace

extern "C" int emulator_atomic_int(int operation, int *at, int value) {
  const void *pc = __builtin_return_address(0);
  if (operation == ADD) return (int)change(ADD, (unsigned *)at, (unsigned)value, pc);
  return change(operation, at, value, pc);
}
extern "C" unsigned emulator_atomic_unsigned(int operation, unsigned *at, unsigned value) {
  return change(operation, at, value, __builtin_return_address(0));
}
extern "C" uint64_t emulator_atomic_long(int operation, uint64_t *at, uint64_t value) {
  return change(operation, at, value, __builtin_return_address(0));
}
extern "C" float emulator_atomic_float(int operation, float *at, float value) {
  return change(operation, at, value, __builtin_return_address(0));
}

extern "C" uint64_t emulator_compare_and_swap(void *at, int bytes, uint64_t expected,
                                              uint64_t value) {
  tell_access((uint64_t)at, (uint64_t)bytes, true, access_kind::atomic,
              __builtin_return_address(0));
  uint64_t old = 0, mask = bytes == 8 ? ~(uint64_t)0 : ((uint64_t)1 << 8 * bytes) - 1;
  std::memcpy(&old, at, (size_t)bytes);
  if (old == (expected & mask)) std::memcpy(at, &value, (size_t)bytes);
  return old;
}

}  // namespace emulator
