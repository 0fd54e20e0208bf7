/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/cpu.h"
#include "cpu/scan/rows.h"

uint64_t LEVEL(prefix_scan_workspace)(const seqmix_problem *problem,
                                      const seqmix_device_properties *device, int32_t workers) {
  (void)problem, (void)device, (void)workers;
  return 0;
}

seqmix_status VARIANT(prefix_scan, blocked)(const seqmix_call *call,
                                            const seqmix_problem *problem) {
  (void)problem;
  return call->host->fail(SEQMIX_ERROR_UNSUPPORTED, "prefix_scan: not built yet");
}
