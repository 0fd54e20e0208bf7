/* SPDX-License-Identifier: Apache-2.0 */
#include "tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/suite.h"
#include "verify/random.h"

static int64_t count_of(const seqmix_tensor *tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor->ndim; i++) count *= tensor->shape[i];
  return count;
}

int64_t tensor_bytes(const seqmix_tensor *tensor) {
  return count_of(tensor) * (int64_t)seqmix_dtype_size(tensor->dtype);
}

void fill_numbers(const seqmix_tensor *tensor, const char *name) {
  random_state random = random_start(suite_seed(name));
  int64_t count = count_of(tensor);
  for (int64_t i = 0; i < count; i++) ((float *)tensor->data)[i] = (float)random_normal(&random);
}

void narrow_to_bf16(seqmix_tensor *tensor) {
  int64_t count = count_of(tensor);
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, (char *)tensor->data + 4 * i, sizeof bits);
    uint16_t upper = (uint16_t)(bits >> 16);
    memcpy((char *)tensor->data + 2 * i, &upper, sizeof upper);
  }
  tensor->dtype = SEQMIX_BF16;
}

void convert_numbers(seqmix_tensor *tensor, int32_t dtype) {
  for (int64_t i = count_of(tensor) - 1; i >= 0; i--) {
    float number;
    memcpy(&number, (char *)tensor->data + 4 * i, sizeof number);
    double wide = number;
    int32_t whole = (int32_t)(100 * number);
    if (dtype == SEQMIX_F64) memcpy((char *)tensor->data + 8 * i, &wide, sizeof wide);
    if (dtype == SEQMIX_I32) memcpy((char *)tensor->data + 4 * i, &whole, sizeof whole);
  }
  tensor->dtype = dtype;
}

void set_index(seqmix_tensor *tensor, int i, int64_t value) {
  if (tensor->dtype == SEQMIX_I64) ((int64_t *)tensor->data)[i] = value;
  if (tensor->dtype == SEQMIX_I32) ((int32_t *)tensor->data)[i] = (int32_t)value;
}

void widen_index(seqmix_tensor *tensor) {
  for (int64_t i = count_of(tensor) - 1; i >= 0; i--) {
    int64_t value = ((int32_t *)tensor->data)[i];
    memcpy((char *)tensor->data + 8 * i, &value, sizeof value);
  }
  tensor->dtype = SEQMIX_I64;
}

void flip_axis(seqmix_tensor *tensor, int axis) {
  int64_t bytes = (int64_t)seqmix_dtype_size(tensor->dtype) * tensor->stride[axis];
  tensor->data = (char *)tensor->data + (tensor->shape[axis] - 1) * bytes;
  tensor->stride[axis] = -tensor->stride[axis];
}

/* ---- outputs -------------------------------------------------------------------------------- */

static int close_floats(const unsigned char *a, const unsigned char *b) {
  float got, wanted;
  memcpy(&got, a, sizeof got);
  memcpy(&wanted, b, sizeof wanted);
  if (isnan(got) || isnan(wanted)) return isnan(got) && isnan(wanted);
  if (isinf(got) || isinf(wanted)) return got == wanted;
  return fabsf(got - wanted) <= 1e-5f + 1e-5f * fabsf(wanted);
}

/* Of 16 bits: the same number or one next to it. */
static int close_halves(const unsigned char *a, const unsigned char *b) {
  uint16_t got, wanted;
  memcpy(&got, a, sizeof got);
  memcpy(&wanted, b, sizeof wanted);
  return abs(got - wanted) <= 1;
}

static int close_doubles(const unsigned char *a, const unsigned char *b) {
  double got, wanted;
  memcpy(&got, a, sizeof got);
  memcpy(&wanted, b, sizeof wanted);
  if (isnan(got) || isnan(wanted)) return isnan(got) && isnan(wanted);
  if (isinf(got) || isinf(wanted)) return got == wanted;
  return fabs(got - wanted) <= 1e-13 + 1e-13 * fabs(wanted);
}

static int close_elements(int32_t dtype, const unsigned char *a, const unsigned char *b) {
  switch (dtype) {
    case SEQMIX_F32: return close_floats(a, b);
    case SEQMIX_F64: return close_doubles(a, b);
    case SEQMIX_I32: return memcmp(a, b, 4) == 0;
    default: return close_halves(a, b);
  }
}

int compare_output(const char *row_name, const subject *s, const unsigned char *expected) {
  const seqmix_tensor *t = s->tensor;
  size_t size = seqmix_dtype_size(t->dtype);
  int64_t index[SEQMIX_MAX_DIMS] = {0}, count = count_of(t);
  int wrong = 0;
  for (int64_t n = 0; n < count; n++) {
    int64_t element = 0;
    for (int axis = 0; axis < t->ndim; axis++) element += index[axis] * t->stride[axis];
    size_t at =
        (size_t)((unsigned char *)t->data - arena) + t->byte_offset + (size_t)element * size;
    if (!close_elements(t->dtype, arena + at, expected + at) && !wrong++)
      fprintf(stderr, "  %s: %s is wrong, first in element %lld\n", row_name, s->name,
              (long long)n);
    memcpy(arena + at, expected + at, size);
    for (int axis = t->ndim - 1; axis >= 0 && ++index[axis] == t->shape[axis]; axis--)
      index[axis] = 0;
  }
  return wrong != 0;
}
