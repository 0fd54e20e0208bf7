/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

uint64_t seqmix_memory_round(uint64_t bytes) {
  if (bytes > UINT64_MAX - (SEQMIX_ALIGNMENT - 1)) return UINT64_MAX;
  return (bytes + SEQMIX_ALIGNMENT - 1) / SEQMIX_ALIGNMENT * SEQMIX_ALIGNMENT;
}

void *seqmix_memory_allocate(uint64_t bytes) {
  uint64_t rounded = seqmix_memory_round(bytes ? bytes : 1);
  /* Beyond half the address space no allocator can succeed, and sanitizers would abort. */
  if (rounded > INT64_MAX || rounded > SIZE_MAX / 2) return NULL;
  return aligned_alloc(SEQMIX_ALIGNMENT, (size_t)rounded);
}

void *seqmix_memory_allocate_zeroed(uint64_t bytes) {
  void *memory = seqmix_memory_allocate(bytes);
  if (memory) memset(memory, 0, (size_t)bytes);
  return memory;
}

void seqmix_memory_free(void *memory) { free(memory); }
