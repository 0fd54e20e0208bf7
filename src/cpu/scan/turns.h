/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a sequence that are worked on at once and hand a state from one to the next.
 *
 * Waiting cannot last: tasks are taken in order, so the piece before is done or being worked on. */
#ifndef SEQMIX_CPU_SCAN_TURNS_H
#define SEQMIX_CPU_SCAN_TURNS_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

/** The number of the piece that may go on. */
typedef _Atomic int64_t scan_turn;

/** Returns when it is the piece's turn; what the one before wrote can then be read. */
static inline void scan_wait_for_turn(scan_turn *turn, int64_t piece) {
  /* A piece is done in microseconds: the processor is offered to others only after a while. */
  for (int spins = 0; atomic_load_explicit(turn, memory_order_acquire) != piece;)
    if (spins < 1000)
      spins++;
    else
      sched_yield();
}

/** Lets the next piece go on. */
static inline void scan_pass_turn(scan_turn *turn, int64_t piece) {
  atomic_store_explicit(turn, piece + 1, memory_order_release);
}

#endif
