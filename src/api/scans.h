/* SPDX-License-Identifier: Apache-2.0 */
/* Scans and the causal convolution: from what callers pass to what backends compute. Each function
 * checks everything and fills in `problem`. */
#ifndef SEQMIX_API_SCANS_H
#define SEQMIX_API_SCANS_H

#include "api/check.h"
#include "seqmix/backend.h"

seqmix_status seqmix_lower_linear_recurrence(const seqmix_checker *checker,
                                             const seqmix_linear_recurrence_args *args,
                                             seqmix_linear_recurrence_problem *problem);

seqmix_status seqmix_lower_selective_scan(const seqmix_checker *checker,
                                          const seqmix_selective_scan_args *args,
                                          seqmix_selective_scan_problem *problem);

seqmix_status seqmix_lower_prefix_scan(const seqmix_checker *checker,
                                       const seqmix_prefix_scan_args *args,
                                       seqmix_prefix_scan_problem *problem);

seqmix_status seqmix_lower_causal_conv1d(const seqmix_checker *checker,
                                         const seqmix_causal_conv1d_args *args,
                                         seqmix_causal_conv1d_problem *problem);

#endif
