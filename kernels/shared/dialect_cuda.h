/* SPDX-License-Identifier: Apache-2.0 */
/* The words kernels are written in, as CUDA C++17 that includes nothing. Compiled with
 * `--fmad=false`: texts mean one rounding per operation, and say where they want a fused one.
 *
 * A program is compiled with ITEMS, the threads of a block, and LANES, how many floats a lane is:
 * 1, 4, 8 or 16. With LOCAL_BYTES its blocks have that much shared memory, which the launch gives.
 */
#ifndef CUDA_EMULATOR
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INFINITY __int_as_float(0x7f800000)
#endif

/* One block is enough for a multiprocessor: with that said, ptxas takes the registers it needs. */
#define KERNEL extern "C" __global__ __launch_bounds__(ITEMS, 1)
#define DEVICE static __device__
#define INLINE __forceinline__
#define GLOBAL
#define LOCAL
#define UNROLL _Pragma("unroll")
#define group_number() ((int64_t)blockIdx.x)
#define item_number() ((int64_t)threadIdx.x)
#define group_barrier() __syncthreads()
#define keep_largest(at, value) atomicMax((at), (value))

#include "shared/ptx.h"

/* ---- one number ------------------------------------------------------------------------------ */

#define bits_of(x) __float_as_uint(x)
#define from_bits(bits) __uint_as_float(bits)
#define number_exp(x) expf(x)
#define square_root(x) sqrtf(x)
#define load_half(data, at) half_to_float(((const uint16_t *)(data))[at])
#define store_half(data, at, x) (((uint16_t *)(data))[at] = float_to_half(x))

/* ---- local memory ---------------------------------------------------------------------------- */

/* A work-group's block of floats: declared once, at the start of a kernel, and carved by it. */
#if defined(CUDA_EMULATOR)
#define LOCAL_BLOCK(name, floats) float *name = emulator_local_block(sizeof(float) * (floats))
#elif defined(LOCAL_BYTES)
extern __shared__ __align__(128) float local_block[];
#define LOCAL_BLOCK(name, floats)                                                               \
  static_assert(sizeof(float) * (floats) <= LOCAL_BYTES, "the launch gives less than is used"); \
  float *name = local_block
#else
#define LOCAL_BLOCK(name, floats) __shared__ __align__(128) float name[floats]
#endif

/* ---- lanes ----------------------------------------------------------------------------------- */

#if LANES == 1
typedef float lane;
typedef int32_t lane_int;
#define lane_of(x) ((float)(x))
#define lane_int_of(x) ((int32_t)(x))
#define lane_any(condition) (condition)
#define lane_bits(x) __float_as_int(x)
#define lane_from_bits(bits) __int_as_float(bits)
#define lane_load_f32(data, at) (((const float *)(data))[at])
#define lane_store_f32(data, at, x) (((float *)(data))[at] = (x))
#define lane_load_f16(data, at) load_half(data, at)
#define lane_store_f16(data, at, x) store_half(data, at, x)
#define lane_load_u16(data, at) ((lane_int)((const uint16_t *)(data))[at])
#define lane_store_u16(data, at, x) (((uint16_t *)(data))[at] = (uint16_t)(x))
#define lane_from_int(x) ((float)(x))
#define lane_to_int(x) ((int32_t)(x))
#define lane_from_array(array) ((array)[0])
#define lane_to_array(array, x) ((array)[0] = (x))
#define lane_load_local(data, at) ((data)[at])
#define lane_store_local(data, at, x) ((data)[at] = (x))
#define lane_even(a, b) (a)
#define lane_odd(a, b) (b)
#define lane_low(a, b) (a)
#define lane_high(a, b) (b)
#define lane_select(condition, yes, no) ((condition) ? (yes) : (no))
#define lane_int_select(condition, yes, no) ((condition) ? (yes) : (no))
#define lane_sum(x) (x)
#define lane_multiply_add(a, b, c) fmaf((a), (b), (c))
#define lane_fma(a, b, c) fmaf((a), (b), (c))
#define lane_exp(x) expf(x)
#define lane_log(x) logf(x)
#define lane_sin(x) sinf(x)
#define lane_cos(x) cosf(x)
#define lane_abs(x) fabsf(x)
#define lane_max(a, b) fmaxf((a), (b))
#define lane_min(a, b) fminf((a), (b))
#define lane_scale(x, power) ldexpf((x), (power))
#define lane_int_clamp(x, least, most) min(max((x), (int32_t)(least)), (int32_t)(most))
#define lane_int_max(a, b) max((a), (b))
#define lane_int_add(a, b) ((int32_t)((uint32_t)(a) + (uint32_t)(b)))
#define lane_int_multiply(a, b) ((int32_t)((uint32_t)(a) * (uint32_t)(b)))
#else
#include "shared/lanes_cuda.h"
#endif
