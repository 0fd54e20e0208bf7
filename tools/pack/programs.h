/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that CUDA devices would compile for common calls (common.h), without the devices. */
#ifndef SEQMIX_PACK_PROGRAMS_H
#define SEQMIX_PACK_PROGRAMS_H

#include <seqmix/backend.h>

#include "gpu/program.h"

/* What kernels are compiled for, and what plans look at of its devices. */
typedef struct pack_architecture {
  const char *name; /* as the compiler says it: "sm_90a" */
  int32_t capability;
  uint64_t local_bytes_most;
} pack_architecture;

enum { PACK_ARCHITECTURES = 7 };
extern const pack_architecture pack_architectures[PACK_ARCHITECTURES];

/* A device of the architecture, in memory that may hold anything. */
void pack_describe(const pack_architecture *architecture, int32_t compute_units,
                   seqmix_device_properties *properties);

typedef struct pack_program {
  char name[GPU_PROGRAM_NAME]; /* its text and constants */
  const gpu_text *text;
  uint64_t local_bytes; /* that launches give its groups, at most */
} pack_program;

enum { PACK_VARIANTS = 64 };

/* All zero at the start; ordered by name. */
typedef struct pack_programs {
  pack_program *rows;
  int32_t count, room;
  int64_t launches[PACK_VARIANTS]; /* by each variant of the backend */
} pack_programs;

/* Lists what a device of the architecture would compile: whatever it chooses for each common call,
 * and what variants that it never chooses are made of. */
seqmix_status pack_list(const pack_architecture *architecture, pack_programs *all);
void pack_free(pack_programs *all);

/* The constants of a program as lines for the compiler; zero if they are longer than that. */
int pack_write_constants(const pack_program *program, char *lines, uint64_t size);

#endif
