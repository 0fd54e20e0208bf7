/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes of several floats in CUDA C++, which has no arithmetic of vectors. Conditions are -1 or 0
 * per float, as OpenCL has them. */

struct __align__(16) lane {
  float at[LANES];
};
struct __align__(16) lane_int {
  int32_t at[LANES];
};

#define EACH_LANE UNROLL for (int32_t i = 0; i < LANES; i++)

DEVICE INLINE lane lane_of(float x) {
  lane r;
  EACH_LANE r.at[i] = x;
  return r;
}
DEVICE INLINE lane_int lane_int_of(int32_t x) {
  lane_int r;
  EACH_LANE r.at[i] = x;
  return r;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

#define LANE_OPERATOR(kind, op)                                  \
  DEVICE INLINE kind operator op(const kind &a, const kind &b) { \
    kind r;                                                      \
    EACH_LANE r.at[i] = a.at[i] op b.at[i];                      \
    return r;                                                    \
  }                                                              \
  DEVICE INLINE kind &operator op##=(kind &a, const kind &b) {   \
    a = a op b;                                                  \
    return a;                                                    \
  }
LANE_OPERATOR(lane, +)
LANE_OPERATOR(lane, -)
LANE_OPERATOR(lane, *)
LANE_OPERATOR(lane, /)
LANE_OPERATOR(lane_int, &)
LANE_OPERATOR(lane_int, |)
LANE_OPERATOR(lane_int, ^)

/* Integers wrap around. */
DEVICE INLINE int32_t wrapped(uint32_t x) { return (int32_t)x; }
#define LANE_INT_WRAPPING(op)                                                \
  DEVICE INLINE lane_int operator op(const lane_int &a, const lane_int &b) { \
    lane_int r;                                                              \
    EACH_LANE r.at[i] = wrapped((uint32_t)a.at[i] op(uint32_t) b.at[i]);     \
    return r;                                                                \
  }                                                                          \
  DEVICE INLINE lane_int &operator op##=(lane_int &a, const lane_int &b) {   \
    a = a op b;                                                              \
    return a;                                                                \
  }
LANE_INT_WRAPPING(+)
LANE_INT_WRAPPING(-)
LANE_INT_WRAPPING(*)

/* With one number for all. */
#define LANE_INT_SCALAR(op) \
  DEVICE INLINE lane_int operator op(const lane_int &a, int32_t b) { return a op lane_int_of(b); }
LANE_INT_SCALAR(+)
LANE_INT_SCALAR(-)
LANE_INT_SCALAR(&)
LANE_INT_SCALAR(|)
DEVICE INLINE lane_int operator<<(const lane_int &a, int32_t by) {
  lane_int r;
  EACH_LANE r.at[i] = wrapped((uint32_t)a.at[i] << by);
  return r;
}
DEVICE INLINE lane_int operator>>(const lane_int &a, int32_t by) {
  lane_int r;
  EACH_LANE r.at[i] = a.at[i] >> by;
  return r;
}

DEVICE INLINE lane operator-(const lane &a) {
  lane r;
  EACH_LANE r.at[i] = -a.at[i];
  return r;
}

#define LANE_COMPARISON(kind, op)                                    \
  DEVICE INLINE lane_int operator op(const kind &a, const kind &b) { \
    lane_int r;                                                      \
    EACH_LANE r.at[i] = a.at[i] op b.at[i] ? -1 : 0;                 \
    return r;                                                        \
  }
LANE_COMPARISON(lane, ==)
LANE_COMPARISON(lane, !=)
LANE_COMPARISON(lane, <)
LANE_COMPARISON(lane, <=)
LANE_COMPARISON(lane, >)
LANE_COMPARISON(lane, >=)
LANE_COMPARISON(lane_int, ==)
LANE_COMPARISON(lane_int, !=)
LANE_COMPARISON(lane_int, <)
LANE_COMPARISON(lane_int, >)
DEVICE INLINE lane_int operator&&(const lane_int &a, const lane_int &b) { return a & b; }
DEVICE INLINE lane_int operator||(const lane_int &a, const lane_int &b) { return a | b; }

DEVICE INLINE lane lane_select(const lane_int &condition, const lane &yes, const lane &no) {
  lane r;
  EACH_LANE r.at[i] = condition.at[i] ? yes.at[i] : no.at[i];
  return r;
}
DEVICE INLINE lane_int lane_int_select(const lane_int &condition, const lane_int &yes,
                                       const lane_int &no) {
  lane_int r;
  EACH_LANE r.at[i] = condition.at[i] ? yes.at[i] : no.at[i];
  return r;
}
DEVICE INLINE lane_int lane_select(const lane_int &condition, const lane_int &yes,
                                   const lane_int &no) {
  return lane_int_select(condition, yes, no);
}
DEVICE INLINE int lane_any(const lane_int &condition) {
  int any = 0;
  EACH_LANE any |= condition.at[i] != 0;
  return any;
}

/* ---- functions ------------------------------------------------------------------------------- */

#define LANE_FUNCTION(name, function)      \
  DEVICE INLINE lane name(const lane &x) { \
    lane r;                                \
    EACH_LANE r.at[i] = function(x.at[i]); \
    return r;                              \
  }
LANE_FUNCTION(lane_exp, expf)
LANE_FUNCTION(lane_log, logf)
LANE_FUNCTION(lane_sin, sinf)
LANE_FUNCTION(lane_cos, cosf)
LANE_FUNCTION(lane_abs, fabsf)

#define LANE_FUNCTION_OF_TWO(kind, name, function)        \
  DEVICE INLINE kind name(const kind &a, const kind &b) { \
    kind r;                                               \
    EACH_LANE r.at[i] = function(a.at[i], b.at[i]);       \
    return r;                                             \
  }
LANE_FUNCTION_OF_TWO(lane, lane_max, fmaxf)
LANE_FUNCTION_OF_TWO(lane, lane_min, fminf)
LANE_FUNCTION_OF_TWO(lane_int, lane_int_max, max)
#define lane_int_add(a, b) ((a) + (b))
#define lane_int_multiply(a, b) ((a) * (b))

DEVICE INLINE lane lane_fma(const lane &a, const lane &b, const lane &c) {
  lane r;
  EACH_LANE r.at[i] = fmaf(a.at[i], b.at[i], c.at[i]);
  return r;
}
#define lane_multiply_add(a, b, c) lane_fma((a), (b), (c))

DEVICE INLINE lane lane_scale(const lane &x, const lane_int &power) {
  lane r;
  EACH_LANE r.at[i] = ldexpf(x.at[i], power.at[i]);
  return r;
}
DEVICE INLINE lane_int lane_int_clamp(const lane_int &x, int32_t least, int32_t most) {
  lane_int r;
  EACH_LANE r.at[i] = min(max(x.at[i], least), most);
  return r;
}

/* Halves are added, again and again. */
DEVICE INLINE float lane_sum(const lane &x) {
  float sums[LANES];
  EACH_LANE sums[i] = x.at[i];
  UNROLL for (int32_t half = LANES / 2; half > 0; half /= 2) {
    UNROLL for (int32_t i = 0; i < half; i++) sums[i] += sums[i + half];
  }
  return sums[0];
}

/* ---- conversions ----------------------------------------------------------------------------- */

DEVICE INLINE lane_int lane_bits(const lane &x) {
  lane_int r;
  EACH_LANE r.at[i] = __float_as_int(x.at[i]);
  return r;
}
DEVICE INLINE lane lane_from_bits(const lane_int &bits) {
  lane r;
  EACH_LANE r.at[i] = __int_as_float(bits.at[i]);
  return r;
}
DEVICE INLINE lane lane_from_int(const lane_int &x) {
  lane r;
  EACH_LANE r.at[i] = (float)x.at[i];
  return r;
}
DEVICE INLINE lane_int lane_to_int(const lane &x) {
  lane_int r;
  EACH_LANE r.at[i] = (int32_t)x.at[i];
  return r;
}

/* ---- memory ---------------------------------------------------------------------------------- */

DEVICE INLINE int is_aligned(const void *memory, uint32_t bytes) {
  return ((uint64_t)memory & (bytes - 1)) == 0;
}

/* Tensors may begin at any element: whole vectors where they lie so. */
DEVICE INLINE lane lane_load_f32(const void *data, int64_t at) {
  const float *from = (const float *)data + at;
  if (is_aligned(from, 16)) return *(const lane *)from;
  lane r;
  EACH_LANE r.at[i] = from[i];
  return r;
}
DEVICE INLINE void lane_store_f32(void *data, int64_t at, const lane &x) {
  float *to = (float *)data + at;
  if (is_aligned(to, 16)) {
    *(lane *)to = x;
  } else {
    EACH_LANE to[i] = x.at[i];
  }
}

struct __align__(8) four_halves {
  uint16_t at[4];
};
DEVICE INLINE lane_int lane_load_u16(const void *data, int64_t at) {
  const uint16_t *from = (const uint16_t *)data + at;
  lane_int r;
  if (is_aligned(from, 8)) {
    UNROLL for (int32_t j = 0; j < LANES; j += 4) {
      four_halves part = *(const four_halves *)(from + j);
      UNROLL for (int32_t i = 0; i < 4; i++) r.at[j + i] = part.at[i];
    }
  } else {
    EACH_LANE r.at[i] = from[i];
  }
  return r;
}
DEVICE INLINE void lane_store_u16(void *data, int64_t at, const lane_int &x) {
  uint16_t *to = (uint16_t *)data + at;
  if (is_aligned(to, 8)) {
    UNROLL for (int32_t j = 0; j < LANES; j += 4) {
      four_halves part;
      UNROLL for (int32_t i = 0; i < 4; i++) part.at[i] = (uint16_t)x.at[j + i];
      *(four_halves *)(to + j) = part;
    }
  } else {
    EACH_LANE to[i] = (uint16_t)x.at[i];
  }
}
DEVICE INLINE lane lane_load_f16(const void *data, int64_t at) {
  lane_int bits = lane_load_u16(data, at);
  lane r;
  EACH_LANE r.at[i] = half_to_float((uint16_t)bits.at[i]);
  return r;
}
DEVICE INLINE void lane_store_f16(void *data, int64_t at, const lane &x) {
  lane_int bits;
  EACH_LANE bits.at[i] = float_to_half(x.at[i]);
  lane_store_u16(data, at, bits);
}

/* Local memory is carved in whole lanes, and so is workspace. */
#define lane_load_local(data, at) (*(const lane *)((data) + (at)))
#define lane_store_local(data, at, x) (*(lane *)((data) + (at)) = (x))

/* An item's own arrays are registers and have no alignment; memory that a pointer leads to is that
 * of lanes. */
template <typename Place>
struct lane_place {
  static __device__ INLINE lane load(const float *from) { return *(const lane *)from; }
  static __device__ INLINE void store(float *to, const lane &x) { *(lane *)to = x; }
};
template <int Count>
struct lane_place<float[Count]> {
  static __device__ INLINE lane load(const float *from) {
    lane r;
    EACH_LANE r.at[i] = from[i];
    return r;
  }
  static __device__ INLINE void store(float *to, const lane &x) { EACH_LANE to[i] = x.at[i]; }
};
#define lane_from_array(array) lane_place<decltype(array)>::load(array)
#define lane_to_array(array, x) lane_place<decltype(array)>::store((array), (x))

/* ---- order ----------------------------------------------------------------------------------- */

/* Every other float of a and then of b; and a and b taking turns, by halves of the result. */
DEVICE INLINE lane lane_even(const lane &a, const lane &b) {
  lane r;
  UNROLL for (int32_t i = 0; i < LANES / 2; i++) {
    r.at[i] = a.at[2 * i];
    r.at[i + LANES / 2] = b.at[2 * i];
  }
  return r;
}
DEVICE INLINE lane lane_odd(const lane &a, const lane &b) {
  lane r;
  UNROLL for (int32_t i = 0; i < LANES / 2; i++) {
    r.at[i] = a.at[2 * i + 1];
    r.at[i + LANES / 2] = b.at[2 * i + 1];
  }
  return r;
}
DEVICE INLINE lane lane_low(const lane &a, const lane &b) {
  lane r;
  UNROLL for (int32_t i = 0; i < LANES / 2; i++) {
    r.at[2 * i] = a.at[i];
    r.at[2 * i + 1] = b.at[i];
  }
  return r;
}
DEVICE INLINE lane lane_high(const lane &a, const lane &b) {
  lane r;
  UNROLL for (int32_t i = 0; i < LANES / 2; i++) {
    r.at[2 * i] = a.at[i + LANES / 2];
    r.at[2 * i + 1] = b.at[i + LANES / 2];
  }
  return r;
}
