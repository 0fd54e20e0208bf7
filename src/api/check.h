/* SPDX-License-Identifier: Apache-2.0 */
/* Validation shared by all operators. Each function either passes or sets the error text and
 * returns INVALID_ARGUMENT (UNSUPPORTED where said). */
#ifndef SEQMIX_API_CHECK_H
#define SEQMIX_API_CHECK_H

#include "seqmix/backend.h"
#include "seqmix/types.h"

/** Who checks, and against which device. */
typedef struct seqmix_checker {
  const char *op; /* every message starts with it */
  const seqmix_device_properties *device;
} seqmix_checker;

/** A tensor together with the name callers know it by. */
typedef struct seqmix_named_tensor {
  const char *name;
  const seqmix_tensor *tensor;
} seqmix_named_tensor;

enum {
  SEQMIX_F32_BIT = SEQMIX_DTYPE_BIT(SEQMIX_F32),
  /** What operators compute on. */
  SEQMIX_FLOAT_BITS = SEQMIX_F32_BIT | SEQMIX_DTYPE_BIT(SEQMIX_F16) | SEQMIX_DTYPE_BIT(SEQMIX_BF16)
};

/**
 * Copies the caller's struct over `known`, which holds the defaults. Accepts an older, shorter
 * struct down to `first_size`; UNSUPPORTED for a newer one whose unknown tail is not zero.
 */
seqmix_status seqmix_check_struct(const char *op, const char *name, const void *given, void *known,
                                  uint64_t known_size, uint64_t first_size);

seqmix_status seqmix_check_range(const seqmix_checker *checker, const char *name, int64_t value,
                                 int64_t least, int64_t most);

/** A size that cannot be 0: of `name`'s axis of `what`. */
seqmix_status seqmix_check_not_zero(const seqmix_checker *checker, const char *name, int64_t value,
                                    const char *what);

/** Passes if `tensor` is absent; `beside` says what it goes badly with: "with update_rule delta".
 */
seqmix_status seqmix_check_absent(const seqmix_checker *checker, const char *name,
                                  const seqmix_tensor *tensor, const char *beside);

/** Passes if `tensor` is given; `beside` says what calls for it. */
seqmix_status seqmix_check_given(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, const char *beside);

/** The argument `scale`, its default filled in. */
seqmix_status seqmix_take_scale(const seqmix_checker *checker, double given, int64_t head_dim,
                                double *scale);

/** Present, of rank `rank`, consistent in itself, on the right device, addressable. */
seqmix_status seqmix_check_tensor(const seqmix_checker *checker, const char *name,
                                  const seqmix_tensor *tensor, int32_t least_rank,
                                  int32_t most_rank);

/** One of the dtypes whose SEQMIX_DTYPE_BIT is in `allowed`. */
seqmix_status seqmix_check_dtype(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, uint32_t allowed);

/** Of shape `expected` (-1: any); `symbols` names the axes: "[B, Tq, Hq, D]". */
seqmix_status seqmix_check_shape(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, const int64_t *expected,
                                 const char *symbols);

/** Stride 1 along the last axis. */
seqmix_status seqmix_check_last_contiguous(const seqmix_checker *checker, const char *name,
                                           const seqmix_tensor *tensor);

/** An index array of int32 or int64 with `rank` axes. */
seqmix_status seqmix_check_index(const seqmix_checker *checker, const char *name,
                                 const seqmix_tensor *tensor, int32_t rank);

/** No two elements of an output at one place. */
seqmix_status seqmix_check_distinct(const seqmix_checker *checker, const char *name,
                                    const seqmix_tensor *tensor);

/** An output: a tensor of these types and this shape whose elements are distinct. */
seqmix_status seqmix_check_output(const seqmix_checker *checker, const char *name,
                                  const seqmix_tensor *tensor, uint32_t types,
                                  const int64_t *expected, int32_t rank, const char *symbols);

/** No output shares memory with an input or another output. Absent tensors are skipped. */
seqmix_status seqmix_check_overlaps(const seqmix_checker *checker,
                                    const seqmix_named_tensor *outputs, int32_t output_count,
                                    const seqmix_named_tensor *inputs, int32_t input_count);

/**
 * The tensor as a view. `axes[i]` is the tensor's axis that gives the view's stride i, -1 for
 * none (stride 0); an axis of length 1 also gets stride 0, so that it broadcasts.
 */
seqmix_view seqmix_view_of(const seqmix_checker *checker, const seqmix_tensor *tensor,
                           const int32_t axes[4]);

/** The index array as a view; absent if `tensor` is NULL. */
seqmix_index_view seqmix_index_view_of(const seqmix_checker *checker, const seqmix_tensor *tensor);

/** Whether the contents of index arrays can be read now. */
int seqmix_is_host(const seqmix_checker *checker);

#endif
