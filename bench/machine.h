/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine is, for protocols and reports. */
#ifndef SEQMIX_BENCH_MACHINE_H
#define SEQMIX_BENCH_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the last-level caches of all processors this process may use, together. */
uint64_t machine_cache_bytes(void);

/* Memory of the machine; 0 if unknown. */
uint64_t machine_memory_bytes(void);

/* The processor's name as the kernel tells it, or "unknown". */
void machine_model(char *text, size_t room);

/* Processes that have wanted to run in the last minute, on average; 0 if unknown. */
double machine_load(void);

/* "gcc 12.2.0" */
const char *machine_compiler(void);

#endif
