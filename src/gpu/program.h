/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: kernel texts compiled with constants, each once per context, and kept on disk for later
 * processes. */
#ifndef SEQMIX_GPU_PROGRAM_H
#define SEQMIX_GPU_PROGRAM_H

#include "gpu/device.h"

enum { GPU_CONSTANTS_MOST = 16, GPU_PROGRAM_NAME = 400 };

typedef struct gpu_constant {
  const char *name;
  int32_t value;
} gpu_constant;

/** What makes a program: a text of kernels/ and the macros it is compiled with. */
typedef struct gpu_special {
  const char *text;
  gpu_constant constants[GPU_CONSTANTS_MOST]; /* up to the first without a name */
} gpu_special;

/** A context's programs; all zero at the start. */
typedef struct gpu_programs {
  struct gpu_program_row *rows;
  int32_t count, room;
} gpu_programs;

struct gpu_context;

/** The kernel `name` of a program: from memory, from a pack, from disk, or compiled now. */
seqmix_status seqmix_gpu_kernel(struct gpu_context *context, const gpu_special *special,
                                const char *name, gpu_kernel **kernel);

/** "scan/scan KIND=1 LANES=16": what programs differ by, and people read. */
void seqmix_gpu_name_program(const gpu_special *special, char name[GPU_PROGRAM_NAME]);

/** Seconds that the compiler took for a program of the context; 0: it was there already. */
double seqmix_gpu_compile_seconds(const struct gpu_context *context, const char *name);

/** Keeps on disk what was compiled here. Best when it has been launched: some drivers compile to
 * the end only then. */
void seqmix_gpu_keep_programs(struct gpu_context *context);

void seqmix_gpu_release_programs(struct gpu_context *context);

#endif
