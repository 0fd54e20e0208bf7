/* SPDX-License-Identifier: Apache-2.0 */
/* The words kernels are written in, as OpenCL C 1.2 without extensions.
 *
 * A program is compiled with ITEMS, the work-items of a work-group, and LANES, how many floats a
 * lane is: 1, 4, 8 or 16. */
#pragma OPENCL FP_CONTRACT OFF

typedef uchar uint8_t;
typedef ushort uint16_t;
typedef int int32_t;
typedef uint uint32_t;
typedef long int64_t;
typedef ulong uint64_t;

#define KERNEL __kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
#define DEVICE static
/* Beside DEVICE, where it must not be a function of its own: PoCL's compiler fails over some whose
 * loops store to local memory. */
#define INLINE inline __attribute__((always_inline))
#define GLOBAL __global
#define LOCAL __local
#define group_number() ((int64_t)get_group_id(0))
#define item_number() ((int64_t)get_local_id(0))
/* A single item has nobody to wait for. */
#if ITEMS == 1
#define group_barrier()
#else
#define group_barrier() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#endif
#define keep_largest(at, value) atomic_max((at), (value))

/* ---- one number ------------------------------------------------------------------------------ */

#define bits_of(x) as_uint(x)
#define number_exp(x) exp(x)
#define square_root(x) sqrt(x)
#define from_bits(bits) as_float(bits)
#define load_half(data, at) vload_half((at), (const GLOBAL half *)(data))
#define store_half(data, at, x) vstore_half_rte((x), (at), (GLOBAL half *)(data))

/* ---- lanes ------------------------------------------------------------------------------------
 */

#define JOINED_(a, b) a##b
#define JOINED(a, b) JOINED_(a, b)

#if LANES == 1
typedef float lane;
typedef int lane_int;
#define lane_any(condition) (condition)
#define lane_bits(x) as_int(x)
#define lane_from_bits(bits) as_float(bits)
#define lane_load_f32(data, at) (((const GLOBAL float *)(data))[at])
#define lane_store_f32(data, at, x) (((GLOBAL float *)(data))[at] = (x))
#define lane_load_f16(data, at) load_half(data, at)
#define lane_store_f16(data, at, x) store_half(data, at, x)
#define lane_load_u16(data, at) ((lane_int)((const GLOBAL ushort *)(data))[at])
#define lane_store_u16(data, at, x) (((GLOBAL ushort *)(data))[at] = (ushort)(x))
#define lane_from_int(x) ((float)(x))
#define lane_to_int(x) ((int)(x))
#define lane_int_unsigned(x) as_uint(x)
#define lane_int_signed(x) as_int(x)
#define lane_from_array(array) ((array)[0])
#define lane_to_array(array, x) ((array)[0] = (x))
#define lane_even(a, b) (a)
#define lane_odd(a, b) (b)
#define lane_low(a, b) (a)
#define lane_high(a, b) (b)
#else
typedef JOINED(float, LANES) lane;
typedef JOINED(int, LANES) lane_int;
#define lane_any(condition) any(condition)
#define lane_bits(x) JOINED(as_int, LANES)(x)
#define lane_from_bits(bits) JOINED(as_float, LANES)(bits)
#define lane_load_f32(data, at) JOINED(vload, LANES)(0, (const GLOBAL float *)(data) + (at))
#define lane_store_f32(data, at, x) JOINED(vstore, LANES)((x), 0, (GLOBAL float *)(data) + (at))
#define lane_load_f16(data, at) JOINED(vload_half, LANES)(0, (const GLOBAL half *)(data) + (at))
#define lane_store_f16(data, at, x) \
  JOINED(JOINED(vstore_half, LANES), _rte)((x), 0, (GLOBAL half *)(data) + (at))
#define lane_load_u16(data, at) \
  JOINED(convert_int, LANES)(JOINED(vload, LANES)(0, (const GLOBAL ushort *)(data) + (at)))
#define lane_store_u16(data, at, x) \
  JOINED(vstore, LANES)(JOINED(convert_ushort, LANES)(x), 0, (GLOBAL ushort *)(data) + (at))
#define lane_from_int(x) JOINED(convert_float, LANES)(x)
#define lane_to_int(x) JOINED(convert_int, LANES)(x)
#define lane_int_unsigned(x) JOINED(as_uint, LANES)(x)
#define lane_int_signed(x) JOINED(as_int, LANES)(x)
#define lane_from_array(array) JOINED(vload, LANES)(0, (array))
#define lane_to_array(array, x) JOINED(vstore, LANES)((x), 0, (array))

/* Every other float of a and then of b; and a and b taking turns, by halves of the result. */
DEVICE lane lane_even(lane a, lane b) { return (lane)(a.even, b.even); }
DEVICE lane lane_odd(lane a, lane b) { return (lane)(a.odd, b.odd); }
DEVICE lane lane_low(lane a, lane b) {
  lane result;
  result.even = a.lo;
  result.odd = b.lo;
  return result;
}
DEVICE lane lane_high(lane a, lane b) {
  lane result;
  result.even = a.hi;
  result.odd = b.hi;
  return result;
}
#endif

/* Where the condition holds `yes`, elsewhere `no`; conditions come of comparing lanes. */
#define lane_select(condition, yes, no) select((no), (yes), (condition))
#define lane_of(x) ((lane)(x))
#define lane_fma(a, b, c) fma((a), (b), (c))
#define lane_exp(x) exp(x)
#define lane_log(x) log(x)
#define lane_sin(x) sin(x)
#define lane_cos(x) cos(x)
#define lane_abs(x) fabs(x)
#define lane_max(a, b) fmax((a), (b))
#define lane_min(a, b) fmin((a), (b))
#define lane_scale(x, power) ldexp((x), (power))
#define lane_int_select(condition, yes, no) select((no), (yes), (condition))
#define lane_int_of(x) ((lane_int)(x))
#define lane_int_clamp(x, least, most) clamp((x), (lane_int)(least), (lane_int)(most))
#define lane_int_max(a, b) max((a), (b))
/* These wrap around. */
#define lane_int_add(a, b) lane_int_signed(lane_int_unsigned(a) + lane_int_unsigned(b))
#define lane_int_multiply(a, b) lane_int_signed(lane_int_unsigned(a) * lane_int_unsigned(b))

/* a b + c, rounded once or twice, whichever is fast. Of a CPU, its compiler says what OpenCL's does
 * not. */
#if defined(FP_FAST_FMAF) || defined(__FMA__)
#define lane_multiply_add(a, b, c) fma((a), (b), (c))
#else
#define lane_multiply_add(a, b, c) mad((a), (b), (c))
#endif

#if LANES == 1
#define lane_sum(x) (x)
#elif LANES == 8
#define lane_sum(x) \
  ((((x).s0 + (x).s4) + ((x).s2 + (x).s6)) + (((x).s1 + (x).s5) + ((x).s3 + (x).s7)))
#elif LANES == 4
#define lane_sum(x) (((x).s0 + (x).s1) + ((x).s2 + (x).s3))
#else
/* By numbers in the end: Oclgrind loses track of halves of halves. */
DEVICE float lane_sum(lane x) {
  float8 e = x.lo + x.hi;
  return ((e.s0 + e.s4) + (e.s2 + e.s6)) + ((e.s1 + e.s5) + (e.s3 + e.s7));
}
#endif

/* ---- local memory ----------------------------------------------------------------------------
 */

/* A work-group's block of floats: declared once, at the start of a kernel, and carved by it. */
#define LOCAL_BLOCK(name, floats) LOCAL float name[floats] __attribute__((aligned(64)))

#if LANES == 1
#define lane_load_local(data, at) ((data)[at])
#define lane_store_local(data, at, x) ((data)[at] = (x))
#else
#define lane_load_local(data, at) JOINED(vload, LANES)(0, (data) + (at))
#define lane_store_local(data, at, x) JOINED(vstore, LANES)((x), 0, (data) + (at))
#endif

/* The next loop's trips are known: it is to be unrolled, so that its arrays become registers. */
#define UNROLL _Pragma("unroll")
