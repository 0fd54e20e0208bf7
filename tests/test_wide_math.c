/* SPDX-License-Identifier: Apache-2.0 */
/* A level's lanes in f64: conversions, complex products, and exp, sin, cos and softplus against the
 * C library's, to within 3e-14. Compiled once per level, like the kernels. */
#include <math.h>
#include <stdio.h>

#include "cpu/simd/each.h"
#include "cpu/simd/wide_math.h"
#include "support/level.h"
#include "support/suite.h"
#include "verify/random.h"

enum { DRAWS = 20000 };

#define BOUND 3e-14

/* Of any size that f32 has, either sign. */
static double draw(random_state *random) {
  return random_normal(random) * ldexp(1, (int)random_integer(random, -120, 120));
}

/* ---- between f32 and f64 --------------------------------------------------------------------- */

/* Not aligned to anything but its elements. */
APART check_to_wide(random_state *random) {
  float x[LANES + 1];
  double y[LANES + 1];
  for (int i = 0; i <= LANES; i++) x[i] = (float)draw(random);
  wide_store(y + 1, wide_from_memory(x + 1));
  for (int i = 1; i <= LANES; i++) ck_assert(y[i] == x[i]);
  wide_store(y, wide_from(vec_load(x)));
  for (int i = 0; i < LANES; i++) ck_assert(y[i] == x[i]);
  dvec half = dvec_from_floats(x + 1);
  for (int i = 0; i < WIDE_LANES; i++) ck_assert(half[i] == x[1 + i]);
}

APART check_from_wide(random_state *random) {
  double x[LANES + 1];
  float y[LANES];
  for (int i = 0; i <= LANES; i++) x[i] = draw(random);
  vec_store(y, vec_from_wide(wide_load(x + 1)));
  for (int i = 0; i < LANES; i++) ck_assert(y[i] == (float)x[i + 1]);
}

/* Beyond f32, and what is no number. */
APART check_odd_numbers(void) {
  const float odd[] = {INFINITY, -INFINITY, NAN, -0.0f, 0x1p-149f};
  const double large[] = {1e300, -1e300, NAN, -1e-300, INFINITY};
  for (int i = 0; i < 5; i++) {
    double x[LANES];
    float y[LANES];
    wide_store(x, wide_from(vec_of(odd[i])));
    vec_store(y, vec_from_wide(wide_of(large[i])));
    for (int k = 0; k < LANES; k++) {
      ck_assert(x[k] == odd[i] || (isnan(x[k]) && isnan(odd[i])));
      ck_assert(!signbit(x[k]) == !signbit(odd[i]) || isnan(odd[i]));
      ck_assert(y[k] == (float)large[i] || (isnan(y[k]) && isnan(large[i])));
    }
  }
}

APART check_conversions(void) {
  random_state random = random_start(suite_seed("conversions"));
  for (int i = 0; i < DRAWS; i++) {
    check_to_wide(&random);
    check_from_wide(&random);
  }
  check_odd_numbers();
}

START_TEST(test_conversions) {
  SKIP_WITHOUT_LEVEL();
  check_conversions();
}
END_TEST

/* ---- products of complex numbers ------------------------------------------------------------- */

APART check_complex_product(random_state *random) {
  double x[LANES], y[LANES], z[LANES], got[LANES];
  for (int i = 0; i < LANES; i++) {
    x[i] = random_normal(random);
    y[i] = random_normal(random);
    z[i] = random_normal(random);
  }
  wide_store(got, wide_complex_multiply_add(wide_load(x), wide_load(y), wide_load(z)));
  for (int i = 0; i < LANES; i += 2) {
    double re = x[i] * y[i] - x[i + 1] * y[i + 1] + z[i];
    double im = x[i] * y[i + 1] + x[i + 1] * y[i] + z[i + 1];
    double size =
        (fabs(x[i]) + fabs(x[i + 1])) * (fabs(y[i]) + fabs(y[i + 1])) + fabs(z[i]) + fabs(z[i + 1]);
    ck_assert(fabs(got[i] - re) <= 1e-15 * size && fabs(got[i + 1] - im) <= 1e-15 * size);
  }
}

APART check_complex_products(void) {
  random_state random = random_start(suite_seed("complex"));
  for (int i = 0; i < DRAWS; i++) check_complex_product(&random);
}

START_TEST(test_complex_products) {
  SKIP_WITHOUT_LEVEL();
  check_complex_products();
}
END_TEST

/* ---- functions ------------------------------------------------------------------------------- */

typedef struct worst {
  double error, at;
} worst;

static void note(worst *w, double got, double exact, double size, double at) {
  double error = fabs(got - exact) / size;
  if (error > w->error || isnan(error)) *w = (worst){error, at};
}

static void check_worst(const char *name, const worst *w, double bound) {
  printf("%s: at most %.1e, at %a\n", name, w->error, w->at);
  ck_assert_msg(w->error <= bound, "%s is %g off at %a", name, w->error, w->at);
}

/* Of tiny and of ordinary numbers, up to `most`. */
static void draw_angles(random_state *random, double most, double *x) {
  for (int i = 0; i < WIDE_LANES; i++) {
    double part = random_unit(random) * 2 - 1;
    x[i] =
        random_one_in(random, 2) ? part * most : ldexp(part, -(int)random_integer(random, 0, 60));
  }
}

APART try_exp(random_state *random, worst *whole, worst *less) {
  double x[LANES], y[LANES], z[LANES];
  draw_angles(random, 700, x);
  *(dvec_in_memory *)y = dvec_exp(*(const dvec_in_memory *)x);
  *(dvec_in_memory *)z = dvec_exp_minus_one(*(const dvec_in_memory *)x);
  for (int i = 0; i < WIDE_LANES; i++) {
    note(whole, y[i], exp(x[i]), exp(x[i]), x[i]);
    if (x[i] != 0) note(less, z[i], expm1(x[i]), fabs(expm1(x[i])), x[i]);
  }
}

APART check_exp(void) {
  random_state random = random_start(suite_seed("exp"));
  worst whole = {0, 0}, less = {0, 0};
  for (int i = 0; i < DRAWS; i++) try_exp(&random, &whole, &less);
  check_worst("exp", &whole, BOUND);
  check_worst("exp less one", &less, BOUND);
}

START_TEST(test_exp) {
  SKIP_WITHOUT_LEVEL();
  check_exp();
}
END_TEST

APART try_angles(random_state *random, double most, worst *w) {
  double x[LANES], s[LANES], c[LANES];
  dvec sine, cosine;
  draw_angles(random, most, x);
  dvec_sin_cos(*(const dvec_in_memory *)x, &sine, &cosine);
  *(dvec_in_memory *)s = sine;
  *(dvec_in_memory *)c = cosine;
  for (int i = 0; i < WIDE_LANES; i++) {
    note(w, s[i], sin(x[i]), 1, x[i]);
    note(w, c[i], cos(x[i]), 1, x[i]);
  }
}

APART check_sin_cos(void) {
  random_state random = random_start(suite_seed("angles"));
  worst near = {0, 0}, far = {0, 0};
  for (int i = 0; i < DRAWS; i++) {
    try_angles(&random, 10, &near);
    try_angles(&random, FAR_ANGLE, &far);
  }
  check_worst("sin and cos", &near, BOUND);
  check_worst("sin and cos of far angles", &far, BOUND);
}

START_TEST(test_sin_cos) {
  SKIP_WITHOUT_LEVEL();
  check_sin_cos();
}
END_TEST

/* The logarithm that it improves is given as f32 has it. */
APART try_softplus(random_state *random, worst *w) {
  double x[LANES], y[LANES];
  float tail[LANES];
  draw_angles(random, 80, x);
  for (int i = 0; i < WIDE_LANES; i++) tail[i] = (float)log1p(exp(-fabs(x[i])));
  *(dvec_in_memory *)y = dvec_softplus(*(const dvec_in_memory *)x, dvec_from_floats(tail));
  for (int i = 0; i < WIDE_LANES; i++) {
    double exact = x[i] > 0 ? x[i] + log1p(exp(-x[i])) : log1p(exp(x[i]));
    note(w, y[i], exact, exact, x[i]);
  }
}

APART check_softplus(void) {
  random_state random = random_start(suite_seed("softplus"));
  worst w = {0, 0};
  for (int i = 0; i < DRAWS; i++) try_softplus(&random, &w);
  check_worst("softplus", &w, BOUND);
}

START_TEST(test_softplus) {
  SKIP_WITHOUT_LEVEL();
  check_softplus();
}
END_TEST

APART check_ends(void) {
  const double x[] = {0, -INFINITY, INFINITY, -800, 800, -745},
               exact[] = {1, 0, INFINITY, 0, INFINITY, 0x1p-1074};
  for (int i = 0; i < 6; i++) ck_assert(dvec_exp(dvec_of(x[i]))[0] == exact[i]);
  ck_assert(isnan(dvec_exp(dvec_of(NAN))[0]));
}

/* What the selective scan relies on. */
START_TEST(test_ends_of_exp) {
  SKIP_WITHOUT_LEVEL();
  check_ends();
}
END_TEST

Suite *suite_make(void) {
  Suite *suite = suite_create("wide_math_" LEVEL_NAME);
  TCase *tcase = tcase_create("wide_math");
  tcase_set_timeout(tcase, 0);
  suite_add(tcase, test_conversions);
  suite_add(tcase, test_complex_products);
  suite_add(tcase, test_exp);
  suite_add(tcase, test_sin_cos);
  suite_add(tcase, test_softplus);
  suite_add(tcase, test_ends_of_exp);
  suite_add_tcase(suite, tcase);
  return suite;
}
