/* SPDX-License-Identifier: Apache-2.0 */
/* How operators' entry points begin. */
#ifndef SEQMIX_API_ENTRY_H
#define SEQMIX_API_ENTRY_H

#include "api/check.h"
#include "core/context.h"

/**
 * Refuses a call without a context, makes its checker and copies the caller's struct over `known`,
 * which holds the defaults and has `size` bytes.
 */
seqmix_status seqmix_begin_call(const char *op, const seqmix_context *context, const void *given,
                                void *known, uint64_t size, seqmix_checker *checker);

/** Where a function gives bytes of workspace: refuses NULL. */
seqmix_status seqmix_check_bytes(const char *op, const uint64_t *bytes);

#endif
