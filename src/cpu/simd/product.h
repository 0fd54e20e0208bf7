/* SPDX-License-Identifier: Apache-2.0 */
/* The small matrix product everything is made of: c[i, j] (+)= sum_d a[i, d] b[d, j].
 *
 * The elements of a and b are floats; at a level of dot products they are pairs of bf16, neighbours
 * along the depth in one 32-bit word, the first in its lower half, and a step of the depth adds two
 * products. PRODUCT_UNIT says how many.
 *
 * PRODUCT_ROWS x PRODUCT_COLUMNS sums stay in registers while the depth runs: one broadcast of a
 * serves PRODUCT_VECTORS vectors of b, one load of b serves PRODUCT_ROWS rows of a. The columns run
 * along vectors, so no sum depends on their width; a sum starts from zero and enters c once.
 *
 * b is a panel: PRODUCT_COLUMNS floats per step of the depth, contiguous. (Read in place instead,
 * rows of b a power of two apart fall into the same few cache sets; measured, that cost a fifth of
 * the speed.) a is read where it lies, either row by row or with the rows beside each other. */
#ifndef SEQMIX_CPU_SIMD_PRODUCT_H
#define SEQMIX_CPU_SIMD_PRODUCT_H

#include "cpu/simd/vector.h"

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

/* As many sums as leave room for the vectors of b and a broadcast: 12 + 3 of 16 registers, 24 + 3
 * of 32. */
#if SEQMIX_VECTOR_BYTES == 64
enum { PRODUCT_ROWS = 12, PRODUCT_VECTORS = 2 };
#else
enum { PRODUCT_ROWS = 6, PRODUCT_VECTORS = 2 };
#endif
enum { PRODUCT_COLUMNS = PRODUCT_VECTORS * LANES };

#ifdef SEQMIX_BF16_DOT
enum { PRODUCT_UNIT = 2 };

SEQMIX_INLINE vec product_step(vec sum, vec a, vec b) {
#ifdef __AVX512BF16__
  return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
  /* What the instruction computes, for tests on processors without it. */
  ivec x = vec_bits(a), y = vec_bits(b);
  const int32_t upper = (int32_t)0xffff0000;
  sum += vec_from_bits(x & upper) * vec_from_bits(y & upper);
  return sum + vec_from_bits(x << 16) * vec_from_bits(y << 16);
#endif
}
#else
enum { PRODUCT_UNIT = 1 };

SEQMIX_INLINE vec product_step(vec sum, vec a, vec b) { return sum + a * b; }
#endif

/* The word at `from` in all lanes; not as a float, which pairs of bf16 are not. */
SEQMIX_INLINE vec product_word(const float *from) {
  int32_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return vec_from_bits(ivec_of(word));
}

/** Operands of one tile. Distances count words of 32 bits. */
typedef struct product_tile {
  const float *a; /* element (i, d) at i * a_row + d * a_depth */
  const float *b; /* element (d, j) at d * PRODUCT_COLUMNS + j */
  float *c;       /* element (i, j) at i * c_row + j */
  int64_t a_row, a_depth, c_row;
  int64_t depth;
  const float *keep; /* factors of c's rows; NULL: c is overwritten */
  float scale;       /* of the sums that overwrite c, where PRODUCT_UNIT is 2 */
} product_tile;

/* The sums of a tile, in registers. */
typedef struct product_sums {
  vec at[PRODUCT_ROWS][PRODUCT_VECTORS];
} product_sums;

/* `rows` is a constant wherever what follows is inlined, and so are a_row or a_depth where they
 * are 1. */
SEQMIX_INLINE void product_clear(int rows, product_sums *sums) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++) sums->at[i][v] = vec_of(0);
}

/** sums[i, j] += sum_d a[i, d] b[d, j]; several products may go into the same sums. */
SEQMIX_INLINE void product_add(int rows, product_sums *sums, const float *a, int64_t a_row,
                               int64_t a_depth, const float *b, int64_t depth) {
  for (int64_t d = 0; d < depth; d++, b += PRODUCT_COLUMNS) {
    vec row[PRODUCT_VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++) row[v] = vec_load(b + v * LANES);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      vec factor = product_word(a + i * a_row + d * a_depth);
#pragma GCC unroll 16
      for (int v = 0; v < PRODUCT_VECTORS; v++)
        sums->at[i][v] = product_step(sums->at[i][v], factor, row[v]);
    }
  }
}

SEQMIX_INLINE void product_rows(int rows, const float *a, int64_t a_row, int64_t a_depth,
                                const product_tile *t) {
  product_sums sums;
  product_clear(rows, &sums);
  product_add(rows, &sums, a, a_row, a_depth, t->b, t->depth);
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 16
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
      float *c = t->c + i * t->c_row + v * LANES;
      if (t->keep)
        vec_store(c, vec_of(t->keep[i]) * vec_load(c) + sums.at[i][v]);
      else
        vec_store(c, PRODUCT_UNIT == 1 ? sums.at[i][v] : t->scale * sums.at[i][v]);
    }
  }
}

/** A full tile whose a has its rows beside each other (a_row == 1). */
SEQMIX_INLINE void product_packed(const product_tile *t) {
  product_rows(PRODUCT_ROWS, t->a, 1, t->a_depth, t);
}

/** A full tile whose a has its depth contiguous (a_depth == 1). */
SEQMIX_INLINE void product_strided(const product_tile *t) {
  product_rows(PRODUCT_ROWS, t->a, t->a_row, 1, t);
}

/** The same with fewer rows than a full tile has. */
SEQMIX_INLINE void product_strided_part(const product_tile *t, int64_t rows) {
  product_tile row = *t;
  for (int64_t i = 0; i < rows; i++) {
    product_rows(1, row.a, 0, 1, &row);
    row.a += t->a_row;
    row.c += t->c_row;
    if (row.keep) row.keep++;
  }
}

#endif
