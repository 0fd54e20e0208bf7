/* SPDX-License-Identifier: Apache-2.0 */
/* The reference's operators. */
#ifndef SEQMIX_REFERENCE_REFERENCE_H
#define SEQMIX_REFERENCE_REFERENCE_H

#include "seqmix/backend.h"

uint64_t attention_reference_workspace(const seqmix_problem *problem,
                                       const seqmix_device_properties *device, int32_t workers);
seqmix_status attention__any_reference_literal(const seqmix_call *call,
                                               const seqmix_problem *problem);
seqmix_status attention_merge__any_reference_literal(const seqmix_call *call,
                                                     const seqmix_problem *problem);
uint64_t linear_attention_reference_workspace(const seqmix_problem *problem,
                                              const seqmix_device_properties *device,
                                              int32_t workers);
seqmix_status linear_attention__any_reference_literal(const seqmix_call *call,
                                                      const seqmix_problem *problem);
seqmix_status linear_recurrence__any_reference_literal(const seqmix_call *call,
                                                       const seqmix_problem *problem);
uint64_t selective_scan_reference_workspace(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers);
seqmix_status selective_scan__any_reference_literal(const seqmix_call *call,
                                                    const seqmix_problem *problem);
seqmix_status prefix_scan__any_reference_literal(const seqmix_call *call,
                                                 const seqmix_problem *problem);
seqmix_status causal_conv1d__any_reference_literal(const seqmix_call *call,
                                                   const seqmix_problem *problem);

#endif
