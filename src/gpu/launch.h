/* SPDX-License-Identifier: Apache-2.0 */
/* Starting kernels: arguments in the order of a kernel's parameters, the faults first. */
#ifndef SEQMIX_GPU_LAUNCH_H
#define SEQMIX_GPU_LAUNCH_H

#include "gpu/context.h"

enum { GPU_ARGUMENTS_MOST = 32 };

/** What is passed must live until the kernel is launched. */
typedef struct gpu_arguments {
  gpu_argument each[GPU_ARGUMENTS_MOST];
  int32_t count;
} gpu_arguments;

/** Memory, by the address of its handle, which may be NULL. */
void seqmix_gpu_pass_memory(gpu_arguments *arguments, void *const *handle);
void seqmix_gpu_pass_view(gpu_arguments *arguments, const seqmix_view *view);
void seqmix_gpu_pass_index(gpu_arguments *arguments, const seqmix_index_view *view);

/** A number or a struct, by value. */
void seqmix_gpu_pass_value(gpu_arguments *arguments, const void *value, uint64_t bytes);

/** Begins a list: kernels' first parameter is where faults go. */
gpu_arguments seqmix_gpu_arguments(const gpu_context *context);

/**
 * Starts a kernel of a program on `count` work-items in groups of `items`, the ITEMS its program
 * was compiled with. Nothing happens if there are none. With the constant LOCAL_BYTES, groups have
 * that much local memory.
 */
seqmix_status seqmix_gpu_launch(gpu_context *context, const gpu_special *special,
                                const char *kernel, int64_t count, int32_t items,
                                const gpu_arguments *arguments);

#endif
