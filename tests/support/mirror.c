/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/mirror.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORS_MOST = 24, ARGS_MOST = 1024 };

/* ---- where args structs have tensors ----------------------------------------------------------
 */

typedef struct member {
  size_t offset;
  int is_written;
} member;

#define IN(op, name) \
  { offsetof(seqmix_##op##_args, name), 0 }
#define OUT(op, name) \
  { offsetof(seqmix_##op##_args, name), 1 }
#define STATES(op)                                                                              \
  IN(op, past_state), OUT(op, present_state), IN(op, state_indices), IN(op, state_out_indices), \
      IN(op, cu_seqlens)
#define END \
  { 0, 0 }

static const member linear_recurrence[] = {IN(linear_recurrence, a), IN(linear_recurrence, b),
                                           OUT(linear_recurrence, out), STATES(linear_recurrence),
                                           END};
static const member selective_scan[] = {IN(selective_scan, u),
                                        IN(selective_scan, delta),
                                        IN(selective_scan, A),
                                        IN(selective_scan, B),
                                        IN(selective_scan, C),
                                        IN(selective_scan, D),
                                        IN(selective_scan, z),
                                        IN(selective_scan, delta_bias),
                                        OUT(selective_scan, out),
                                        STATES(selective_scan),
                                        END};
static const member causal_conv1d[] = {IN(causal_conv1d, x),    IN(causal_conv1d, weight),
                                       IN(causal_conv1d, bias), OUT(causal_conv1d, out),
                                       STATES(causal_conv1d),   END};
static const member prefix_scan[] = {IN(prefix_scan, x), OUT(prefix_scan, out),
                                     IN(prefix_scan, cu_seqlens), END};
static const member linear_attention[] = {IN(linear_attention, q),
                                          IN(linear_attention, k),
                                          IN(linear_attention, v),
                                          OUT(linear_attention, out),
                                          IN(linear_attention, decay),
                                          IN(linear_attention, decay_reverse),
                                          IN(linear_attention, beta),
                                          IN(linear_attention, erase),
                                          IN(linear_attention, a),
                                          IN(linear_attention, b),
                                          IN(linear_attention, bonus),
                                          IN(linear_attention, input_gate),
                                          IN(linear_attention, past_normalizer),
                                          IN(linear_attention, past_stabilizer),
                                          OUT(linear_attention, present_normalizer),
                                          OUT(linear_attention, present_stabilizer),
                                          STATES(linear_attention),
                                          END};
static const member attention[] = {END}, attention_merge[] = {END}; /* no test needs them */

static const member *const members[SEQMIX_OPERATOR_COUNT] = {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) [SEQMIX_OP_##NAME] = name,
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR
};

static seqmix_status run(seqmix_context *context, seqmix_operator op, const void *args) {
  switch (op) {
#define SEQMIX_OPERATOR(name, NAME, tolerance, description) \
  case SEQMIX_OP_##NAME:                                    \
    return seqmix_##name(context, args);
#include <seqmix/operators.def>
#undef SEQMIX_OPERATOR
    default: abort();
  }
}

/* ---- copies -----------------------------------------------------------------------------------
 */

typedef struct copy {
  seqmix_tensor tensor; /* on the device */
  char *host;
  uint64_t bytes;
  int is_written;
} copy;

/* The bytes a tensor covers: from where on, and how many. */
static uint64_t cover(const seqmix_tensor *tensor, char **start) {
  int64_t low = 0, high = 0, size = (int64_t)seqmix_dtype_size(tensor->dtype);
  for (int32_t axis = 0; axis < tensor->ndim; axis++) {
    if (tensor->shape[axis] == 0) return 0;
    int64_t reach = (tensor->shape[axis] - 1) * tensor->stride[axis] * size;
    *(reach < 0 ? &low : &high) += reach;
  }
  *start = (char *)tensor->data + tensor->byte_offset + low;
  return (uint64_t)(high - low + size);
}

/* A state that is updated in place has one copy. */
static void *shared_copy(const copy *copies, int count, const copy *one) {
  for (int i = 0; i < count; i++)
    if (copies[i].host == one->host && copies[i].bytes == one->bytes) return copies[i].tensor.data;
  return NULL;
}

static seqmix_status make_copy(seqmix_context *context, copy *copies, int count,
                               const seqmix_tensor *tensor) {
  copy *one = &copies[count];
  seqmix_status status = SEQMIX_OK;
  one->tensor = *tensor;
  one->bytes = cover(tensor, &one->host);
  one->tensor.data = shared_copy(copies, count, one);
  one->tensor.byte_offset = 0;
  if (!one->bytes) return SEQMIX_OK;
  one->tensor.byte_offset = (uint64_t)((char *)tensor->data + tensor->byte_offset - one->host);
  if (!one->tensor.data) status = seqmix_buffer_allocate(context, one->bytes, &one->tensor.data);
  if (!status) status = seqmix_buffer_upload(context, one->tensor.data, 0, one->host, one->bytes);
  return status;
}

static void free_copies(seqmix_context *context, const copy *copies, int count) {
  for (int i = 0; i < count; i++)
    if (shared_copy(copies, i, &copies[i]) == NULL)
      seqmix_buffer_free(context, copies[i].tensor.data);
}

static int in_host_memory(const seqmix_context *context) {
  for (int32_t i = 0; i < seqmix_device_count(); i++) {
    seqmix_device_info info = SEQMIX_DEVICE_INFO_INIT;
    if (seqmix_device_get_info(i, &info) == SEQMIX_OK &&
        strcmp(info.name, seqmix_context_device(context)) == 0)
      return info.memory == SEQMIX_MEMORY_HOST;
  }
  return 1;
}

seqmix_status mirror_call(seqmix_context *context, seqmix_operator op, const void *args) {
  static _Alignas(max_align_t) char own[ARGS_MOST];
  static copy copies[TENSORS_MOST];
  uint64_t size;
  int count = 0;
  if (in_host_memory(context)) return run(context, op, args);
  memcpy(&size, args, sizeof size);
  if (size > sizeof own) abort();
  memcpy(own, args, (size_t)size);
  memset(copies, 0, sizeof copies);
  seqmix_status status = SEQMIX_OK;
  for (const member *m = members[op]; m->offset && !status; m++) {
    const seqmix_tensor **tensor = (const seqmix_tensor **)(void *)(own + m->offset);
    if (!*tensor) continue;
    copies[count].is_written = m->is_written;
    status = make_copy(context, copies, count, *tensor);
    *tensor = &copies[count++].tensor;
  }
  if (!status) status = run(context, op, own);
  if (!status) status = seqmix_synchronize(context);
  for (int i = 0; i < count && !status; i++)
    if (copies[i].is_written && copies[i].bytes)
      status = seqmix_buffer_download(context, copies[i].tensor.data, 0, copies[i].host,
                                      copies[i].bytes);
  free_copies(context, copies, count);
  return status;
}
