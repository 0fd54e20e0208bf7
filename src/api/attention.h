/* SPDX-License-Identifier: Apache-2.0 */
/* The steps from seqmix_attention_args to a problem. */
#ifndef SEQMIX_API_ATTENTION_H
#define SEQMIX_API_ATTENTION_H

#include "api/check.h"

/** Offsets and window sizes beyond this are as good as infinite, and sums with them fit. */
#define SEQMIX_POSITION_LIMIT ((int64_t)1 << 60)

/** Checks the contents of the index arrays (in host memory) and takes the packed lengths. */
seqmix_status seqmix_check_attention_indices(const seqmix_checker *checker,
                                             const seqmix_attention_args *args,
                                             seqmix_attention_problem *problem);

/** Checks everything and fills in the problem. `args` is complete: see seqmix_check_struct(). */
seqmix_status seqmix_lower_attention(const seqmix_checker *checker,
                                     const seqmix_attention_args *args,
                                     seqmix_attention_problem *problem);

#endif
