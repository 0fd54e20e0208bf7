/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels/shared/ptx.h wraps, by what the PTX manual says of each instruction. README.md tells
 * how to add one. */
#include <cinttypes>
#include <cmath>
#include <cstring>

#include "engine.h"
#include "numbers.h"

namespace emulator {

/* ---- conversions ----------------------------------------------------------------------------- */

extern "C" float half_to_float(uint16_t bits) { return float_of_f16(bits); }
extern "C" uint16_t float_to_half(float x) { return f16_of_float(x); }

extern "C" uint32_t pack_f16(float first, float second) {
  return f16_of_float(first) | (uint32_t)f16_of_float(second) << 16;
}
extern "C" uint32_t pack_bf16(float first, float second) {
  return bf16_of_float(first) | (uint32_t)bf16_of_float(second) << 16;
}

extern "C" float power_of_two(float x) {
  const float power = std::exp2(x);
  return power < 0x1p-126f ? 0.0f : power;
}

/* ---- mma.m16n8k16 ---------------------------------------------------------------------------- */

namespace {

struct product {
  float *d;
  const uint32_t *a, *b;
  float (*number)(uint16_t bits);
  const void *pc;
};

enum { ROWS = 16, COLUMNS = 8, INNER = 16 };

float half_of(const product &p, uint32_t pair, int upper) {
  return p.number((uint16_t)(upper ? pair >> 16 : pair));
}

/* Lane 4 g + t holds of A rows g and g + 8, columns 2 t, 2 t + 1, and those 8 further; of B, as
 * columns of A, rows 2 t, ..., and column g; of C and D rows g and g + 8, columns 2 t, 2 t + 1. */
void gather(thread **lanes, float (*a)[INNER], float (*b)[COLUMNS]) {
  for (int lane = 0; lane < WARP; lane++) {
    const product &p = *(const product *)lanes[lane]->operand;
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 8; i++) {
      const int row = g + (i / 2 % 2) * 8, column = 2 * t + i % 2 + (i / 4) * 8;
      a[row][column] = half_of(p, p.a[i / 2], i % 2);
    }
    for (int i = 0; i < 4; i++) b[2 * t + i % 2 + (i / 2) * 8][g] = half_of(p, p.b[i / 2], i % 2);
  }
}

/* Products of 16-bit numbers are exact in f64, and their sum is rounded once. */
void do_product(thread **lanes) {
  float a[ROWS][INNER], b[INNER][COLUMNS];
  gather(lanes, a, b);
  for (int lane = 0; lane < WARP; lane++) {
    const product &p = *(const product *)lanes[lane]->operand;
    for (int i = 0; i < 4; i++) {
      const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      double sum = p.d[i];
      for (int k = 0; k < INNER; k++) sum += (double)a[row][k] * (double)b[k][column];
      p.d[i] = (float)sum;
    }
  }
  const product &own = *(const product *)now->operand;
  observe_product(now->of->slot, now->index / WARP, 2 * ROWS * COLUMNS * INNER, own.pc);
}

}  // namespace

extern "C" void mma_f16(float *d, const uint32_t *a, const uint32_t *b, const char *file,
                        int line) {
  product own = {d, a, b, float_of_f16, __builtin_return_address(0)};
  meet("mma", 0xffffffffu, &own, {file, line}, do_product);
}

extern "C" void mma_bf16(float *d, const uint32_t *a, const uint32_t *b, const char *file,
                         int line) {
  product own = {d, a, b, float_of_bf16, __builtin_return_address(0)};
  meet("mma", 0xffffffffu, &own, {file, line}, do_product);
}

/* ---- ldmatrix -------------------------------------------------------------------------------- */

namespace {

struct matrices {
  uint32_t *parts;
  const uint16_t *row;
  bool is_turned;
};

/* Lane 8 i + r gives row r of matrix i; lane 4 g + t gets elements 2 t and 2 t + 1 of row g, or
 * turned of column g. */
void do_load(thread **lanes) {
  for (int lane = 0; lane < WARP; lane++) {
    const matrices &own = *(const matrices *)lanes[lane]->operand;
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; i++) {
      uint32_t pair = 0;
      for (int j = 0; j < 2; j++) {
        const int row = own.is_turned ? 2 * t + j : g, column = own.is_turned ? g : 2 * t + j;
        const matrices &from = *(const matrices *)lanes[8 * i + row]->operand;
        pair |= (uint32_t)from.row[column] << 16 * j;
      }
      own.parts[i] = pair;
    }
  }
}

void load(uint32_t *parts, const void *row, bool is_turned, const spot &at, const void *pc) {
  const uint64_t address = (uint64_t)row;
  const region r = region_of(address);
  if (r.where != place::local || address + 16 > r.base + r.bytes)
    stop("thread %d loads a matrix that is not in shared memory at %s", now->index,
         text_of(at).c_str());
  if (address % 16 != 0)
    stop("thread %d loads a matrix's row that is not aligned to 16 bytes at %s", now->index,
         text_of(at).c_str());
  tell_access(address, 16, false, access_kind::matrix_load, pc);
  matrices own = {parts, (const uint16_t *)row, is_turned};
  meet("a matrix load", 0xffffffffu, &own, at, do_load);
}

}  // namespace

extern "C" void load_matrices(uint32_t *parts, const void *row, const char *file, int line) {
  load(parts, row, false, {file, line}, __builtin_return_address(0));
}
extern "C" void load_matrices_turned(uint32_t *parts, const void *row, const char *file, int line) {
  load(parts, row, true, {file, line}, __builtin_return_address(0));
}

}  // namespace emulator
