/* SPDX-License-Identifier: Apache-2.0 */
/* The vector exp, log, tanh, softplus and silu of one level against the C library's float64 ones:
 * at most 2 ulp (of silu 3) over all of f32, and the class of infinities and NaN. Compiled once per
 * level, like the kernels. Tries some sixteen million floats spread over all exponents, or every
 * one if SEQMIX_TEST_CASES is set (minutes). */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "core/half.h"
#include "cpu/simd/each.h"
#include "support/level.h"
#include "support/suite.h"

/* A prime, so that low bits of the mantissa vary as much as high ones. */
enum { USUAL_STRIDE = 257 };

#define LOG_OF_2 0.693147180559945309

/* The largest number that vec_exp_each() is used for: see scan/state.h. */
#define RISE_MOST 4.0f

/* Distance of neighbouring floats around `value`. */
static double ulp_of(float value) {
  int exponent;
  float size = fabsf(value);
  if (size < 0x1p-126f) return 0x1p-149;
  frexpf(size, &exponent);
  return ldexp(1, exponent - 24);
}

/* In ulp; 0 if both are the same infinity or NaN, and infinite if only one is. An infinity where
 * the largest float would be right, or the other way round, is an error of one ulp. */
static double error_in_ulp(float got, double exact) {
  float rounded = (float)exact;
  if (isnan(exact)) return isnan(got) ? 0 : INFINITY;
  if (isinf(rounded) || isinf(got)) {
    if (rounded == got) return 0;
    return fabs(exact) > 0x1.fffffcp127 && got > 0x1.fffffcp127f ? 1 : INFINITY;
  }
  return fabs((double)got - exact) / ulp_of(rounded);
}

APART check_within(double limit, vec (*function)(vec), double (*exact)(double), const char *name) {
  uint64_t stride = suite_case_count(0) ? 1 : USUAL_STRIDE;
  double worst = 0;
  float worst_at = 0;
  for (uint64_t first = 0; first < UINT64_C(1) << 32; first += stride * LANES) {
    float x[LANES], y[LANES];
    for (int i = 0; i < LANES; i++) x[i] = seqmix_f32_from_bits((uint32_t)(first + i * stride));
    vec_store(y, function(vec_load(x)));
    for (int i = 0; i < LANES; i++) {
      double error = error_in_ulp(y[i], exact(x[i]));
      if (error <= worst) continue;
      worst = error;
      worst_at = x[i];
    }
  }
  printf("%s: at most %.2f ulp, at %a\n", name, worst, worst_at);
  ck_assert_msg(worst <= limit, "%s is %g ulp off at %a", name, worst, worst_at);
}

static void check_function(vec (*function)(vec), double (*exact)(double), const char *name) {
  check_within(2, function, exact, name);
}

static vec exp_of(vec x) { return vec_exp(x); }
static vec log_of(vec x) { return vec_log(x); }
static vec tanh_of(vec x) { return vec_tanh(x); }

/* Defined for x <= 0 only: of either sign it sees the negative. */
static vec exp_of_negative(vec x) {
  return vec_exp_of_negative(vec_from_bits(vec_bits(x) | INT32_MIN));
}
static double exact_exp_of_negative(double x) {
  double exact = exp(-fabs(x));
  return exact < FLT_MIN ? 0 : exact;
}

/* The sum of the two, and the second part alone, which near 0 is less than exp(x) by 1. */
static vec exp_in_two(vec x) {
  vec whole, part = vec_exp_in_two(x, &whole);
  return whole + part;
}
static vec part_of_exp(vec x) {
  vec whole;
  return vec_exp_in_two(x, &whole);
}
static double exact_part_of_exp(double x) { return fabs(x) < LOG_OF_2 / 2 ? expm1(x) : exp(x); }

/* ---- functions of several vectors, see each.h: of which the last is x -------------------------
 */

typedef struct several {
  vec x[EACH_MOST];
} several;

SEQMIX_INLINE several several_of(vec x) {
  several s = {{vec_of(1), vec_of(2), vec_of(3), x}};
  return s;
}

/* Within their domains: numbers outside are brought to their ends. NaN passes. */
static vec exp_each_of(vec x) {
  several s = several_of(vec_max(vec_of(LOG_OF_SMALLEST), vec_min(vec_of(RISE_MOST), x)));
  vec_exp_each(s.x, EACH_MOST);
  return s.x[EACH_MOST - 1];
}
static double exact_exp_each(double x) {
  return exp(x < LOG_OF_SMALLEST ? LOG_OF_SMALLEST : x > RISE_MOST ? RISE_MOST : x);
}

static vec log_each_of(vec x) {
  several s = several_of(vec_max(vec_of(1), vec_min(vec_of(FLT_MAX), x)));
  vec_log_each(s.x, EACH_MOST);
  return s.x[EACH_MOST - 1];
}
static double exact_log_each(double x) { return log(x < 1 ? 1 : x > FLT_MAX ? FLT_MAX : x); }

static vec softplus_each_of(vec x) {
  several s = several_of(x);
  vec_softplus_each(s.x, EACH_MOST);
  return s.x[EACH_MOST - 1];
}
static double exact_softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

/* Below, exp(x) has few digits left and the result, of 1e-36 and less, as few. */
#define SILU_LEAST (-87.0f)
static vec silu_each_of(vec x) {
  several s = several_of(vec_max(vec_of(SILU_LEAST), x));
  vec_silu_each(s.x, EACH_MOST);
  return s.x[EACH_MOST - 1];
}
static double exact_silu(double x) {
  double inside = x < SILU_LEAST ? SILU_LEAST : x;
  return inside / (1 + exp(-inside));
}

/* Whatever is beside it, and however many. */
APART check_neighbours(void) {
  float alone[LANES], last[LANES];
  for (int i = 0; i < LANES; i++) alone[i] = (float)(i - LANES / 2) * 0.37f;
  several s = several_of(vec_load(alone));
  vec x = s.x[EACH_MOST - 1];
  vec_softplus_each(s.x, EACH_MOST);
  vec_softplus_each(&x, 1);
  vec_store(last, s.x[EACH_MOST - 1]);
  vec_store(alone, x);
  for (int i = 0; i < LANES; i++) ck_assert(last[i] == alone[i]);
}

START_TEST(test_exp) {
  SKIP_WITHOUT_LEVEL();
  check_function(exp_of, exp, "exp");
}
END_TEST

START_TEST(test_exp_of_negative) {
  SKIP_WITHOUT_LEVEL();
  check_function(exp_of_negative, exact_exp_of_negative, "exp_of_negative");
}
END_TEST

START_TEST(test_exp_in_two) {
  SKIP_WITHOUT_LEVEL();
  check_function(exp_in_two, exp, "exp_in_two");
  check_function(part_of_exp, exact_part_of_exp, "part of exp_in_two");
}
END_TEST

START_TEST(test_log) {
  SKIP_WITHOUT_LEVEL();
  check_function(log_of, log, "log");
}
END_TEST

START_TEST(test_several) {
  SKIP_WITHOUT_LEVEL();
  check_function(exp_each_of, exact_exp_each, "exp of several");
  check_function(log_each_of, exact_log_each, "log of several");
  check_function(softplus_each_of, exact_softplus, "softplus of several");
  check_within(3, silu_each_of, exact_silu, "silu of several");
  check_neighbours();
}
END_TEST

START_TEST(test_tanh) {
  SKIP_WITHOUT_LEVEL();
  check_function(tanh_of, tanh, "tanh");
}
END_TEST

APART check_exact_points(void) {
  float y[LANES];
  vec_store(y, vec_exp(vec_of(0)));
  ck_assert(y[0] == 1);
  vec_store(y, vec_exp(vec_of(-INFINITY)));
  ck_assert(y[0] == 0);
  vec_store(y, vec_exp(vec_of(INFINITY) - vec_of(INFINITY)));
  ck_assert(isnan(y[0]));
  vec_store(y, vec_exp_of_negative(vec_of(-INFINITY)));
  ck_assert(y[0] == 0 && !signbit(y[0]));
  vec_store(y, vec_exp_of_negative(vec_of(-0.0f)));
  ck_assert(y[0] == 1);
  vec_store(y, vec_log(vec_of(1)));
  ck_assert(y[0] == 0 && !signbit(y[0]));
  vec_store(y, vec_log(vec_of(-0.0f)));
  ck_assert(y[0] == -INFINITY);
  vec_store(y, vec_log(vec_of(INFINITY)));
  ck_assert(y[0] == INFINITY);
  vec_store(y, vec_log(vec_of(-INFINITY)));
  ck_assert(isnan(y[0]));
  vec_store(y, vec_tanh(vec_of(-0.0f)));
  ck_assert(y[0] == 0 && signbit(y[0]));
}

/* Of these, too, and whatever is beside them. */
APART check_exact_points_of_several(void) {
  float y[LANES];
  several s = {{vec_of(INFINITY), vec_of(-INFINITY), vec_of(NAN), vec_of(-1e30f)}};
  several t = s;
  vec_softplus_each(s.x, EACH_MOST);
  vec_silu_each(t.x, EACH_MOST);
  vec_store(y, s.x[0]);
  ck_assert(y[0] == INFINITY);
  vec_store(y, s.x[1]);
  ck_assert(y[0] == 0);
  vec_store(y, s.x[2]);
  ck_assert(isnan(y[0]));
  vec_store(y, s.x[3]);
  ck_assert(y[0] == 0);
  vec_store(y, t.x[0]);
  ck_assert(y[0] == INFINITY);
  vec_store(y, t.x[1]); /* as C has -inf / (1 + inf) */
  ck_assert(isnan(y[0]));
  vec_store(y, t.x[2]);
  ck_assert(isnan(y[0]));
  vec_store(y, t.x[3]);
  ck_assert(y[0] == 0);
}

/* What softmax and the scans rely on. */
START_TEST(test_exact_points) {
  SKIP_WITHOUT_LEVEL();
  check_exact_points();
  check_exact_points_of_several();
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("vector_math_" LEVEL_NAME);
  TCase *tcase = tcase_create("vector_math");
  tcase_set_timeout(tcase, 0);
  suite_add(tcase, test_exp);
  suite_add(tcase, test_exp_of_negative);
  suite_add(tcase, test_exp_in_two);
  suite_add(tcase, test_log);
  suite_add(tcase, test_tanh);
  suite_add(tcase, test_several);
  suite_add(tcase, test_exact_points);
  suite_add_tcase(suite, tcase);
  return suite;
}
