/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose tensors lie in the memory of the program, on devices with memory of their own, too:
 * for tests that care about numbers and not about memory. */
#ifndef SEQMIX_TESTS_MIRROR_H
#define SEQMIX_TESTS_MIRROR_H

#include <seqmix/backend.h>
#include <seqmix/seqmix.h>

/* Calls the operator with its args struct: as it is, or on copies of the tensors, which come back
 * when the work is done. */
seqmix_status mirror_call(seqmix_context *context, seqmix_operator op, const void *args);

#endif
