/* SPDX-License-Identifier: Apache-2.0 */
/* Whether tensors share memory. Exact for what occurs (dense tensors, slices, views into one
 * packed tensor); where disjointness cannot be shown, the tensors count as overlapping. */
#include <stdlib.h>

#include "api/check.h"
#include "core/error.h"

/* An axis of more than one element, in bytes. */
typedef struct axis {
  int64_t stride;
  int64_t length;
} axis;

/* A tensor as the bytes it covers: `start` plus any sum of multiples of the strides (all
 * positive), each followed by `element` bytes. */
typedef struct cover {
  const void *handle; /* the buffer object where addresses cannot be compared; else NULL */
  int64_t start;
  int64_t element;
  int64_t reach; /* from start to the end of the last element */
  int32_t count;
  axis axes[SEQMIX_MAX_DIMS]; /* by rising stride */
  int is_empty;
} cover;

static cover cover_of(const seqmix_checker *checker, const seqmix_tensor *tensor) {
  cover result = {.element = (int64_t)seqmix_dtype_size(tensor->dtype)};
  int is_handle = checker->device->memory == SEQMIX_MEMORY_OPENCL;
  result.handle = is_handle ? tensor->data : NULL;
  result.start = (int64_t)tensor->byte_offset + (is_handle ? 0 : (int64_t)(intptr_t)tensor->data);
  result.reach = result.element;
  /* First, because the strides of an empty tensor may be anything. */
  for (int32_t i = 0; i < tensor->ndim; i++)
    if (tensor->shape[i] == 0) result.is_empty = 1;
  for (int32_t i = 0; i < tensor->ndim && !result.is_empty; i++) {
    if (tensor->shape[i] <= 1 || tensor->stride[i] == 0) continue;
    axis here = {tensor->stride[i] * result.element, tensor->shape[i]};
    if (here.stride < 0) {
      here.stride = -here.stride;
      result.start -= here.stride * (here.length - 1);
    }
    result.reach += here.stride * (here.length - 1);
    int32_t at = result.count++;
    for (; at > 0 && result.axes[at - 1].stride > here.stride; at--)
      result.axes[at] = result.axes[at - 1];
    result.axes[at] = here;
  }
  return result;
}

seqmix_status seqmix_check_distinct(const seqmix_checker *checker, const char *name,
                                    const seqmix_tensor *tensor) {
  cover of = cover_of(checker, tensor);
  int64_t reach = of.element;
  int distinct = 1;
  for (int32_t i = 0; i < tensor->ndim; i++) {
    if (tensor->shape[i] > 1 && tensor->stride[i] == 0) distinct = 0;
    if (tensor->shape[i] > 1 && tensor->stride[i] < 0 && !of.is_empty)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: %s's stride %d is negative; those of an output must be positive",
                         checker->op, name, i);
  }
  for (int32_t i = 0; i < of.count; i++) {
    if (of.axes[i].stride < reach) distinct = 0;
    reach += of.axes[i].stride * (of.axes[i].length - 1);
  }
  if (distinct || of.is_empty) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s's strides let its elements overlap; those of an output must keep them "
                     "apart",
                     checker->op, name);
}

/* Splits a cover at the stride `period`: true if all longer strides are multiples of it, and then
 * `*reach` is that of the shorter ones. */
static int splits_at(const cover *of, int64_t period, int64_t *reach) {
  *reach = of->element;
  for (int32_t i = 0; i < of->count; i++) {
    if (of->axes[i].stride < period)
      *reach += of->axes[i].stride * (of->axes[i].length - 1);
    else if (of->axes[i].stride % period != 0)
      return 0;
  }
  return *reach <= period;
}

/* Whether, folded to one period, the two lie side by side. */
static int apart_within(const cover *a, const cover *b, int64_t period) {
  int64_t reach_a, reach_b;
  if (!splits_at(a, period, &reach_a) || !splits_at(b, period, &reach_b)) return 0;
  int64_t distance = (b->start - a->start) % period;
  if (distance < 0) distance += period;
  return distance >= reach_a && distance + reach_b <= period;
}

static int are_apart(const cover *a, const cover *b) {
  if (a->is_empty || b->is_empty || a->handle != b->handle) return 1;
  if (a->start + a->reach <= b->start || b->start + b->reach <= a->start) return 1;
  for (int32_t i = 0; i < a->count; i++)
    if (apart_within(a, b, a->axes[i].stride)) return 1;
  for (int32_t i = 0; i < b->count; i++)
    if (apart_within(a, b, b->axes[i].stride)) return 1;
  return 0;
}

static seqmix_status check_pair(const seqmix_checker *checker, const seqmix_named_tensor *output,
                                const seqmix_named_tensor *other) {
  if (!output->tensor || !other->tensor) return SEQMIX_OK;
  cover a = cover_of(checker, output->tensor), b = cover_of(checker, other->tensor);
  if (are_apart(&a, &b)) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s overlaps %s in memory; an output must not share memory with another "
                     "tensor",
                     checker->op, output->name, other->name);
}

seqmix_status seqmix_check_overlaps(const seqmix_checker *checker,
                                    const seqmix_named_tensor *outputs, int32_t output_count,
                                    const seqmix_named_tensor *inputs, int32_t input_count) {
  for (int32_t i = 0; i < output_count; i++) {
    for (int32_t j = 0; j < input_count; j++)
      SEQMIX_TRY(check_pair(checker, &outputs[i], &inputs[j]));
    for (int32_t j = i + 1; j < output_count; j++)
      SEQMIX_TRY(check_pair(checker, &outputs[i], &outputs[j]));
  }
  return SEQMIX_OK;
}
