/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU backend's variants. */
#ifndef SEQMIX_CPU_CPU_H
#define SEQMIX_CPU_CPU_H

#include "seqmix/backend.h"

/** What attention/ and linear_attention/ define once per level. */
#define SEQMIX_CPU_LEVEL(level)                                                                \
  uint64_t seqmix_attention_blocked_workspace_##level(                                         \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status attention__any_##level##_blocked(const seqmix_call *call,                      \
                                                 const seqmix_problem *problem);               \
  int32_t seqmix_attention_decode_accepts_##level(const seqmix_problem *problem,               \
                                                  const seqmix_device_properties *device);     \
  uint64_t seqmix_attention_decode_workspace_##level(                                          \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status attention__any_##level##_decode(const seqmix_call *call,                       \
                                                const seqmix_problem *problem);                \
  uint64_t seqmix_linear_attention_workspace_##level(                                          \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  uint64_t seqmix_linear_attention_chunked_workspace_##level(                                  \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status linear_attention__any_##level##_chunked(const seqmix_call *call,               \
                                                        const seqmix_problem *problem);        \
  seqmix_status linear_attention__any_##level##_recurrent(const seqmix_call *call,             \
                                                          const seqmix_problem *problem);      \
  uint64_t seqmix_linear_recurrence_workspace_##level(                                         \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status linear_recurrence__any_##level##_blocked(const seqmix_call *call,              \
                                                         const seqmix_problem *problem);       \
  uint64_t seqmix_selective_scan_workspace_##level(                                            \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status selective_scan__any_##level##_blocked(const seqmix_call *call,                 \
                                                      const seqmix_problem *problem);          \
  uint64_t seqmix_selective_step_workspace_##level(                                            \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status selective_scan__any_##level##_step(const seqmix_call *call,                    \
                                                   const seqmix_problem *problem);             \
  uint64_t seqmix_prefix_scan_workspace_##level(                                               \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status prefix_scan__any_##level##_blocked(const seqmix_call *call,                    \
                                                   const seqmix_problem *problem);             \
  uint64_t seqmix_causal_conv1d_workspace_##level(                                             \
      const seqmix_problem *problem, const seqmix_device_properties *device, int32_t workers); \
  seqmix_status causal_conv1d__any_##level##_blocked(const seqmix_call *call,                  \
                                                     const seqmix_problem *problem);
SEQMIX_CPU_LEVEL(generic)
#ifdef SEQMIX_CPU_X86
SEQMIX_CPU_LEVEL(avx2)
SEQMIX_CPU_LEVEL(avx512)
#endif
#undef SEQMIX_CPU_LEVEL

#ifdef SEQMIX_CPU_BF16_DOT
uint64_t seqmix_attention_blocked_workspace_avx512bf16(const seqmix_problem *problem,
                                                       const seqmix_device_properties *device,
                                                       int32_t workers);
seqmix_status attention__bf16_avx512bf16_blocked(const seqmix_call *call,
                                                 const seqmix_problem *problem);
#endif

/** Of f64 and i32. */
uint64_t seqmix_prefix_scan_plain_workspace(const seqmix_problem *problem,
                                            const seqmix_device_properties *device,
                                            int32_t workers);
seqmix_status prefix_scan__f64i32_generic_plain(const seqmix_call *call,
                                                const seqmix_problem *problem);

seqmix_status attention_merge__any_generic_rows(const seqmix_call *call,
                                                const seqmix_problem *problem);

#endif
