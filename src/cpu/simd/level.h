/* SPDX-License-Identifier: Apache-2.0 */
/* Names of what is compiled once per level: LEVEL(x) is x_generic, x_avx2, ... */
#ifndef SEQMIX_CPU_SIMD_LEVEL_H
#define SEQMIX_CPU_SIMD_LEVEL_H

#ifndef SEQMIX_LEVEL
#error "SEQMIX_LEVEL must name the level this file is compiled for"
#endif

#define SEQMIX_LEVEL_JOIN(name, level) seqmix_##name##_##level
#define SEQMIX_LEVEL_EXPAND(name, level) SEQMIX_LEVEL_JOIN(name, level)
#define LEVEL(name) SEQMIX_LEVEL_EXPAND(name, SEQMIX_LEVEL)

#endif
