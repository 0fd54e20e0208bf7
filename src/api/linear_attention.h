/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention: from what callers pass to what backends compute. */
#ifndef SEQMIX_API_LINEAR_ATTENTION_H
#define SEQMIX_API_LINEAR_ATTENTION_H

#include "api/check.h"
#include "seqmix/backend.h"

/** Checks everything and fills in `problem`. */
seqmix_status seqmix_lower_linear_attention(const seqmix_checker *checker,
                                            const seqmix_linear_attention_args *args,
                                            seqmix_linear_attention_problem *problem);

/** The contents of the index arrays, in host memory, by what of the problem is known by then. */
seqmix_status seqmix_check_linear_attention_indices(const seqmix_checker *checker,
                                                    const seqmix_linear_attention_args *args,
                                                    seqmix_linear_attention_problem *problem);

#endif
