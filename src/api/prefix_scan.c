/* SPDX-License-Identifier: Apache-2.0 */
#include "seqmix/prefix_scan.h"

#include <inttypes.h>

#include "api/entry.h"
#include "api/scans.h"
#include "api/segments.h"
#include "core/dispatch.h"
#include "core/error.h"

enum { SIXTEEN_BITS = SEQMIX_DTYPE_BIT(SEQMIX_F16) | SEQMIX_DTYPE_BIT(SEQMIX_BF16) };

static const int32_t no_axes[4] = {-1, -1, -1, -1};

static seqmix_status lower_x(const seqmix_checker *checker, const seqmix_prefix_scan_args *args,
                             seqmix_prefix_scan_problem *p) {
  SEQMIX_TRY(seqmix_check_tensor(checker, "x", args->x, 1, SEQMIX_MAX_DIMS));
  SEQMIX_TRY(seqmix_check_dtype(
      checker, "x", args->x,
      SEQMIX_FLOAT_BITS | SEQMIX_DTYPE_BIT(SEQMIX_F64) | SEQMIX_DTYPE_BIT(SEQMIX_I32)));
  p->x = seqmix_view_of(checker, args->x, no_axes);
  p->header.dtype = args->x->dtype;
  return SEQMIX_OK;
}

static seqmix_status lower_out(const seqmix_checker *checker, const seqmix_prefix_scan_args *args,
                               seqmix_prefix_scan_problem *p) {
  uint32_t type = SEQMIX_DTYPE_BIT(p->header.dtype);
  SEQMIX_TRY(seqmix_check_output(checker, "out", args->out,
                                 type & SIXTEEN_BITS ? type | SEQMIX_F32_BIT : type, args->x->shape,
                                 args->x->ndim, "x's shape"));
  p->out = seqmix_view_of(checker, args->out, no_axes);
  if (p->out.dtype != p->header.dtype) p->header.features |= SEQMIX_PREFIX_SCAN_OUT_F32;
  return SEQMIX_OK;
}

static seqmix_status lower_operation(const seqmix_checker *checker,
                                     const seqmix_prefix_scan_args *args,
                                     seqmix_prefix_scan_problem *p) {
  static const uint64_t op_features[] = {0, SEQMIX_PREFIX_SCAN_PRODUCT, SEQMIX_PREFIX_SCAN_MAX,
                                         SEQMIX_PREFIX_SCAN_LOGSUMEXP};
  SEQMIX_TRY(seqmix_check_range(checker, "op", args->op, SEQMIX_SCAN_SUM, SEQMIX_SCAN_LOGSUMEXP));
  if (args->op == SEQMIX_SCAN_LOGSUMEXP && p->header.dtype == SEQMIX_I32)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: op is logsumexp and x is int32; x must be f32, f16, bf16 or f64 then",
                       checker->op);
  p->scan_op = args->op;
  p->header.features |= op_features[args->op];
  if (args->exclusive) p->header.features |= SEQMIX_PREFIX_SCAN_EXCLUSIVE;
  if (args->reverse) p->header.features |= SEQMIX_PREFIX_SCAN_REVERSE;
  return SEQMIX_OK;
}

/* ---- axes ------------------------------------------------------------------------------------ */

/* An axis that is not scanned. */
typedef struct side_axis {
  int64_t size;
  int64_t x_stride;
  int64_t out_stride;
} side_axis;

/* By falling strides of x, regardless of direction. Where x is broadcast, its stride says nothing
 * of where the axis belongs, but that of out does. */
static uint64_t order_of(const side_axis *axis) {
  int64_t stride = axis->x_stride ? axis->x_stride : axis->out_stride;
  return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

static void insert_axis(side_axis *sorted, int32_t count, side_axis axis) {
  int32_t at = count;
  for (; at > 0 && order_of(&sorted[at - 1]) < order_of(&axis); at--) sorted[at] = sorted[at - 1];
  sorted[at] = axis;
}

/* Whether stepping along `outer` is going on where `inner` ends, in both tensors. The products
 * cannot overflow: an axis of two elements or more, of two bytes or more each, is addressable. */
static int is_one_axis(const side_axis *outer, const side_axis *inner) {
  return outer->x_stride == inner->x_stride * inner->size &&
         outer->out_stride == inner->out_stride * inner->size;
}

static void keep_axis(seqmix_prefix_scan_problem *p, const side_axis *axis) {
  p->sizes[p->axes] = axis->size;
  p->x_strides[p->axes] = axis->x_stride;
  p->out_strides[p->axes] = axis->out_stride;
  p->axes++;
}

static void lower_side_axes(const seqmix_tensor *x, const seqmix_tensor *out, int32_t scanned,
                            seqmix_prefix_scan_problem *p) {
  side_axis sorted[SEQMIX_MAX_DIMS], joined = {1, 0, 0};
  int32_t count = 0;
  for (int32_t i = 0; i < x->ndim; i++) {
    const side_axis axis = {x->shape[i], x->stride[i], out->stride[i]};
    if (i != scanned && axis.size != 1) insert_axis(sorted, count++, axis);
  }
  if (count > 0) joined = sorted[0];
  for (int32_t i = 1; i < count; i++) {
    if (is_one_axis(&joined, &sorted[i])) {
      joined = (side_axis){joined.size * sorted[i].size, sorted[i].x_stride, sorted[i].out_stride};
    } else {
      keep_axis(p, &joined);
      joined = sorted[i];
    }
  }
  keep_axis(p, &joined);
}

static int has_elements(const seqmix_tensor *tensor) {
  for (int32_t i = 0; i < tensor->ndim; i++)
    if (tensor->shape[i] == 0) return 0;
  return 1;
}

static seqmix_status lower_axes(const seqmix_checker *checker, const seqmix_prefix_scan_args *args,
                                seqmix_prefix_scan_problem *p) {
  const seqmix_tensor *x = args->x, *out = args->out;
  if (args->axis < -x->ndim || args->axis >= x->ndim)
    return seqmix_fail(SEQMIX_ERROR_INVALID_ARGUMENT,
                       "%s: axis is %d, but x has rank %d; it must be %d to %d", checker->op,
                       args->axis, x->ndim, -x->ndim, x->ndim - 1);
  int32_t axis = args->axis < 0 ? args->axis + x->ndim : args->axis;
  p->length = x->shape[axis];
  p->x_step = p->length == 1 ? 0 : x->stride[axis];
  p->out_step = p->length == 1 ? 0 : out->stride[axis];
  /* Without elements nothing bounds sizes and strides, and no backend is asked. */
  if (has_elements(x))
    lower_side_axes(x, out, axis, p);
  else
    keep_axis(p, &(const side_axis){0, 0, 0});
  return SEQMIX_OK;
}

/* ---- segments -------------------------------------------------------------------------------- */

static seqmix_status lower_segments(const seqmix_checker *checker,
                                    const seqmix_prefix_scan_args *args,
                                    seqmix_prefix_scan_problem *p) {
  SEQMIX_TRY(seqmix_check_range(checker, "max_seqlen", args->max_seqlen, 0, INT64_MAX));
  p->segments = 1;
  p->longest = p->length;
  if (!args->cu_seqlens) return SEQMIX_OK;
  SEQMIX_TRY(
      seqmix_take_segments(checker, "cu_seqlens", args->cu_seqlens, NULL, NULL, &p->segments));
  p->cu_seqlens = seqmix_index_view_of(checker, args->cu_seqlens);
  p->header.features |= SEQMIX_PREFIX_SCAN_SEGMENTS;
  if (args->max_seqlen > 0 && args->max_seqlen < p->length) p->longest = args->max_seqlen;
  return SEQMIX_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

seqmix_status seqmix_lower_prefix_scan(const seqmix_checker *checker,
                                       const seqmix_prefix_scan_args *args,
                                       seqmix_prefix_scan_problem *p) {
  *p = (seqmix_prefix_scan_problem){
      .header = {.struct_size = sizeof *p, .op = SEQMIX_OP_PREFIX_SCAN}};
  SEQMIX_TRY(lower_x(checker, args, p));
  SEQMIX_TRY(lower_out(checker, args, p));
  SEQMIX_TRY(lower_operation(checker, args, p));
  SEQMIX_TRY(lower_axes(checker, args, p));
  SEQMIX_TRY(lower_segments(checker, args, p));
  const seqmix_named_tensor out = {"out", args->out};
  const seqmix_named_tensor inputs[] = {{"x", args->x}, {"cu_seqlens", args->cu_seqlens}};
  SEQMIX_TRY(seqmix_check_overlaps(checker, &out, 1, inputs, 2));
  /* In device memory the kernels check them. */
  return p->cu_seqlens.bits && seqmix_is_host(checker)
             ? seqmix_check_segments(checker, "cu_seqlens", "max_seqlen", &p->cu_seqlens,
                                     p->segments, p->length, args->max_seqlen, &p->longest)
             : SEQMIX_OK;
}

static seqmix_status lower(const seqmix_context *context, const seqmix_prefix_scan_args *given,
                           seqmix_prefix_scan_args *args, seqmix_prefix_scan_problem *problem) {
  seqmix_checker checker;
  *args = (seqmix_prefix_scan_args)SEQMIX_PREFIX_SCAN_ARGS_INIT;
  SEQMIX_TRY(seqmix_begin_call("prefix_scan", context, given, args, sizeof *args, &checker));
  return seqmix_lower_prefix_scan(&checker, args, problem);
}

static int writes_nothing(const seqmix_prefix_scan_problem *problem) {
  return problem->sizes[0] == 0;
}

seqmix_status seqmix_prefix_scan(seqmix_context *context, const seqmix_prefix_scan_args *args) {
  seqmix_prefix_scan_args known;
  seqmix_prefix_scan_problem problem;
  SEQMIX_TRY(lower(context, args, &known, &problem));
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run(context, &problem.header, known.workspace, known.workspace_bytes);
}

seqmix_status seqmix_prefix_scan_workspace_size(seqmix_context *context,
                                                const seqmix_prefix_scan_args *args,
                                                uint64_t *bytes) {
  seqmix_prefix_scan_args known;
  seqmix_prefix_scan_problem problem;
  SEQMIX_TRY(seqmix_check_bytes("prefix_scan", bytes));
  SEQMIX_TRY(lower(context, args, &known, &problem));
  *bytes = 0;
  if (writes_nothing(&problem)) return SEQMIX_OK;
  return seqmix_run_workspace(context, &problem.header, bytes);
}
