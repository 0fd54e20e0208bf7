/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that CUDA C++ has no words for: the only inline PTX there is. Fragments are laid out
 * as the PTX manual says under each instruction. An emulator defines CUDA_EMULATOR and these
 * functions, by what the manual says they do.
 *
 * What tensor cores and copies beside the registers need is there from compute capability 8.0 on.
 */
#ifndef CUDA_EMULATOR

/* ---- conversions ----------------------------------------------------------------------------- */

DEVICE float half_to_float(uint16_t bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}

/* Rounds to nearest even. */
DEVICE uint16_t float_to_half(float x) {
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

/* No instruction. What is computed of x behind it is not what was computed of it before, for all
 * that the compiler knows: it computes that again instead of keeping it in registers. */
DEVICE void forget_uses(float *x) { asm volatile("" : "+f"(*x)); }

#if __CUDA_ARCH__ >= 800

/* Two numbers in 32 bits, the first in the lower half; rounded to nearest even. */
DEVICE uint32_t pack_f16(float first, float second) {
  uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
DEVICE uint32_t pack_bf16(float first, float second) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

/* 2^x, to about 2 ulp; what would be subnormal is 0. */
DEVICE float power_of_two(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

/* ---- tensor cores ---------------------------------------------------------------------------- */

/* mma.m16n8k16: d += a b of a warp, in f32; a is 16 by 16 in rows, b 16 by 8 in columns. */
DEVICE void mma_f16(float *d, const uint32_t *a, const uint32_t *b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
DEVICE void mma_bf16(float *d, const uint32_t *a, const uint32_t *b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

DEVICE uint32_t address_in_local(const LOCAL void *at) {
  return (uint32_t)__cvta_generic_to_shared(at);
}

/* ldmatrix: four 8 by 8 matrices of 16-bit numbers. Item 8 i + r of a warp gives the address of row
 * r of matrix i, 16 bytes, aligned to them. */
DEVICE void load_matrices(uint32_t *parts, const LOCAL void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
               : "r"(address_in_local(row))
               : "memory");
}

/* The same, each matrix turned. */
DEVICE void load_matrices_turned(uint32_t *parts, const LOCAL void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
               : "r"(address_in_local(row))
               : "memory");
}

/* ---- copies beside the registers ------------------------------------------------------------- */

/* cp.async: starts a copy of 16 bytes, both sides aligned to them, past the first-level cache. If
 * it is not wanted there are zeros, and `from` is not read. */
DEVICE void start_copy_16(LOCAL void *to, const GLOBAL void *from, int is_wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address_in_local(to)),
               "l"(from), "r"(is_wanted ? 16 : 0)
               : "memory");
}

/* Copies started since the last commit become a group. */
DEVICE void commit_copies(void) { asm volatile("cp.async.commit_group;" ::: "memory"); }

/* Waits until at most `groups`, a constant, of the item's own groups are under way. Other items see
 * what arrived behind a barrier. */
#define wait_for_copies(groups) asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory")

#endif
#endif
