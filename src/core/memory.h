/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory: every allocation of the library goes through here. */
#ifndef SEQMIX_CORE_MEMORY_H
#define SEQMIX_CORE_MEMORY_H

#include <stdint.h>

/** Alignment of everything given out: a cache line, and the widest vector there is. */
#define SEQMIX_ALIGNMENT 64

/** `bytes` rounded up to the alignment; UINT64_MAX if that does not fit. */
uint64_t seqmix_memory_round(uint64_t bytes);

/** `bytes` of memory (at least one), or NULL. */
void *seqmix_memory_allocate(uint64_t bytes);

/** The same, filled with zeros. */
void *seqmix_memory_allocate_zeroed(uint64_t bytes);

void seqmix_memory_free(void *memory);

#endif
