/* SPDX-License-Identifier: Apache-2.0 */
/* What nvcc and NVRTC know by themselves, for a C++ compiler: put before each kernel text. It
 * includes nothing, since a program should be compiled in a moment. `__global__` and
 * `__launch_bounds__` are left to the stand-in for NVRTC, which looks for them. */

typedef __INT8_TYPE__ int8_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __INT16_TYPE__ int16_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __INT32_TYPE__ int32_t;
typedef __UINT32_TYPE__ uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INFINITY __builtin_inff()

#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __align__(bytes) __attribute__((aligned(bytes)))

/* Where something is called from. */
#define EMULATOR_FROM const char *file = __builtin_FILE(), int line = __builtin_LINE()

/* ---- numbers --------------------------------------------------------------------------------- */

/* Each by the name of C, and by the one for all types. */
#define EMULATOR_FUNCTION(name)                                           \
  static inline float name##f(float x) { return __builtin_##name##f(x); } \
  static inline float name(float x) { return __builtin_##name##f(x); }    \
  static inline double name(double x) { return __builtin_##name(x); }
EMULATOR_FUNCTION(exp)
EMULATOR_FUNCTION(exp2)
EMULATOR_FUNCTION(expm1)
EMULATOR_FUNCTION(log)
EMULATOR_FUNCTION(log2)
EMULATOR_FUNCTION(log1p)
EMULATOR_FUNCTION(sin)
EMULATOR_FUNCTION(cos)
EMULATOR_FUNCTION(tan)
EMULATOR_FUNCTION(tanh)
EMULATOR_FUNCTION(sqrt)
EMULATOR_FUNCTION(fabs)
EMULATOR_FUNCTION(floor)
EMULATOR_FUNCTION(ceil)
EMULATOR_FUNCTION(rint)
EMULATOR_FUNCTION(trunc)
EMULATOR_FUNCTION(erf)
#define EMULATOR_FUNCTION_OF_TWO(name)                                                \
  static inline float name##f(float x, float y) { return __builtin_##name##f(x, y); } \
  static inline float name(float x, float y) { return __builtin_##name##f(x, y); }    \
  static inline double name(double x, double y) { return __builtin_##name(x, y); }
EMULATOR_FUNCTION_OF_TWO(pow)
EMULATOR_FUNCTION_OF_TWO(fmax)
EMULATOR_FUNCTION_OF_TWO(fmin)
EMULATOR_FUNCTION_OF_TWO(fmod)
EMULATOR_FUNCTION_OF_TWO(copysign)
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)
static inline float rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }
static inline float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline float ldexpf(float x, int power) { return __builtin_ldexpf(x, power); }
static inline float ldexp(float x, int power) { return __builtin_ldexpf(x, power); }
static inline double ldexp(double x, int power) { return __builtin_ldexp(x, power); }
static inline float frexpf(float x, int *power) { return __builtin_frexpf(x, power); }
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __expf(float x) { return __builtin_expf(x); }
static inline float __logf(float x) { return __builtin_logf(x); }

#define EMULATOR_LEAST_AND_MOST(type)                              \
  static inline type min(type a, type b) { return b < a ? b : a; } \
  static inline type max(type a, type b) { return a < b ? b : a; }
EMULATOR_LEAST_AND_MOST(int)
EMULATOR_LEAST_AND_MOST(unsigned)
EMULATOR_LEAST_AND_MOST(long long)
EMULATOR_LEAST_AND_MOST(unsigned long long)
static inline float min(float a, float b) { return __builtin_fminf(a, b); }
static inline float max(float a, float b) { return __builtin_fmaxf(a, b); }

template <typename To, typename From>
static inline To emulator_same_bits(const From &from) {
  static_assert(sizeof(To) == sizeof(From), "bits of one size");
  return __builtin_bit_cast(To, from);
}
static inline int __float_as_int(float x) { return emulator_same_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return emulator_same_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return emulator_same_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return emulator_same_bits<float>(x); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
template <typename T>
static inline T __ldg(const T *from) {
  return *from;
}

/* ---- threads --------------------------------------------------------------------------------- */

struct emulator_index {
  unsigned x, y, z;
};

extern "C" {
/* Neither changes while a thread runs. */
unsigned emulator_thread_index(void) __attribute__((const));
unsigned emulator_block_index(void) __attribute__((const));
unsigned emulator_block_threads(void) __attribute__((const));
unsigned emulator_grid_blocks(void) __attribute__((const));

void *emulator_local_memory(uint64_t bytes, int is_given, EMULATOR_FROM);

/* Kinds of barrier: 0 plain, 1 or, 2 and, 3 count. */
int emulator_barrier(int kind, int condition, const char *file, int line);
void emulator_named_barrier(int number, int threads, EMULATOR_FROM);
void emulator_warp_barrier(unsigned mask, const char *file, int line);
/* Kinds of shuffle: 0 of a lane, 1 up, 2 down, 3 xor. Kinds of vote: 0 any, 1 all, 2 ballot. */
uint64_t emulator_shuffle(int kind, unsigned mask, uint64_t bits, int by, int width,
                          const char *file, int line);
unsigned emulator_vote(int kind, unsigned mask, int condition, const char *file, int line);
}

#define threadIdx (emulator_index{emulator_thread_index(), 0u, 0u})
#define blockIdx (emulator_index{emulator_block_index(), 0u, 0u})
#define blockDim (emulator_index{emulator_block_threads(), 1u, 1u})
#define gridDim (emulator_index{emulator_grid_blocks(), 1u, 1u})
#define warpSize 32

/* Constants are defined behind this text: one that is not spells its own name. */
#define EMULATOR_SPELL(x) #x
#define EMULATOR_SPELLED(x) EMULATOR_SPELL(x)
#define emulator_local_block(bytes) \
  (float *)emulator_local_memory((bytes), EMULATOR_SPELLED(LOCAL_BYTES)[0] != 'L')

static inline void __syncthreads(EMULATOR_FROM) { emulator_barrier(0, 0, file, line); }
static inline int __syncthreads_or(int condition, EMULATOR_FROM) {
  return emulator_barrier(1, condition, file, line);
}
static inline int __syncthreads_and(int condition, EMULATOR_FROM) {
  return emulator_barrier(2, condition, file, line);
}
static inline int __syncthreads_count(int condition, EMULATOR_FROM) {
  return emulator_barrier(3, condition, file, line);
}
static inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATOR_FROM) {
  emulator_warp_barrier(mask, file, line);
}
static inline void __threadfence(void) {}
static inline void __threadfence_block(void) {}

template <typename T>
static inline T emulator_shuffled(int kind, unsigned mask, T value, int by, int width,
                                  const char *file, int line) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  if constexpr (sizeof(T) == 4) {
    uint32_t bits = emulator_same_bits<uint32_t>(value);
    return emulator_same_bits<T>(
        (uint32_t)emulator_shuffle(kind, mask, bits, by, width, file, line));
  } else {
    uint64_t bits = emulator_same_bits<uint64_t>(value);
    return emulator_same_bits<T>(emulator_shuffle(kind, mask, bits, by, width, file, line));
  }
}
#define EMULATOR_SHUFFLE(name, kind)                                                    \
  template <typename T>                                                                 \
  static inline T name(unsigned mask, T value, int by, int width = 32, EMULATOR_FROM) { \
    return emulator_shuffled(kind, mask, value, by, width, file, line);                 \
  }
EMULATOR_SHUFFLE(__shfl_sync, 0)
EMULATOR_SHUFFLE(__shfl_up_sync, 1)
EMULATOR_SHUFFLE(__shfl_down_sync, 2)
EMULATOR_SHUFFLE(__shfl_xor_sync, 3)
static inline int __any_sync(unsigned mask, int condition, EMULATOR_FROM) {
  return (int)emulator_vote(0, mask, condition, file, line);
}
static inline int __all_sync(unsigned mask, int condition, EMULATOR_FROM) {
  return (int)emulator_vote(1, mask, condition, file, line);
}
static inline unsigned __ballot_sync(unsigned mask, int condition, EMULATOR_FROM) {
  return emulator_vote(2, mask, condition, file, line);
}

/* ---- atomics --------------------------------------------------------------------------------- */

/* Operations: 0 add, 1 the larger, 2 the smaller, 3 or, 4 and, 5 exchange. */
extern "C" {
int emulator_atomic_int(int operation, int *at, int value);
unsigned emulator_atomic_unsigned(int operation, unsigned *at, unsigned value);
uint64_t emulator_atomic_long(int operation, uint64_t *at, uint64_t value);
float emulator_atomic_float(int operation, float *at, float value);
uint64_t emulator_compare_and_swap(void *at, int bytes, uint64_t expected, uint64_t value);
}
#define EMULATOR_ATOMIC(name, operation)                               \
  static __forceinline__ int name(int *at, int value) {                \
    return emulator_atomic_int(operation, at, value);                  \
  }                                                                    \
  static __forceinline__ unsigned name(unsigned *at, unsigned value) { \
    return emulator_atomic_unsigned(operation, at, value);             \
  }                                                                    \
  static __forceinline__ uint64_t name(uint64_t *at, uint64_t value) { \
    return emulator_atomic_long(operation, at, value);                 \
  }
EMULATOR_ATOMIC(atomicAdd, 0)
EMULATOR_ATOMIC(atomicMax, 1)
EMULATOR_ATOMIC(atomicMin, 2)
EMULATOR_ATOMIC(atomicOr, 3)
EMULATOR_ATOMIC(atomicAnd, 4)
EMULATOR_ATOMIC(atomicExch, 5)
static __forceinline__ float atomicAdd(float *at, float value) {
  return emulator_atomic_float(0, at, value);
}
static __forceinline__ float atomicExch(float *at, float value) {
  return emulator_atomic_float(5, at, value);
}
template <typename T>
static __forceinline__ T atomicCAS(T *at, T expected, T value) {
  return (T)emulator_compare_and_swap(at, (int)sizeof(T), (uint64_t)expected, (uint64_t)value);
}

/* ---- the functions of kernels/shared/ptx.h --------------------------------------------------- */

extern "C" {
float half_to_float(uint16_t bits) __attribute__((const));
uint16_t float_to_half(float x) __attribute__((const));
static inline void forget_uses(float *) {}
uint32_t pack_f16(float first, float second) __attribute__((const));
uint32_t pack_bf16(float first, float second) __attribute__((const));
float power_of_two(float x) __attribute__((const));

void mma_f16(float *d, const uint32_t *a, const uint32_t *b, EMULATOR_FROM);
void mma_bf16(float *d, const uint32_t *a, const uint32_t *b, EMULATOR_FROM);
void load_matrices(uint32_t *parts, const void *row, EMULATOR_FROM);
void load_matrices_turned(uint32_t *parts, const void *row, EMULATOR_FROM);

void start_copy_16(void *to, const void *from, int is_wanted);
void commit_copies(void);
void wait_for_copies(int groups);
}

/* ---- kernels as the stand-in for the driver finds them --------------------------------------- */

extern "C" struct emulator_kernel {
  const char *name;
  int threads_most; /* of a block, by its launch bounds */
  int parameters;
  const uint32_t *bytes; /* of each parameter */
  void (*call)(void **parameters);
};

template <typename T>
struct emulator_signature;
template <typename... T>
struct emulator_signature<void (*)(T...)> {
  static constexpr int count = sizeof...(T);
  static constexpr uint32_t bytes[] = {(uint32_t)sizeof(T)..., 0};
};
template <int...>
struct emulator_numbers {};
template <int n, int... rest>
struct emulator_count : emulator_count<n - 1, n - 1, rest...> {};
template <int... rest>
struct emulator_count<0, rest...> {
  typedef emulator_numbers<rest...> type;
};

#define EMULATOR_UNSEEN __attribute__((no_sanitize_thread, no_sanitize_undefined))
template <typename... T, int... n>
static inline EMULATOR_UNSEEN void emulator_call(void (*kernel)(T...), void **parameters,
                                                 emulator_numbers<n...>) {
  kernel(*(T *)parameters[n]...);
}
/* A kernel's entry; the stand-in for NVRTC writes one for each. */
template <auto kernel>
static EMULATOR_UNSEEN void emulator_call_of(void **parameters) {
  emulator_call(kernel, parameters,
                typename emulator_count<emulator_signature<decltype(kernel)>::count>::type());
}
