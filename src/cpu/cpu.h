/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU backend's variants. */
#ifndef SEQMIX_CPU_CPU_H
#define SEQMIX_CPU_CPU_H

#include "seqmix/backend.h"

uint64_t attention_blocked_workspace(const seqmix_problem *problem,
                                     const seqmix_device_properties *device, int32_t workers);
seqmix_status attention__any_generic_blocked(const seqmix_call *call,
                                             const seqmix_problem *problem);
seqmix_status attention_merge__any_generic_rows(const seqmix_call *call,
                                                const seqmix_problem *problem);

#endif
