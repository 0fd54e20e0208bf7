/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a call on a context and checks all it did to memory; compares its outputs with others.
 *
 * Every storage of the call is copied to the context's device with seqmix_buffer_*, outputs
 * poisoned. Afterwards all come back, and the harness looks for output elements still poisoned,
 * for bytes changed in guards and in the gaps between strided elements, and for changed inputs.
 * A call that fails must have left every byte alone.
 *
 * An output may lie where an input does: it is updated in place and begins with what is there.
 * Two outputs may not share a storage. */
#ifndef SEQMIX_VERIFY_HARNESS_H
#define SEQMIX_VERIFY_HARNESS_H

#include <seqmix/seqmix.h>

#include "verify/report.h"
#include "verify/tensors.h"
#include "verify/tolerance.h"

#define TEST_MAX_TENSORS 24

/* A call of some operator, with its data in host images. */
typedef struct operator_call {
  const char *name; /* for messages */
  int tensor_count;
  const test_tensor *tensors[TEST_MAX_TENSORS]; /* NULL: absent */
  uint32_t outputs;                             /* bit t: tensor t is written */
  const void *options;                          /* for the functions below */
  /* Calls the operator; tensors[t] is NULL where absent. */
  seqmix_status (*run)(seqmix_context *context, const void *options,
                       const seqmix_tensor *const tensors[], void *workspace,
                       uint64_t workspace_bytes);
  seqmix_status (*workspace_size)(seqmix_context *context, const void *options,
                                  const seqmix_tensor *const tensors[], uint64_t *bytes);
  /* Of an output that is written in part: nonzero for each index of the first axis that is. The
   * rest must stay as it was. NULL: all of it is written. */
  const unsigned char *rows[TEST_MAX_TENSORS];
} operator_call;

typedef enum call_workspace {
  WORKSPACE_ARENA, /* the context's own memory */
  WORKSPACE_EXACT  /* the caller's, of exactly the size reported, guarded */
} call_workspace;

/* What a call left: its status and the storages of its outputs. */
typedef struct call_result {
  seqmix_status status;
  unsigned char *images[TEST_MAX_TENSORS]; /* NULL for inputs and absent tensors */
} call_result;

/* Runs the call. `label` says in messages how (device, variant, threads). */
call_result harness_run(test_report *report, seqmix_context *context, const operator_call *call,
                        call_workspace workspace, const char *label);

void harness_free(const operator_call *call, call_result *result);

/* Whether the element a walk through output `t` stands at is written at all. */
int harness_is_written(const operator_call *call, int t, const tensor_walk *walk);

/* Compares tensor `t` of a result with `expected` (same shape, any type and strides). NaN, +inf
 * and -inf must stand where they stand in `expected`; the rest is held to the bound. Elements that
 * are not written are left out. */
void harness_compare(test_report *report, const operator_call *call, int t,
                     const call_result *result, const test_tensor *expected,
                     const unsigned char *expected_image, test_bound bound, const char *label);

/* Reports where the outputs of two runs of one call differ in any bit. */
void harness_compare_bits(test_report *report, const operator_call *call, const call_result *result,
                          const call_result *other, const char *label);

#endif
