/* SPDX-License-Identifier: Apache-2.0 */
/* Programs compiled ahead, from packs (pack_format.h): those of SEQMIX_CUDA_PACK, a list separated
 * by colons that set-uid programs ignore, then those of the folder the library was configured with.
 *
 * Whatever is wrong with a pack, or with a program in it, costs a warning and is no error: it is as
 * if it were not there. */
#ifndef SEQMIX_CUDA_PACK_H
#define SEQMIX_CUDA_PACK_H

#include <stddef.h>

#include "cuda/pack_format.h"

/** An open pack; its table has been checked. */
typedef struct cuda_pack {
  pack_header header;
  pack_entry *entries;
  char *names;
  char *path;
  int file;
} cuda_pack;

/** Opens a pack; zero, and a sentence in `defect`, if it is none. */
int seqmix_cuda_pack_open(cuda_pack *pack, const char *path, char *defect, size_t size);
void seqmix_cuda_pack_close(cuda_pack *pack);

/** The program of an entry, to be freed with seqmix_memory_free(); NULL if it is damaged. */
void *seqmix_cuda_pack_read(const cuda_pack *pack, const pack_entry *entry);

/** The packs of this process's environment that a driver of the CUDA version (13000 for 13.0) can
 * use; never NULL unless memory is short. */
typedef struct cuda_packs cuda_packs;
cuda_packs *seqmix_cuda_packs_open(int32_t driver_version);
void seqmix_cuda_packs_close(cuda_packs *all);

/**
 * The program `name` of a text with that hash, for a device of the architecture (90 for 9.0): code
 * for that very architecture first, else for an earlier one that it runs. NULL if there is none.
 * It is the packs' until they are asked again or closed.
 */
const void *seqmix_cuda_packs_find(cuda_packs *all, int32_t architecture, const char *name,
                                   uint64_t hash, uint64_t *size);

/** A line about each pack, and about each that is left out, for people. */
void seqmix_cuda_packs_tell(const cuda_packs *all, char *text, size_t size);

#endif
