/* SPDX-License-Identifier: Apache-2.0 */
/* How scans are cut into tasks, and which variant suits: functions of the problem's shape alone. */
#ifndef SEQMIX_CPU_SCAN_PLAN_H
#define SEQMIX_CPU_SCAN_PLAN_H

#include "seqmix/backend.h"

/** Whether the states of so few tokens are better walked where they lie. */
int32_t seqmix_selective_step_suits(const seqmix_problem *problem,
                                    const seqmix_device_properties *device);

#endif
