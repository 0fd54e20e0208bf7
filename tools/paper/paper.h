/* SPDX-License-Identifier: Apache-2.0 */
/* GPUs on paper: contexts on devices that are not here. Calls are planned for the device as they
 * would be, buffers hold nothing and kernels do nothing; a trace (gpu/trace.h) has what would have
 * been launched. */
#ifndef SEQMIX_PAPER_H
#define SEQMIX_PAPER_H

#include <seqmix/backend.h>
#include <seqmix/seqmix.h>

#include "gpu/device.h"

enum { PAPER_DEVICES = 32 };

/* A context on a device of these properties, which are in memory that was all zero before, with the
 * variants of `backend` and its driver's texts. The device stays on paper. UNSUPPORTED if there are
 * too many. */
seqmix_status paper_open(const seqmix_backend *backend, const gpu_text *texts,
                         const seqmix_device_properties *properties, seqmix_context **context);

/* An address for so many bytes, apart from all others, that nobody follows. */
void *paper_memory(uint64_t bytes);

#endif
