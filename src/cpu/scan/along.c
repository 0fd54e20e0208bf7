/* SPDX-License-Identifier: Apache-2.0 */
/* Prefix scans of rows whose tokens are contiguous, in vectors of tokens: results of LANES tokens
 * among themselves, by steps of 1, 2, 4, ... lanes, and then joined to what came before them.
 *
 * Only f32: 16-bit rows are converted on the way to rows of channels (rows.h). */
#include "cpu/scan/walk.h"

/* Lane i of the result is lane i - by of x; the first ones are those of `fill`. */
#define FROM(lanes, by, i) ((i) < (by) ? (lanes) + (i) : (i) - (by))
#define SHIFT_2(x, fill, by) __builtin_shufflevector(x, fill, FROM(2, by, 0), FROM(2, by, 1))
#define SHIFT_4(x, fill, by) \
  __builtin_shufflevector(x, fill, FROM(4, by, 0), FROM(4, by, 1), FROM(4, by, 2), FROM(4, by, 3))
#define SHIFT_8(x, fill, by)                                                                       \
  __builtin_shufflevector(x, fill, FROM(8, by, 0), FROM(8, by, 1), FROM(8, by, 2), FROM(8, by, 3), \
                          FROM(8, by, 4), FROM(8, by, 5), FROM(8, by, 6), FROM(8, by, 7))
#define SHIFT_16(x, fill, by)                                                                     \
  __builtin_shufflevector(x, fill, FROM(16, by, 0), FROM(16, by, 1), FROM(16, by, 2),             \
                          FROM(16, by, 3), FROM(16, by, 4), FROM(16, by, 5), FROM(16, by, 6),     \
                          FROM(16, by, 7), FROM(16, by, 8), FROM(16, by, 9), FROM(16, by, 10),    \
                          FROM(16, by, 11), FROM(16, by, 12), FROM(16, by, 13), FROM(16, by, 14), \
                          FROM(16, by, 15))
#if SEQMIX_VECTOR_BYTES == 64
#define VEC_SHIFT SHIFT_16
#define DVEC_SHIFT SHIFT_8
#elif SEQMIX_VECTOR_BYTES == 32
#define VEC_SHIFT SHIFT_8
#define DVEC_SHIFT SHIFT_4
#else
#define VEC_SHIFT SHIFT_4
#define DVEC_SHIFT SHIFT_2
#endif

/* What a row carries on. */
typedef struct row_carry {
  double sum;     /* the sum, the product's mantissa, the sum of exp(x - largest) */
  double power;   /* the product's power of two */
  double largest; /* the maximum so far; of logsumexp a number near it */
} row_carry;

/* ---- token by token: row ends, and what the fast ways leave to others --------------------------
 */

static void step_token(scan_kind kind, row_carry *c, double x) {
  const scan_value before = {kind == SCAN_MAX ? 0 : c->sum,
                             kind == SCAN_PRODUCT ? c->power : c->largest};
  scan_value own = {x, 0};
  if (kind == SCAN_MAX) own = (scan_value){0, x};
  if (kind == SCAN_LOGSUMEXP) own = x == x ? (scan_value){1, x} : (scan_value){x, -INFINITY};
  scan_value after = scan_join(kind, before, own, (scan_value){1, 0});
  c->sum = after.first;
  *(kind == SCAN_PRODUCT ? &c->power : &c->largest) = after.second;
}

static float token_result(scan_kind kind, const row_carry *c) {
  if (kind == SCAN_MAX) return (float)c->largest;
  if (kind == SCAN_LOGSUMEXP) return (float)(c->sum == 0 ? c->largest : c->largest + log(c->sum));
  if (kind == SCAN_SUM || c->power == 0) return (float)c->sum;
  double power = c->power > 2000 ? 2000 : c->power < -2000 ? -2000 : c->power;
  return (float)ldexp(c->sum, (int)power);
}

static void step_tokens(scan_kind kind, int is_exclusive, row_carry *c, const float *x, float *out,
                        int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (is_exclusive) out[i] = token_result(kind, c);
    step_token(kind, c, (double)x[i]);
    if (!is_exclusive) out[i] = token_result(kind, c);
  }
}

/* ---- sums and products ------------------------------------------------------------------------
 */

SEQMIX_INLINE dvec prefix_of_half(dvec x, int is_product) {
  const dvec fill = dvec_of(is_product);
#define STEP(by) x = is_product ? x * DVEC_SHIFT(x, fill, by) : x + DVEC_SHIFT(x, fill, by)
  STEP(1);
#if SEQMIX_VECTOR_BYTES >= 32
  STEP(2);
#endif
#if SEQMIX_VECTOR_BYTES >= 64
  STEP(4);
#endif
#undef STEP
  return x;
}

SEQMIX_INLINE wide prefix_of(wide x, int is_product) {
  x.low = prefix_of_half(x.low, is_product);
  x.high = prefix_of_half(x.high, is_product);
  dvec before = dvec_of(x.low[LANES / 2 - 1]);
  x.high = is_product ? x.high * before : x.high + before;
  return x;
}

SEQMIX_INLINE int add_vectors(row_carry *c, vec *x, int count) {
  wide sums[EACH_MOST];
  EACH(i, count) sums[i] = prefix_of(wide_from(x[i]), 0);
  EACH(i, count) {
    wide before = wide_of(c->sum);
    c->sum += sums[i].high[LANES / 2 - 1];
    x[i] = vec_from_wide(wide_add(sums[i], before));
  }
  return 1;
}

/* Products of LANES factors between these, and 0, stay far within f64. */
#define FACTOR_LEAST 0x1p-24f
#define FACTOR_MOST 0x1p24f

SEQMIX_INLINE int multiply_vectors(row_carry *c, vec *x, int count) {
  ivec is_far_off = ivec_of(0);
  EACH(i, count) {
    vec size = vec_from_bits(vec_bits(x[i]) & 0x7fffffff);
    is_far_off |= (size > FACTOR_MOST) | ((size < FACTOR_LEAST) & (size != 0.0f));
  }
  if (vec_any(is_far_off)) return 0;
  wide products[EACH_MOST];
  EACH(i, count) products[i] = prefix_of(wide_from(x[i]), 1);
  EACH(i, count) {
    scan_state s = {.sum = wide_multiply(products[i], wide_of(c->sum)), .power = wide_of(c->power)};
    x[i] = product_of(&s);
    c->sum *= products[i].high[LANES / 2 - 1];
    if (fabs(c->sum) > MANTISSA_MOST || (fabs(c->sum) < MANTISSA_LEAST && c->sum != 0)) {
      const scan_value one = {1, 0}, carry = {c->sum, c->power};
      scan_value split = scan_join(SCAN_PRODUCT, carry, one, one);
      c->sum = split.first, c->power = split.second;
    }
  }
  return 1;
}

/* ---- maxima -----------------------------------------------------------------------------------
 */

/* NaN is larger than anything, and stays. */
SEQMIX_INLINE vec larger(vec before, vec x) {
  return vec_select((x > before) | ~(x <= INFINITY), x, before);
}

SEQMIX_INLINE int raise_vectors(row_carry *c, vec *x, int count) {
  const vec fill = vec_of(-INFINITY);
  EACH(i, count) x[i] = larger(VEC_SHIFT(x[i], fill, 1), x[i]);
  EACH(i, count) x[i] = larger(VEC_SHIFT(x[i], fill, 2), x[i]);
#if SEQMIX_VECTOR_BYTES >= 32
  EACH(i, count) x[i] = larger(VEC_SHIFT(x[i], fill, 4), x[i]);
#endif
#if SEQMIX_VECTOR_BYTES >= 64
  EACH(i, count) x[i] = larger(VEC_SHIFT(x[i], fill, 8), x[i]);
#endif
  EACH(i, count) {
    x[i] = larger(vec_of((float)c->largest), x[i]);
    c->largest = (double)x[i][LANES - 1];
  }
  return 1;
}

/* ---- logsumexp --------------------------------------------------------------------------------
 */

/* What is carried and the numbers to come lie no further apart, or f32 would not hold the
 * exponentials of all. */
#define SPREAD_MOST 60.0

static double largest_of(const vec *x, int count) {
  vec most = x[0];
  for (int i = 1; i < count; i++) most = vec_max(most, x[i]);
  float largest = most[0];
  for (int i = 1; i < LANES; i++) largest = most[i] > largest ? most[i] : largest;
  return (double)largest;
}

/* Brings `largest` near that of the vectors; zero if they are left to others. */
static int follow_largest(row_carry *c, const vec *x, int count) {
  double level = c->sum > 0 ? c->largest : (double)x[0][0], largest = largest_of(x, count);
  if (!(fabs(level) < INFINITY && fabs(largest) < INFINITY && largest - level < SPREAD_MOST))
    return 0;
  if (c->sum > 0) c->sum *= exp(c->largest - largest);
  c->largest = largest;
  return 1;
}

SEQMIX_INLINE int add_exponentials(row_carry *c, vec *x, int count) {
  vec gap[EACH_MOST];
  ivec rises = ivec_of(0), is_nan = ivec_of(0);
  EACH(i, count) is_nan |= ~(x[i] <= INFINITY) | (x[i] == INFINITY);
  if (vec_any(is_nan)) return 0;
  EACH(i, count) rises |= ~(x[i] - vec_of((float)c->largest) <= RISE_MOST);
  if (vec_any(rises) && !follow_largest(c, x, count)) return 0;
  vec largest = vec_of((float)c->largest);
  EACH(i, count) gap[i] = vec_max(vec_of(LOG_OF_SMALLEST), x[i] - largest);
  vec_exp_each(gap, count);
  add_vectors(c, gap, count);
  vec_log_each(gap, count);
  EACH(i, count) x[i] = largest + gap[i];
  return 1;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

/* Vectors of tokens at once; zero if they must go token by token. */
SEQMIX_INLINE int take_vectors(scan_kind kind, row_carry *c, vec *x, int count) {
  switch (kind) {
    case SCAN_SUM: return add_vectors(c, x, count);
    case SCAN_PRODUCT: return multiply_vectors(c, x, count);
    case SCAN_MAX: return raise_vectors(c, x, count);
    default: return add_exponentials(c, x, count);
  }
}

SEQMIX_INLINE void run_row(scan_kind kind, int is_exclusive, int is_streamed, const float *x,
                           float *out, int64_t tokens) {
  row_carry c = {kind == SCAN_PRODUCT, 0, -INFINITY};
  float last = token_result(kind, &c);
  int64_t t = 0;
  for (; t + EACH_MOST * LANES <= tokens; t += EACH_MOST * LANES) {
    vec y[EACH_MOST];
    EACH(i, EACH_MOST) y[i] = vec_load(x + t + i * LANES);
    if (!take_vectors(kind, &c, y, EACH_MOST)) {
      step_tokens(kind, is_exclusive, &c, x + t, out + t, EACH_MOST * LANES);
      if (is_exclusive) last = token_result(kind, &c);
      continue;
    }
    EACH(i, EACH_MOST) {
      vec result = is_exclusive ? VEC_SHIFT(y[i], vec_of(last), 1) : y[i];
      if (is_exclusive) last = y[i][LANES - 1];
      is_streamed ? vec_stream(out + t + i * LANES, result)
                  : vec_store(out + t + i * LANES, result);
    }
  }
  step_tokens(kind, is_exclusive, &c, x + t, out + t, tokens - t);
}

#define RUN(kind)                                                                              \
  case kind:                                                                                   \
    if (is_exclusive)                                                                          \
      run_row(kind, 1, 0, x, out, tokens);                                                     \
    else                                                                                       \
      is_streamed ? run_row(kind, 0, 1, x, out, tokens) : run_row(kind, 0, 0, x, out, tokens); \
    break;

static void run_any(scan_kind kind, int is_exclusive, int is_streamed, const float *x, float *out,
                    int64_t tokens) {
  switch (kind) {
    RUN(SCAN_SUM)
    RUN(SCAN_PRODUCT)
    RUN(SCAN_MAX)
    default: RUN(SCAN_LOGSUMEXP)
  }
}

int scan_runs_along(const scan_job *job, const scan_stream *s) {
  return job->kind >= SCAN_SUM && s->x.dtype == SEQMIX_F32 && s->out.dtype == SEQMIX_F32 &&
         s->x.time == 1 && s->out.time == 1;
}

void scan_walk_along(const scan_job *job, const scan_stream *s, const scan_block *block) {
  for (int64_t c = block->c; c < block->c + block->channels; c++) {
    const float *x = (const float *)s->x.data + c * s->x.channel;
    float *out = (float *)s->out.data + c * s->out.channel;
    int is_streamed = s->out.is_streamed && (uintptr_t)out % SEQMIX_VECTOR_BYTES == 0;
    run_any(job->kind, job->is_exclusive, is_streamed, x, out, block->tokens);
  }
}
