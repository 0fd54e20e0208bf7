/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/values/values.h"

#include <math.h>

#include "verify/numbers.h"

seqmix_context *values_open(int which) {
  seqmix_context *context = NULL;
  int is_reference = which % 2 == 0;
  seqmix_status status =
      seqmix_context_create(&context, is_reference ? "reference" : suite_device());
  if (status == SEQMIX_ERROR_NO_DEVICE && !is_reference) return NULL;
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  return context;
}

int values_computed(int which, seqmix_status status) {
  if (status == SEQMIX_ERROR_UNSUPPORTED && which % 2) return 0;
  ck_assert_msg(status == SEQMIX_OK, "%s", seqmix_last_error());
  return 1;
}

static int is_integer(int32_t dtype) { return dtype == SEQMIX_I32; }

void values_poison(void *data, int32_t dtype, int count) {
  for (int i = 0; i < count; i++) {
    char *at = (char *)data + (size_t)i * seqmix_dtype_size(dtype);
    if (is_integer(dtype))
      number_store_poison(dtype, at);
    else
      number_store(dtype, at, NAN);
  }
}

static int is_poison(int32_t dtype, const void *at) {
  return is_integer(dtype) ? number_is_poison(dtype, at) : isnan(number_load(dtype, at));
}

static int is_near(int32_t dtype, double got, double want) {
  if (isnan(want)) return isnan(got);
  if (isinf(want) || (dtype != SEQMIX_F32 && dtype != SEQMIX_F64)) return got == want;
  double relative = dtype == SEQMIX_F64 ? 1e-15 : 1e-6;
  return fabs(got - want) <= relative * fmax(1, fabs(want));
}

void values_expect(const char *what, const void *got, int32_t dtype, int count,
                   const double *want) {
  size_t size = seqmix_dtype_size(dtype);
  for (int i = 0; i < count; i++) {
    double x = number_load(dtype, (const char *)got + (size_t)i * size);
    ck_assert_msg(is_near(dtype, x, want[i]), "%s[%d] is %.9g, must be %.9g", what, i, x, want[i]);
  }
  ck_assert_msg(is_poison(dtype, (const char *)got + (size_t)count * size), "%s[%d] was written",
                what, count);
}
