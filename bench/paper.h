/* SPDX-License-Identifier: Apache-2.0 */
/* GPUs on paper (tools/paper), and what they would launch; in a build without GPUs nothing. */
#ifndef SEQMIX_BENCH_PAPER_H
#define SEQMIX_BENCH_PAPER_H

#include <seqmix/backend.h>
#include <seqmix/seqmix.h>

#include "gpu/trace.h"

/* A context on a device of these properties, which are in memory that was all zero before. The
 * device stays on paper. NULL and a sentence in `error` (BENCH_TEXT characters) if this build plans
 * for no GPUs, or there are too many. */
seqmix_context *gpu_on_paper(const seqmix_device_properties *properties, char *error);

/* Local memory of a kernel's work-group, by the constants in the name of its program; on a device
 * that is here, its driver says the same. */
uint64_t paper_local_bytes(const char *kernel, const char *program);

/* As seqmix_gpu_trace(), in any build. */
int kernels_trace(const seqmix_context *context, gpu_trace *trace);

#endif
