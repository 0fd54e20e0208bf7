/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/cpu.h"
#include "cpu/scan/selective.h"

uint64_t LEVEL(selective_step_workspace)(const seqmix_problem *problem,
                                         const seqmix_device_properties *device, int32_t workers) {
  return LEVEL(selective_scan_workspace)(problem, device, workers);
}

seqmix_status VARIANT(selective_scan, step)(const seqmix_call *call,
                                            const seqmix_problem *problem) {
  return VARIANT(selective_scan, blocked)(call, problem);
}
