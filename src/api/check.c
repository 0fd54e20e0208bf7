/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "seqmix/sharing.h"

int seqmix_is_host(const seqmix_checker *checker) {
  return checker->device->memory == SEQMIX_MEMORY_HOST;
}

seqmix_status seqmix_check_struct(const char *op, const char *name, const void *given, void *known,
                                  uint64_t known_size, uint64_t first_size) {
  if (!given)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s is NULL; it must be a struct", op,
                       name);
  uint64_t size;
  memcpy(&size, given, sizeof size);
  /* No struct of ours will ever be this large: it is an uninitialised one. */
  if (size < first_size || size > 65536)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s's struct_size is %" PRIu64 "; it must be %" PRIu64
                       " (start from the _INIT macro)",
                       op, name, size, known_size);
  for (uint64_t i = known_size; i < size; i++)
    if (((const unsigned char *)given)[i])
      return seqmix_fail(SEQMIX_ERROR_UNSUPPORTED,
                         "%s: %s's struct_size is %" PRIu64
                         ", from a newer version, and it uses "
                         "a member beyond the %" PRIu64 " bytes this version knows",
                         op, name, size, known_size);
  memcpy(known, given, (size_t)(size < known_size ? size : known_size));
  return SEQMIX_OK;
}

seqmix_status seqmix_check_range(const seqmix_checker *checker, const char *name, int64_t value,
                                 int64_t least, int64_t most) {
  if (value >= least && value <= most) return SEQMIX_OK;
  if (most == INT64_MAX)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s is %" PRId64 "; it must be at least %" PRId64, checker->op, name,
                       value, least);
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s is %" PRId64 "; it must be %" PRId64 " to %" PRId64, checker->op, name,
                     value, least, most);
}

seqmix_status seqmix_check_not_zero(const seqmix_checker *checker, const char *name, int64_t value,
                                    const char *what) {
  if (value > 0) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s has %s %" PRId64 "; it must be at least 1", checker->op, name, what,
                     value);
}

seqmix_status seqmix_check_absent(const seqmix_checker *checker, const char *name,
                                  const seqmix_tensor *tensor, const char *beside) {
  if (!tensor) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s is given %s; it must be absent then",
                     checker->op, name, beside);
}

seqmix_status seqmix_check_given(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, const char *beside) {
  if (tensor) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s is NULL; it must be given %s",
                     checker->op, name, beside);
}

seqmix_status seqmix_take_scale(const seqmix_checker *checker, double given, int64_t head_dim,
                                double *scale) {
  int is_default = given == SEQMIX_SCALE_DEFAULT;
  /* Compared this way round, NaN fails too. */
  if (!is_default && !(fabs(given) <= FLT_MAX))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: scale is %g; it must be finite and within the range of f32",
                       checker->op, given);
  *scale = is_default ? 1.0 / sqrt((double)head_dim) : given;
  return SEQMIX_OK;
}

/* ---- one tensor ---------------------------------------------------------------------------- */

static int is_empty(const seqmix_tensor *tensor) {
  for (int32_t i = 0; i < tensor->ndim; i++)
    if (tensor->shape[i] == 0) return 1;
  return 0;
}

/* Whether element counts fit 63 bits, and all elements lie between address 0 and 2^63. */
static int is_addressable(const seqmix_checker *checker, const seqmix_tensor *tensor) {
  int64_t size = (int64_t)seqmix_dtype_size(tensor->dtype);
  int64_t bytes = size, below = 0, above = 1;
  for (int32_t i = 0; i < tensor->ndim && !is_empty(tensor); i++) {
    int64_t span;
    if (__builtin_mul_overflow(bytes, tensor->shape[i], &bytes)) return 0;
    if (__builtin_mul_overflow(tensor->stride[i], tensor->shape[i] - 1, &span)) return 0;
    int64_t *side = span < 0 ? &below : &above;
    if (__builtin_add_overflow(*side, span, side)) return 0;
  }
  if (__builtin_mul_overflow(below, size, &below)) return 0;
  if (__builtin_mul_overflow(above, size, &above)) return 0;
  int is_handle = checker->device->memory == SEQMIX_MEMORY_OPENCL;
  uint64_t address = is_handle ? 0 : (uint64_t)(uintptr_t)tensor->data;
  if (__builtin_add_overflow(address, tensor->byte_offset, &address)) return 0;
  return address <= (uint64_t)(INT64_MAX - above) && below >= -(int64_t)address;
}

static seqmix_status check_place(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor) {
  const seqmix_device_properties *device = checker->device;
  if (tensor->memory != SEQMIX_MEMORY_CONTEXT &&
      (tensor->memory != device->memory || tensor->memory_device != device->memory_device))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s lies in memory kind %d of device %d; it must be 0 (the context's "
                       "own) or kind %d of device %d",
                       checker->op, name, tensor->memory, tensor->memory_device, device->memory,
                       device->memory_device);
  if (tensor->reserved[0] || tensor->reserved[1])
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s's reserved members are %" PRIu64 " and %" PRIu64 "; they must be 0",
                       checker->op, name, tensor->reserved[0], tensor->reserved[1]);
  if (!tensor->data && !is_empty(tensor))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s's data is NULL; it must point to its elements", checker->op, name);
  uint64_t size = seqmix_dtype_size(tensor->dtype);
  uint64_t address = tensor->byte_offset;
  if (device->memory != SEQMIX_MEMORY_OPENCL) address += (uint64_t)(uintptr_t)tensor->data;
  if (address % size)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s's data plus byte_offset is 0x%" PRIx64
                       "; it must be a multiple of %" PRIu64 ", the size of an element",
                       checker->op, name, address, size);
  return SEQMIX_OK;
}

seqmix_status seqmix_check_tensor(const seqmix_checker *checker, const char *name,
                                  const seqmix_tensor *tensor, int32_t least_rank,
                                  int32_t most_rank) {
  if (!tensor)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s is NULL; it must be a tensor",
                       checker->op, name);
  if (tensor->ndim < least_rank || tensor->ndim > most_rank) {
    if (least_rank == most_rank)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s has rank %d; it must have rank %d",
                         checker->op, name, tensor->ndim, least_rank);
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s has rank %d; it must have rank %d to %d", checker->op, name,
                       tensor->ndim, least_rank, most_rank);
  }
  if (!seqmix_dtype_size(tensor->dtype))
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: %s's dtype is %d; it must be a seqmix_dtype", checker->op, name,
                       tensor->dtype);
  for (int32_t i = 0; i < tensor->ndim; i++)
    if (tensor->shape[i] < 0)
      return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                         "%s: %s's axis %d is %" PRId64 " long; it must be at least 0", checker->op,
                         name, i, tensor->shape[i]);
  if (!is_addressable(checker, tensor))
    return seqmix_fail(
        SEQMIX_ERROR_INVALID_ARGUMENT,
        "%s: %s's sizes and strides overflow; its bytes must be countable in 63 bits", checker->op,
        name);
  return check_place(checker, name, tensor);
}

seqmix_status seqmix_check_dtype(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, uint32_t allowed) {
  if (allowed & SEQMIX_DTYPE_BIT(tensor->dtype)) return SEQMIX_OK;
  char list[64] = "";
  size_t used = 0;
  for (int32_t dtype = 0; dtype < 32; dtype++)
    if ((allowed & SEQMIX_DTYPE_BIT(dtype)) && used < sizeof list)
      used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? " or " : "",
                               seqmix_dtype_name(dtype));
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s is %s; it must be %s", checker->op,
                     name, seqmix_dtype_name(tensor->dtype), list);
}

static const char *shape_text(const int64_t *shape, int32_t ndim, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "[");
  for (int32_t i = 0; i < ndim && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", shape[i]);
  if (used < size) snprintf(text + used, size - used, "]");
  return text;
}

seqmix_status seqmix_check_shape(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, const int64_t *expected,
                                 const char *symbols) {
  int64_t wanted[SEQMIX_MAX_DIMS];
  int same = 1;
  for (int32_t i = 0; i < tensor->ndim; i++) {
    wanted[i] = expected[i] < 0 ? tensor->shape[i] : expected[i];
    same = same && wanted[i] == tensor->shape[i];
  }
  if (same) return SEQMIX_OK;
  char had[200], must[200];
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT, "%s: %s has shape %s; it must be %s = %s",
                     checker->op, name, shape_text(tensor->shape, tensor->ndim, had, sizeof had),
                     symbols, shape_text(wanted, tensor->ndim, must, sizeof must));
}

seqmix_status seqmix_check_last_contiguous(const seqmix_checker *checker, const char *name,
                                           const seqmix_tensor *tensor) {
  int32_t last = tensor->ndim - 1;
  if (is_empty(tensor) || tensor->shape[last] <= 1 || tensor->stride[last] == 1) return SEQMIX_OK;
  return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                     "%s: %s's last stride is %" PRId64 "; it must be 1", checker->op, name,
                     tensor->stride[last]);
}

seqmix_status seqmix_check_index(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, int32_t rank) {
  SEQMIX_TRY(seqmix_check_tensor(checker, name, tensor, rank, rank));
  return seqmix_check_dtype(checker, name, tensor,
                            SEQMIX_DTYPE_BIT(SEQMIX_I32) | SEQMIX_DTYPE_BIT(SEQMIX_I64));
}

seqmix_status seqmix_check_output(const seqmix_checker *checker, const char *name,
                                  const seqmix_tensor *tensor, uint32_t types,
                                  const int64_t *expected, int32_t rank, const char *symbols) {
  SEQMIX_TRY(seqmix_check_tensor(checker, name, tensor, rank, rank));
  SEQMIX_TRY(seqmix_check_dtype(checker, name, tensor, types));
  SEQMIX_TRY(seqmix_check_shape(checker, name, tensor, expected, symbols));
  return seqmix_check_distinct(checker, name, tensor);
}

/* ---- views --------------------------------------------------------------------------------- */

/* The address with byte_offset applied where addresses can be computed with. */
static void *place_of(const seqmix_checker *checker, const seqmix_tensor *tensor,
                      uint64_t *byte_offset) {
  *byte_offset = tensor->byte_offset;
  if (checker->device->memory == SEQMIX_MEMORY_OPENCL || !tensor->data) return tensor->data;
  *byte_offset = 0;
  return (char *)tensor->data + tensor->byte_offset;
}

seqmix_view seqmix_view_of(const seqmix_checker *checker, const seqmix_tensor *tensor,
                           const int32_t axes[4]) {
  seqmix_view view = {0};
  if (!tensor) return view;
  view.data = place_of(checker, tensor, &view.byte_offset);
  view.dtype = tensor->dtype;
  for (int32_t i = 0; i < 4; i++)
    if (axes[i] >= 0 && tensor->shape[axes[i]] != 1) view.stride[i] = tensor->stride[axes[i]];
  return view;
}

seqmix_index_view seqmix_index_view_of(const seqmix_checker *checker, const seqmix_tensor *tensor) {
  seqmix_index_view view = {0};
  if (!tensor) return view;
  view.data = place_of(checker, tensor, &view.byte_offset);
  view.bits = tensor->dtype == SEQMIX_I64 ? 64 : 32;
  for (int32_t i = 0; i < tensor->ndim && i < 2; i++) view.stride[i] = tensor->stride[i];
  return view;
}
