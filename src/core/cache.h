/* SPDX-License-Identifier: Apache-2.0 */
/* Files that spare a later process what this one has computed: compiled kernels.
 *
 * They lie in $SEQMIX_CACHE_DIR, else in $XDG_CACHE_HOME/seqmix, else in ~/.cache/seqmix; an empty
 * SEQMIX_CACHE_DIR means that nothing is kept. Only files of this user in a folder that nobody else
 * may write to are read. Whatever is wrong with them costs a log line and is no error: there is
 * just no entry then. Processes may read and write one entry at the same time. */
#ifndef SEQMIX_CORE_CACHE_H
#define SEQMIX_CORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

/** The bytes kept under `key`, to be freed with seqmix_memory_free(), or NULL. */
void *seqmix_cache_get(const char *key, uint64_t *size);

/** Keeps bytes under `key`, instead of others that may be there. */
void seqmix_cache_put(const char *key, const void *bytes, uint64_t size);

/** Says where entries are kept, or why they are not: "in" and the folder. */
void seqmix_cache_tell(char *text, size_t size);

#endif
