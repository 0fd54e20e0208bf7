/* SPDX-License-Identifier: Apache-2.0 */
/* Packs: files of programs that were compiled ahead (`seqmix pack`).
 *
 *     header | entries, by architecture, name and hash | names, each with its 0 | programs
 *
 * Numbers are those of the machine that wrote it; one that has them the other way around finds the
 * byte order wrong. Programs are what seqmix_cuda_compile_for() gives, each aligned. */
#ifndef SEQMIX_CUDA_PACK_FORMAT_H
#define SEQMIX_CUDA_PACK_FORMAT_H

#include <stdint.h>

/* Rises when packs of older libraries must not be read: also when programs are compiled in another
 * way, which their texts do not tell. */
#define PACK_MAGIC "seqmix pack 01"

enum { PACK_BYTE_ORDER = 0x01020304, PACK_ALIGNMENT = 64 };

/* No pack has more: what says so is none. */
enum { PACK_ENTRIES_MOST = 1 << 16, PACK_NAMES_MOST = 16 << 20, PACK_PROGRAM_MOST = 64 << 20 };

typedef struct pack_header {
  char magic[16];
  uint32_t byte_order;
  uint32_t toolkit_major, toolkit_minor; /* of the compiler */
  uint32_t count;                        /* of entries */
  uint64_t names_bytes;
  uint64_t file_bytes; /* of the whole pack */
  char library[24];    /* version of the library that made it, for people */
  uint64_t checksum;   /* of this header with 0 here, entries and names */
} pack_header;

typedef struct pack_entry {
  uint32_t capability; /* 90 for sm_90 and for sm_90a */
  uint32_t suffix;     /* 'a' of sm_90a, which no later device runs; otherwise 0 */
  uint64_t name;       /* where it begins in the names */
  uint64_t hash;       /* of its text */
  uint64_t at, size;   /* the program: from the pack's beginning, in bytes */
  uint64_t checksum;   /* of the program */
} pack_entry;

#define PACK_CHECKSUM_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a: it is to tell accidents. */
static inline uint64_t pack_checksum(uint64_t value, const void *bytes, uint64_t size) {
  const unsigned char *at = bytes;
  for (uint64_t i = 0; i < size; i++) value = (value ^ at[i]) * UINT64_C(0x100000001b3);
  return value;
}

/* The checksum of a header, its entries and their names. */
static inline uint64_t pack_table_checksum(pack_header header, const pack_entry *entries,
                                           const char *names) {
  header.checksum = 0;
  uint64_t value = pack_checksum(PACK_CHECKSUM_START, &header, sizeof header);
  value = pack_checksum(value, entries, header.count * sizeof *entries);
  return pack_checksum(value, names, header.names_bytes);
}

#endif
