/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/error.h"
#include "seqmix/types.h"

uint64_t seqmix_dtype_size(int32_t dtype) {
  switch (dtype) {
    case SEQMIX_F64:
    case SEQMIX_I64: return 8;
    case SEQMIX_F32:
    case SEQMIX_I32: return 4;
    case SEQMIX_F16:
    case SEQMIX_BF16: return 2;
    case SEQMIX_BOOL:
    case SEQMIX_U8: return 1;
    default: return 0;
  }
}

const char *seqmix_dtype_name(int32_t dtype) {
  switch (dtype) {
    case SEQMIX_F32: return "f32";
    case SEQMIX_F16: return "f16";
    case SEQMIX_BF16: return "bf16";
    case SEQMIX_F64: return "f64";
    case SEQMIX_I32: return "int32";
    case SEQMIX_I64: return "int64";
    case SEQMIX_BOOL: return "bool";
    case SEQMIX_U8: return "u8";
    default: return "invalid";
  }
}

seqmix_tensor seqmix_tensor_nd(void *data, int32_t dtype, int32_t ndim, const int64_t *shape,
                               const int64_t *stride) {
  seqmix_tensor tensor = {.data = data, .dtype = dtype, .ndim = ndim};
  if (ndim < 0 || ndim > SEQMIX_MAX_DIMS || (ndim > 0 && !shape)) {
    if (ndim >= 0 && ndim <= SEQMIX_MAX_DIMS) tensor.ndim = -1;
    return tensor;
  }
  /* Sizes that overflow are wrapped here and refused, from `shape` alone, by the operator. */
  uint64_t dense = 1;
  for (int32_t i = ndim - 1; i >= 0; i--) {
    tensor.shape[i] = shape[i];
    tensor.stride[i] = stride ? stride[i] : (int64_t)dense;
    dense *= (uint64_t)shape[i];
  }
  return tensor;
}

seqmix_tensor seqmix_tensor_1d(void *data, int32_t dtype, int64_t n0) {
  return seqmix_tensor_nd(data, dtype, 1, (int64_t[]){n0}, NULL);
}

seqmix_tensor seqmix_tensor_2d(void *data, int32_t dtype, int64_t n0, int64_t n1) {
  return seqmix_tensor_nd(data, dtype, 2, (int64_t[]){n0, n1}, NULL);
}

seqmix_tensor seqmix_tensor_3d(void *data, int32_t dtype, int64_t n0, int64_t n1, int64_t n2) {
  return seqmix_tensor_nd(data, dtype, 3, (int64_t[]){n0, n1, n2}, NULL);
}

seqmix_tensor seqmix_tensor_4d(void *data, int32_t dtype, int64_t n0, int64_t n1, int64_t n2,
                               int64_t n3) {
  return seqmix_tensor_nd(data, dtype, 4, (int64_t[]){n0, n1, n2, n3}, NULL);
}

/* ---- DLPack -------------------------------------------------------------------------------- */

/* The one struct of DLPack needed here, written out so that no header has to be found to build
 * the library; a test compares it with the real one. */
typedef struct dlpack_tensor {
  void *data;
  int32_t device_type;
  int32_t device_id;
  int32_t ndim;
  uint8_t dtype_code;
  uint8_t dtype_bits;
  uint16_t dtype_lanes;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} dlpack_tensor;

enum { DLPACK_INT = 0, DLPACK_UINT = 1, DLPACK_FLOAT = 2, DLPACK_BFLOAT = 4, DLPACK_BOOL = 6 };
enum { DLPACK_CPU = 1, DLPACK_CUDA = 2, DLPACK_CUDA_HOST = 3, DLPACK_OPENCL = 4 };

static int32_t dtype_from_dlpack(const dlpack_tensor *from) {
  static const struct {
    uint8_t code, bits;
    int32_t dtype;
  } known[] = {{DLPACK_FLOAT, 32, SEQMIX_F32},   {DLPACK_FLOAT, 16, SEQMIX_F16},
               {DLPACK_BFLOAT, 16, SEQMIX_BF16}, {DLPACK_FLOAT, 64, SEQMIX_F64},
               {DLPACK_INT, 32, SEQMIX_I32},     {DLPACK_INT, 64, SEQMIX_I64},
               {DLPACK_BOOL, 8, SEQMIX_BOOL},    {DLPACK_UINT, 8, SEQMIX_U8}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].code == from->dtype_code && known[i].bits == from->dtype_bits &&
        from->dtype_lanes == 1)
      return known[i].dtype;
  return 0;
}

static int32_t memory_from_dlpack(int32_t device_type) {
  switch (device_type) {
    case DLPACK_CPU:
    case DLPACK_CUDA_HOST: return SEQMIX_MEMORY_HOST;
    case DLPACK_CUDA: return SEQMIX_MEMORY_CUDA;
    case DLPACK_OPENCL: return SEQMIX_MEMORY_OPENCL;
    default: return -1;
  }
}

seqmix_status seqmix_tensor_from_dlpack(seqmix_tensor *out, const void *dltensor) {
  const dlpack_tensor *from = dltensor;
  if (!out || !from)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "tensor_from_dlpack: %s is NULL",
                       out ? "dltensor" : "out");
  if (from->ndim < 0 || from->ndim > SEQMIX_MAX_DIMS || (from->ndim > 0 && !from->shape))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "tensor_from_dlpack: dltensor has rank %d%s; it must be 0 to %d", from->ndim,
                       from->shape ? "" : " and no shape", SEQMIX_MAX_DIMS);
  for (int32_t i = 0; i < from->ndim; i++)
    if (from->shape[i] < 0)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "tensor_from_dlpack: dltensor's axis %d is %lld long; it must be >= 0", i,
                         (long long)from->shape[i]);
  int32_t dtype = dtype_from_dlpack(from), memory = memory_from_dlpack(from->device_type);
  if (!dtype)
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED,
                       "tensor_from_dlpack: dltensor's element type is code %d, %d bits, %d lanes; "
                       "it must be one of f32, f16, bf16, f64, int32, int64, bool, uint8",
                       from->dtype_code, from->dtype_bits, from->dtype_lanes);
  if (memory < 0)
    return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED,
                       "tensor_from_dlpack: dltensor's device type is %d; it must be CPU, CUDA, "
                       "CUDA host or OpenCL",
                       from->device_type);
  seqmix_tensor tensor =
      seqmix_tensor_nd(from->data, dtype, from->ndim, from->shape, from->strides);
  tensor.byte_offset = from->byte_offset;
  tensor.memory = memory;
  tensor.memory_device = memory == SEQMIX_MEMORY_HOST ? 0 : from->device_id;
  *out = tensor;
  return SEQMIX_OK;
}
