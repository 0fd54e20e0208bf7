/* SPDX-License-Identifier: Apache-2.0 */
/* Products of a warp on tensor cores: fragments of 16-bit numbers, from tiles in local memory.
 *
 * A program with the constant HALF, 2 or 3 (a seqmix_dtype), multiplies f16 or bf16. Of m16n8k16 an
 * item has, with row = fragment_row() and column = fragment_column(),
 *
 *     C  c[0], c[1]  of row, columns column and column + 1       c[2], c[3]  of row + 8
 *     A  a[0], a[1]  the same of the first 8 columns of A, two numbers each; a[2], a[3] of the
 * others B  b[0]        column fragment_row(), rows column and column + 1;  b[1]  8 rows further on
 *
 * so that C, rounded, is A of the next product. Tiles have rows of TILE_ROW(columns) numbers, an
 * odd count of 16 bytes: the 8 rows of a matrix that ldmatrix reads then lie in different banks. */
#include "shared/lane.h"

enum { WARP_ITEMS = 32 };

/* What a row of a tile takes, in numbers; `columns` is a multiple of 16. */
#define TILE_ROW(columns) ((columns) + 8)

DEVICE int32_t warp_number(void) { return (int32_t)item_number() / WARP_ITEMS; }
DEVICE int32_t warp_item(void) { return (int32_t)item_number() % WARP_ITEMS; }

DEVICE int32_t fragment_row(void) { return warp_item() / 4; }
DEVICE int32_t fragment_column(void) { return warp_item() % 4 * 2; }

/* ---- numbers --------------------------------------------------------------------------------- */

/* c += a b */
DEVICE INLINE void multiply_fragments(float *c, const uint32_t *a, const uint32_t *b) {
  if (HALF == TYPE_F16)
    mma_f16(c, a, b);
  else
    mma_bf16(c, a, b);
}

DEVICE uint32_t pack_halves(float first, float second) {
  return HALF == TYPE_F16 ? pack_f16(first, second) : pack_bf16(first, second);
}

/* Two neighbouring fragments of C, 16 columns, as one of A. */
DEVICE void pack_fragment(uint32_t *a, const float (*c)[4]) {
  a[0] = pack_halves(c[0][0], c[0][1]);
  a[1] = pack_halves(c[0][2], c[0][3]);
  a[2] = pack_halves(c[1][0], c[1][1]);
  a[3] = pack_halves(c[1][2], c[1][3]);
}

/* ---- over the four items of a warp that share a row of C ------------------------------------- */

DEVICE float largest_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
DEVICE float sum_of_row(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

/* ---- fragments of tiles ----------------------------------------------------------------------
 *
 * Each function takes a square of 16 by 16 numbers from the tile's first element on, which is
 * aligned to 16 bytes, with rows `stride` numbers apart: as a fragment of A, or as two of B that
 * are neighbours, b[0], b[1] and b[2], b[3]. The second word says what the rows of the tile are. */

/* Where the item's row of four matrices lies: the second one below the first, or beside it. */
DEVICE const LOCAL uint16_t *row_down(const LOCAL uint16_t *tile, int32_t stride) {
  int32_t item = warp_item();
  return tile + item % 16 * stride + item / 16 * 8;
}
DEVICE const LOCAL uint16_t *row_across(const LOCAL uint16_t *tile, int32_t stride) {
  int32_t item = warp_item();
  return tile + (item / 16 * 8 + item % 8) * stride + item / 8 % 2 * 8;
}

/* A, whose rows are rows of the tile; or of which they are columns. */
DEVICE void load_a_rows(uint32_t *a, const LOCAL uint16_t *tile, int32_t stride) {
  load_matrices(a, row_down(tile, stride));
}
DEVICE void load_a_columns(uint32_t *a, const LOCAL uint16_t *tile, int32_t stride) {
  load_matrices_turned(a, row_across(tile, stride));
}

/* B, whose rows (what is summed over) are rows of the tile; or of which they are columns. */
DEVICE void load_b_rows(uint32_t *b, const LOCAL uint16_t *tile, int32_t stride) {
  load_matrices_turned(b, row_down(tile, stride));
}
DEVICE void load_b_columns(uint32_t *b, const LOCAL uint16_t *tile, int32_t stride) {
  load_matrices(b, row_across(tile, stride));
}
