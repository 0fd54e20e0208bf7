/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/scan/plan.h"

/* Turning states around pays from here on. */
enum { STEP_TOKENS = 2 };

int32_t seqmix_selective_step_suits(const seqmix_problem *problem,
                                    const seqmix_device_properties *device) {
  (void)device;
  return ((const seqmix_selective_scan_problem *)problem)->at.length <= STEP_TOKENS;
}
