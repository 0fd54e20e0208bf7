/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers of x86-64: a switch saves what a called function must keep, and no more. */
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#include "engine.h"

asm(R"(
.text
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch, . - emulator_switch
)");

namespace emulator {
namespace {

/* Untouched pages take no memory. The lowest is never to be touched. */
enum : uint64_t { STACK = 512 << 10, PAGE = 4096 };

std::vector<stack> pool;

}  // namespace

stack take_stack() {
  if (!pool.empty()) {
    stack s = pool.back();
    pool.pop_back();
    return s;
  }
  void *memory = mmap(nullptr, STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, PAGE, PROT_NONE) != 0) {
    std::perror("cuda emulator: no stack for a thread");
    std::abort();
  }
  return {(char *)memory, STACK};
}

void give_stack(stack s) { pool.push_back(s); }

void *fiber_of(const stack &s, void (*function)()) {
  /* As if `function` had been called: above its return address, which it never takes, the stack is
   * aligned to 16 bytes. */
  void **top = (void **)(s.base + s.bytes) - 1;
  top[0] = nullptr;
  top[-1] = (void *)function;
  for (int i = 2; i <= 7; i++) top[-i] = nullptr;
  return top - 7;
}

}  // namespace emulator
