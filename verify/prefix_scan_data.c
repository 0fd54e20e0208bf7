/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/prefix_scan_data.h"

#include <math.h>

#include "verify/scan_layouts.h"

/* ---- numbers --------------------------------------------------------------------------------- */

/* So small that a few of them leave the range of the type. */
static double tiny(int32_t dtype) {
  return dtype == SEQMIX_F64 ? 0x1p-1000 : dtype == SEQMIX_F16 ? 0x1p-12 : 0x1p-100;
}

/* Products of thousands stay around 1. */
static double near_one(const prefix_case *spec, random_state *random) {
  double length = (double)spec->shape[spec->axis];
  double size = exp(random_normal(random) / sqrt(length + 1));
  return random_one_in(random, 2) ? size : -size;
}

static double draw_usual(const prefix_case *spec, random_state *random) {
  return spec->op == SEQMIX_SCAN_PRODUCT ? near_one(spec, random) : random_normal(random);
}

/* Element i of `length` ones. */
static double draw_number(const prefix_case *spec, int64_t i, int64_t length,
                          random_state *random) {
  double usual = draw_usual(spec, random), small = tiny(spec->dtype);
  switch (spec->values) {
    case VALUES_ONES: return 1;
    case VALUES_POSITIVE: return random_unit(random);
    case VALUES_LARGE: return 1e4 * random_normal(random);
    case VALUES_SOME_ZERO: return random_one_in(random, 10) ? 0 : usual;
    case VALUES_SOME_NAN: return random_one_in(random, 20) ? (double)NAN : usual;
    case VALUES_SOME_INFINITE:
      if (!random_one_in(random, 20)) return usual;
      return random_one_in(random, 2) ? (double)INFINITY : -(double)INFINITY;
    case VALUES_SOME_LOST: return i % 3 == 0 ? -(double)INFINITY : usual;
    case VALUES_ALL_LOST: return -(double)INFINITY;
    case VALUES_DIP: return i < length / 2 ? small : 1 / small;
    case VALUES_SWING: return i < length / 2 ? 1 / small : small;
    default: return usual;
  }
}

static double draw_integer(const prefix_case *spec, random_state *random) {
  switch (spec->values) {
    case VALUES_ONES: return 1;
    case VALUES_LARGE: return (double)random_integer(random, INT32_MIN, INT32_MAX);
    case VALUES_SOME_ZERO: return (double)random_integer(random, 0, 9);
    default: return (double)(1 + 2 * random_integer(random, -5, 4));
  }
}

static void fill(prefix_data *data, random_state *random) {
  const prefix_case *spec = &data->spec;
  test_tensor *x = data->tensors[PREFIX_X];
  int64_t length = spec->shape[spec->axis];
  for (tensor_walk w = tensor_start(x); w.left; tensor_next(&w)) {
    int64_t i = spec->reverse ? length - 1 - w.index[spec->axis] : w.index[spec->axis];
    tensor_store(x, w.at,
                 spec->dtype == SEQMIX_I32 ? draw_integer(spec, random)
                                           : draw_number(spec, i, length, random));
  }
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Innermost first. */
static void order_axes(const prefix_case *spec, int *order) {
  int at = 0;
  if (spec->layout == PREFIX_AXIS_INSIDE) order[at++] = spec->axis;
  for (int i = 0; i < spec->rank; i++) {
    int axis = spec->layout == PREFIX_TURNED ? i : spec->rank - 1 - i;
    if (spec->layout != PREFIX_AXIS_INSIDE || axis != spec->axis) order[at++] = axis;
  }
}

static test_tensor *new_tensor(const prefix_case *spec, const char *name, int32_t dtype,
                               int is_output) {
  int order[SEQMIX_MAX_DIMS], spread = spec->layout == PREFIX_SPREAD;
  int64_t stride[SEQMIX_MAX_DIMS];
  int padded = spread || spec->layout == PREFIX_PADDED;
  order_axes(spec, order);
  ordered_strides(spec->shape, order, spec->rank, spread ? 2 : 1, padded ? 3 : 0, stride);
  for (int axis = 0; axis < spec->rank && !is_output; axis++) {
    int shared = spec->layout == (axis == spec->axis ? PREFIX_SHARED_AXIS : PREFIX_SHARED_OTHER);
    if (spec->layout == PREFIX_BACKWARDS) stride[axis] = -stride[axis];
    if (shared) stride[axis] = 0;
  }
  return tensor_new(name, dtype, spec->rank, spec->shape, stride, spec->skew);
}

static void draw_segments(prefix_data *data, random_state *random) {
  prefix_case *spec = &data->spec;
  sequence_options options = {
      .batch = spec->segmented ? spec->segments : 1,
      .t = spec->shape[spec->axis],
      .packed = spec->segmented,
      .empty_ends = spec->empty_ends,
      .wide_indices = spec->wide_indices,
      .strided_indices = spec->strided_indices,
      .skew = spec->skew,
  };
  data->segments = sequences_draw(&options, random);
  data->tensors[PREFIX_CU_SEQLENS] = sequences_cu_seqlens(&data->segments);
  spec->shape[spec->axis] = data->segments.total;
}

prefix_data prefix_draw(const prefix_case *spec, uint64_t seed) {
  prefix_data data = {.spec = *spec};
  random_state random = random_start(seed);
  if (!data.spec.dtype) data.spec.dtype = SEQMIX_F32;
  if (data.spec.dtype == SEQMIX_F64 || data.spec.dtype == SEQMIX_I32) data.spec.out_f32 = 0;
  draw_segments(&data, &random);
  data.tensors[PREFIX_X] = new_tensor(&data.spec, "x", data.spec.dtype, 0);
  tensor_fill_gaps(data.tensors[PREFIX_X]);
  fill(&data, &random);
  data.tensors[PREFIX_OUT] =
      new_tensor(&data.spec, "out", data.spec.out_f32 ? SEQMIX_F32 : data.spec.dtype, 1);
  tensor_poison(data.tensors[PREFIX_OUT]);
  return data;
}

void prefix_release(prefix_data *data) {
  for (int slot = 0; slot < PREFIX_SLOTS; slot++) tensor_free(data->tensors[slot]);
  sequences_release(&data->segments);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static seqmix_prefix_scan_args filled_args(const prefix_data *data,
                                           const seqmix_tensor *const tensors[]) {
  const prefix_case *spec = &data->spec;
  seqmix_prefix_scan_args args = SEQMIX_PREFIX_SCAN_ARGS_INIT;
  args.x = tensors[PREFIX_X];
  args.out = tensors[PREFIX_OUT];
  args.op = spec->op;
  args.axis = spec->axis == spec->rank - 1 ? -1 : spec->axis;
  args.exclusive = spec->exclusive;
  args.reverse = spec->reverse;
  args.cu_seqlens = tensors[PREFIX_CU_SEQLENS];
  args.max_seqlen = spec->hints && spec->segmented ? data->segments.longest : 0;
  return args;
}

static seqmix_status run(seqmix_context *context, const void *options,
                         const seqmix_tensor *const tensors[], void *workspace,
                         uint64_t workspace_bytes) {
  seqmix_prefix_scan_args args = filled_args(options, tensors);
  args.workspace = workspace;
  args.workspace_bytes = workspace_bytes;
  return seqmix_prefix_scan(context, &args);
}

static seqmix_status workspace_size(seqmix_context *context, const void *options,
                                    const seqmix_tensor *const tensors[], uint64_t *bytes) {
  seqmix_prefix_scan_args args = filled_args(options, tensors);
  return seqmix_prefix_scan_workspace_size(context, &args, bytes);
}

operator_call prefix_call(const prefix_data *data) {
  operator_call call = {
      .name = data->spec.name,
      .tensor_count = PREFIX_SLOTS,
      .outputs = 1u << PREFIX_OUT,
      .options = data,
      .run = run,
      .workspace_size = workspace_size,
  };
  for (int slot = 0; slot < PREFIX_SLOTS; slot++) call.tensors[slot] = data->tensors[slot];
  return call;
}

int32_t prefix_judge_type(const prefix_data *data) {
  int exact = data->spec.dtype == SEQMIX_F64 || data->spec.dtype == SEQMIX_I32;
  return exact ? data->spec.dtype : SEQMIX_F32;
}

/* The output's type decides, as in all scans. Logarithms are held to absolute bounds below 1. */
test_bound prefix_bound(const prefix_data *data) {
  const test_tensor *out = data->tensors[PREFIX_OUT];
  int32_t type = out->view.dtype;
  if (type == SEQMIX_I32 || data->spec.op == SEQMIX_SCAN_MAX) return (test_bound){0, 0, 0, 0};
  test_bound bound = tolerance_bound(SEQMIX_OP_PREFIX_SCAN, type, type, tensor_elements(out), 1, 8);
  if (data->spec.op == SEQMIX_SCAN_LOGSUMEXP) bound.floor = 1;
  return bound;
}
