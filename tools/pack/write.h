/* SPDX-License-Identifier: Apache-2.0 */
/* Writes packs (cuda/pack_format.h). */
#ifndef SEQMIX_PACK_WRITE_H
#define SEQMIX_PACK_WRITE_H

#include <stdint.h>

/* A program for an architecture. */
typedef struct pack_item {
  uint32_t capability, suffix; /* as in pack_entry */
  const char *name;
  uint64_t hash; /* of its text */
  void *bytes;
  uint64_t size;
} pack_item;

/* Writes a pack, of items that it puts in order, and only then gives the file its name: zero, with
 * errno, if that fails. `compiler` is 13000 for 13.0. */
int pack_write(const char *path, pack_item *items, uint32_t count, int compiler);

#endif
