/* SPDX-License-Identifier: Apache-2.0 */
/* Names of what is compiled once per level: LEVEL(x) is seqmix_x_generic, seqmix_x_avx2, ... */
#ifndef SEQMIX_CPU_SIMD_LEVEL_H
#define SEQMIX_CPU_SIMD_LEVEL_H

#ifndef SEQMIX_LEVEL
#error "SEQMIX_LEVEL must name the level this file is compiled for"
#endif

#define SEQMIX_LEVEL_JOIN(name, level) seqmix_##name##_##level
#define SEQMIX_LEVEL_EXPAND(name, level) SEQMIX_LEVEL_JOIN(name, level)
#define LEVEL(name) SEQMIX_LEVEL_EXPAND(name, SEQMIX_LEVEL)

/* The function of a variant: VARIANT(attention, blocked) is attention__any_avx2_blocked at the
 * level avx2, which takes any type. A level of dot products (SEQMIX_BF16_DOT) takes bf16 alone. */
#ifdef SEQMIX_BF16_DOT
#define SEQMIX_VARIANT_TYPES bf16
#else
#define SEQMIX_VARIANT_TYPES any
#endif
#define SEQMIX_VARIANT_JOIN(op, types, level, algorithm) op##__##types##_##level##_##algorithm
#define SEQMIX_VARIANT_EXPAND(op, types, level, algorithm) \
  SEQMIX_VARIANT_JOIN(op, types, level, algorithm)
#define VARIANT(op, algorithm) \
  SEQMIX_VARIANT_EXPAND(op, SEQMIX_VARIANT_TYPES, SEQMIX_LEVEL, algorithm)

#endif
