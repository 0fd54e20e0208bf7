/* SPDX-License-Identifier: Apache-2.0 */
/* What tests on the stand-in driver share: a small call with all around it, and children. */
#ifndef SEQMIX_TESTS_CUDA_SESSION_H
#define SEQMIX_TESTS_CUDA_SESSION_H

#include <seqmix/seqmix.h>

#include "cuda/fake.h"
#include "frame/child.h"

/** A call of linear_recurrence on buffers of the context. */
typedef struct cuda_call {
  void *memory[3];
  seqmix_tensor tensors[3];
  seqmix_linear_recurrence_args args;
} cuda_call;
seqmix_status cuda_call_begin(seqmix_context *context, cuda_call *call);
void cuda_call_end(seqmix_context *context, cuda_call *call);

/** Buffers, an upload, a call, a wait and a download; the first status that is not OK. */
seqmix_status cuda_session(seqmix_context *context);

/** What the stand-in has counted. */
fake_counts cuda_counts(void);
/** Whether nothing of it is left but what was there, and no context of the thread's. */
int cuda_nothing_left(void);
/** A function of the stand-in, by its name. */
void *cuda_fake_function(const char *name);

/** Runs function(copy of text) in a child with FAKE_CUDA set to it, which must return 0; what the
 * child wrote. */
const char *cuda_in_child(int (*function)(void *), const char *environment);

/** Has this process and its children work with the stand-ins alone. */
void cuda_use_fakes(void);

#endif
