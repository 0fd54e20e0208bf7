/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of a test: a host image of memory with guards at both ends, any strides, and a start
 * that is aligned to the element but not to more. The image is what travels to a device, so the
 * bytes between strided elements and the guards travel too and can be checked afterwards. */
#ifndef SEQMIX_VERIFY_TENSORS_H
#define SEQMIX_VERIFY_TENSORS_H

#include <stdint.h>

#include <seqmix/types.h>

/* Bytes of guard at each end of a storage: a cache line, as wide as the widest vector. */
#define TENSOR_GUARD 64

/* The memory one or several tensors (views into one packed tensor) lie in. */
typedef struct test_storage {
  unsigned char *bytes;
  uint64_t size;
  int references;
} test_storage;

typedef struct test_tensor {
  const char *name;
  seqmix_tensor view; /* `data` is NULL; byte_offset counts from the start of the storage */
  test_storage *storage;
} test_tensor;

/* A tensor with a storage of its own.
 * stride: elements, negative and zero allowed; NULL: contiguous
 * skew:   elements the start is moved away from 64-byte alignment */
test_tensor *tensor_new(const char *name, int32_t dtype, int ndim, const int64_t *shape,
                        const int64_t *stride, int skew);

/* A view into another tensor's storage, `offset` elements after its first element. */
test_tensor *tensor_view_of(const test_tensor *parent, const char *name, int ndim,
                            const int64_t *shape, const int64_t *stride, int64_t offset);

/* Frees the tensor, and its storage when it was the last of it. NULL is fine. */
void tensor_free(test_tensor *tensor);

int64_t tensor_elements(const test_tensor *tensor);

/* Walks all elements in row-major order:
 *   for (tensor_walk w = tensor_start(t); w.left; tensor_next(&w)) ... t->storage->bytes + w.at */
typedef struct tensor_walk {
  const seqmix_tensor *view;
  int64_t index[SEQMIX_MAX_DIMS];
  int64_t at;   /* byte address of the element in the storage */
  int64_t left; /* elements yet to come, this one included */
} tensor_walk;
tensor_walk tensor_start(const test_tensor *tensor);
void tensor_next(tensor_walk *walk);

/* Byte address of one element, by as many indices as the tensor has axes. */
int64_t tensor_at(const test_tensor *tensor, const int64_t *index);

/* The element of an image of the tensor's storage (its own, or one a device gave back). */
double tensor_load(const test_tensor *tensor, const unsigned char *image, int64_t at);
void tensor_store(test_tensor *tensor, int64_t at, double value);

/* Storage bytes outside the tensor's elements hold this pattern in outputs. */
unsigned char tensor_canary(uint64_t position);

/* Prepares an output: poison in its elements, the canary everywhere else. */
void tensor_poison(test_tensor *tensor);

/* Prepares the storage of inputs: NaN everywhere (for integers a number out of every range), so
 * that a read outside the elements shows in the result. To be called before values are set. */
void tensor_fill_gaps(test_tensor *tensor);

#endif
