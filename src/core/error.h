/* SPDX-License-Identifier: Apache-2.0 */
/* The error text of this thread: what seqmix_last_error() returns. */
#ifndef SEQMIX_CORE_ERROR_H
#define SEQMIX_CORE_ERROR_H

#include "seqmix/types.h"

/** Sets the text and returns `status`, so that `return seqmix_fail(...)` says it all. */
seqmix_status seqmix_fail(seqmix_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time and would think that a failure may come back as OK. */
#define seqmix_fail(status, ...) (seqmix_fail((status), __VA_ARGS__), (status))
#endif

/** Returns from the calling function if `call` fails. */
#define SEQMIX_TRY(call)                             \
  do {                                               \
    seqmix_status seqmix_try_status = (call);        \
    if (seqmix_try_status) return seqmix_try_status; \
  } while (0)

#endif
