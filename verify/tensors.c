/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "verify/memory.h"
#include "verify/numbers.h"

/* The lowest and highest element of the view, relative to its first; none: low > high. */
static void extent(const seqmix_tensor *view, int64_t *low, int64_t *high) {
  *low = *high = 0;
  for (int axis = 0; axis < view->ndim; axis++) {
    if (view->shape[axis] == 0) {
      *high = -1;
      *low = 0;
      return;
    }
    int64_t reach = (view->shape[axis] - 1) * view->stride[axis];
    *(reach < 0 ? low : high) += reach;
  }
}

test_tensor *tensor_new(const char *name, int32_t dtype, int ndim, const int64_t *shape,
                        const int64_t *stride, int skew) {
  test_tensor *tensor = memory_new(sizeof *tensor);
  int64_t low, high, size = (int64_t)seqmix_dtype_size(dtype);
  tensor->name = name;
  tensor->view = seqmix_tensor_nd(NULL, dtype, ndim, shape, stride);
  extent(&tensor->view, &low, &high);
  tensor->view.byte_offset = (uint64_t)(TENSOR_GUARD + (skew - low) * size);
  tensor->storage = memory_new(sizeof *tensor->storage);
  tensor->storage->size = (uint64_t)(2 * TENSOR_GUARD + (skew + high - low + 1) * size);
  tensor->storage->bytes = memory_new(tensor->storage->size);
  tensor->storage->references = 1;
  return tensor;
}

test_tensor *tensor_view_of(const test_tensor *parent, const char *name, int ndim,
                            const int64_t *shape, const int64_t *stride, int64_t offset) {
  test_tensor *tensor = memory_new(sizeof *tensor);
  int64_t size = (int64_t)seqmix_dtype_size(parent->view.dtype);
  tensor->name = name;
  tensor->view = seqmix_tensor_nd(NULL, parent->view.dtype, ndim, shape, stride);
  tensor->view.byte_offset = parent->view.byte_offset + (uint64_t)(offset * size);
  tensor->storage = parent->storage;
  tensor->storage->references++;
  return tensor;
}

void tensor_free(test_tensor *tensor) {
  if (!tensor) return;
  if (--tensor->storage->references == 0) {
    free(tensor->storage->bytes);
    free(tensor->storage);
  }
  free(tensor);
}

int64_t tensor_elements(const test_tensor *tensor) {
  int64_t count = 1;
  for (int axis = 0; axis < tensor->view.ndim; axis++) count *= tensor->view.shape[axis];
  return count;
}

tensor_walk tensor_start(const test_tensor *tensor) {
  tensor_walk walk = {&tensor->view, {0}, (int64_t)tensor->view.byte_offset, 0};
  walk.left = tensor_elements(tensor);
  return walk;
}

void tensor_next(tensor_walk *walk) {
  const seqmix_tensor *view = walk->view;
  int64_t size = (int64_t)seqmix_dtype_size(view->dtype);
  walk->left--;
  for (int axis = view->ndim - 1; axis >= 0; axis--) {
    walk->at += view->stride[axis] * size;
    if (++walk->index[axis] < view->shape[axis]) return;
    walk->at -= view->shape[axis] * view->stride[axis] * size;
    walk->index[axis] = 0;
  }
}

int64_t tensor_at(const test_tensor *tensor, const int64_t *index) {
  int64_t elements = 0;
  for (int axis = 0; axis < tensor->view.ndim; axis++) {
    elements += index[axis] * tensor->view.stride[axis];
  }
  return (int64_t)tensor->view.byte_offset +
         elements * (int64_t)seqmix_dtype_size(tensor->view.dtype);
}

double tensor_load(const test_tensor *tensor, const unsigned char *image, int64_t at) {
  return number_load(tensor->view.dtype, image + at);
}

void tensor_store(test_tensor *tensor, int64_t at, double value) {
  number_store(tensor->view.dtype, tensor->storage->bytes + at, value);
}

unsigned char tensor_canary(uint64_t position) { return (unsigned char)(0xc3 ^ (position * 29)); }

void tensor_poison(test_tensor *tensor) {
  test_storage *storage = tensor->storage;
  for (uint64_t i = 0; i < storage->size; i++) storage->bytes[i] = tensor_canary(i);
  for (tensor_walk w = tensor_start(tensor); w.left; tensor_next(&w)) {
    number_store_poison(tensor->view.dtype, storage->bytes + w.at);
  }
}

void tensor_fill_gaps(test_tensor *tensor) {
  int32_t dtype = tensor->view.dtype;
  int floating =
      dtype == SEQMIX_F32 || dtype == SEQMIX_F16 || dtype == SEQMIX_BF16 || dtype == SEQMIX_F64;
  uint64_t size = seqmix_dtype_size(dtype), first = tensor->view.byte_offset % size;
  for (uint64_t i = first; i + size <= tensor->storage->size; i += size) {
    number_store(dtype, tensor->storage->bytes + i, floating ? (double)NAN : size > 1 ? -7 : 1);
  }
}
