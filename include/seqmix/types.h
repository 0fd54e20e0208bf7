/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Status codes, element types and the tensor: what every other header speaks in.
 */
#ifndef SEQMIX_TYPES_H
#define SEQMIX_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a call came to. Anything but #SEQMIX_OK has a sentence in seqmix_last_error(). */
typedef enum seqmix_status {
  SEQMIX_OK = 0,                     /**< done, or on a GPU: accepted */
  SEQMIX_ERROR_INVALID_ARGUMENT = 1, /**< the caller's mistake; no output byte was written */
  SEQMIX_ERROR_UNSUPPORTED = 2,      /**< legal, but this device or version cannot do it */
  SEQMIX_ERROR_OUT_OF_MEMORY = 3,    /**< host or device memory; the context stays usable */
  SEQMIX_ERROR_DEVICE = 4,           /**< a driver or compiler failed; its log is in the text */
  SEQMIX_ERROR_NO_DEVICE = 5,        /**< the named device is not present */
  SEQMIX_ERROR_INTERNAL = 6          /**< a defect of seqmix: please report it */
} seqmix_status;

/** Element types. Structs carry them as `int32_t`, so that their size never changes. */
typedef enum seqmix_dtype {
  SEQMIX_F32 = 1,  /**< IEEE 754 binary32 */
  SEQMIX_F16 = 2,  /**< IEEE 754 binary16 */
  SEQMIX_BF16 = 3, /**< the upper half of a binary32 */
  SEQMIX_F64 = 4,  /**< IEEE 754 binary64 */
  SEQMIX_I32 = 5,  /**< signed, 32 bits */
  SEQMIX_I64 = 6,  /**< signed, 64 bits */
  SEQMIX_BOOL = 7, /**< one byte; zero is false, anything else true */
  SEQMIX_U8 = 8    /**< unsigned, 8 bits */
} seqmix_dtype;

/** Where the bytes of a tensor lie. */
typedef enum seqmix_memory {
  SEQMIX_MEMORY_CONTEXT = 0, /**< on the device of the context the call is made on */
  SEQMIX_MEMORY_HOST = 1,    /**< `data` is an ordinary pointer */
  SEQMIX_MEMORY_CUDA = 2,    /**< `data` is a CUDA device pointer */
  SEQMIX_MEMORY_OPENCL = 3,  /**< `data` is a `cl_mem` */
  SEQMIX_MEMORY_PLUGIN = 256 /**< this and higher numbers belong to plug-in backends */
} seqmix_memory;

/** The highest rank of a tensor. */
#define SEQMIX_MAX_DIMS 8

/**
 * A view of somebody's memory: a small value, copied freely, that owns nothing.
 *
 * Element (i0, i1, ...) lies at `data + byte_offset + (i0*stride[0] + i1*stride[1] + ...) *
 * element size`. Strides count elements; zero (broadcast) and, on inputs, negative strides are
 * legal. Members beyond `ndim` are not read. `reserved` must be zero.
 */
typedef struct seqmix_tensor {
  void *data;                      /**< may be NULL if there is no element */
  uint64_t byte_offset;            /**< from `data` to the first element */
  int32_t dtype;                   /**< a #seqmix_dtype */
  int32_t ndim;                    /**< 0 to #SEQMIX_MAX_DIMS */
  int64_t shape[SEQMIX_MAX_DIMS];  /**< elements along each axis */
  int64_t stride[SEQMIX_MAX_DIMS]; /**< elements from one index to the next, per axis */
  int32_t memory;        /**< a #seqmix_memory; one that is not the context's is refused */
  int32_t memory_device; /**< the device's number within that kind; read if `memory` is set */
  uint64_t reserved[2];  /**< 0 */
} seqmix_tensor;

/** Bytes of one element; 0 for a value that is no #seqmix_dtype. */
SEQMIX_EXPORT uint64_t seqmix_dtype_size(int32_t dtype);

/** "f32", "bf16", ...; "invalid" for a value that is no #seqmix_dtype. Never NULL. */
SEQMIX_EXPORT const char *seqmix_dtype_name(int32_t dtype);

/** "OK", "INVALID_ARGUMENT", ...; "unknown status" for any other value. Never NULL. */
SEQMIX_EXPORT const char *seqmix_status_name(seqmix_status status);

/**
 * The sentence that belongs to this thread's latest call that did not return #SEQMIX_OK: it
 * names the operator, the argument, what it was and what it must be. Successful calls leave it
 * alone. Never NULL; valid until the next failing call on the same thread.
 */
SEQMIX_EXPORT const char *seqmix_last_error(void);

/** A contiguous tensor (the last axis has stride 1) of rank 1, in the context's own memory. */
SEQMIX_EXPORT seqmix_tensor seqmix_tensor_1d(void *data, int32_t dtype, int64_t n0);
/** The same of rank 2. */
SEQMIX_EXPORT seqmix_tensor seqmix_tensor_2d(void *data, int32_t dtype, int64_t n0, int64_t n1);
/** The same of rank 3. */
SEQMIX_EXPORT seqmix_tensor seqmix_tensor_3d(void *data, int32_t dtype, int64_t n0, int64_t n1,
                                             int64_t n2);
/** The same of rank 4. */
SEQMIX_EXPORT seqmix_tensor seqmix_tensor_4d(void *data, int32_t dtype, int64_t n0, int64_t n1,
                                             int64_t n2, int64_t n3);

/**
 * A tensor of any rank. `stride` counts elements; NULL means contiguous. A rank outside
 * 0..#SEQMIX_MAX_DIMS is kept in `ndim` and reads nothing, so that the operator reports it.
 */
SEQMIX_EXPORT seqmix_tensor seqmix_tensor_nd(void *data, int32_t dtype, int32_t ndim,
                                             const int64_t *shape, const int64_t *stride);

/**
 * A view of a DLPack tensor.
 * @param out     receives the view
 * @param dltensor a `const DLTensor *` of DLPack (any 0.x or 1.x: the struct has not changed)
 * @return INVALID_ARGUMENT for NULL, a rank above #SEQMIX_MAX_DIMS or a negative size;
 *         UNSUPPORTED for an element type or a memory kind seqmix does not know.
 */
SEQMIX_EXPORT seqmix_status seqmix_tensor_from_dlpack(seqmix_tensor *out, const void *dltensor);

#ifdef __cplusplus
}
#endif

#endif
